"""Gradio: which of its routes can be reached. It has more than fifty, of which the page uses eight.

The functions behind the form are called here and not by Gradio's own route, which copies any file of this machine to
where visitors can read it, keeps a state for each session that they make up, and answers nonsense with a traceback.
"""

import logging
from collections.abc import Sequence
from typing import Any

import gradio as gr
from fastapi import APIRouter
from gradio.exceptions import ComponentProcessingError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ui.json_body import JsonBody
from ui.problems import NotHere
from utils.errors import ReshootError

log = logging.getLogger(__name__)

CALL = "/gradio_api/run/predict"
PAGE = ("/", "/theme.css", "/manifest.json", "/pwa_icon", "/favicon.ico")
FRAME = "/static/js/iframeResizer.contentWindow.min.js"
NEEDED = frozenset((*PAGE, FRAME))


class RouteFilter:
    """Middleware before Gradio's own routes: those that the page does not use are not there, and none reads a query."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in NEEDED:
            await PlainTextResponse("There is no such page.", 404)(scope, receive, send)
            return
        if scope["type"] == "http":
            headers = [each for each in scope["headers"] if each[0] != b"x-gradio-server"]
            scope = {**scope, "headers": headers, "query_string": b""}
        await self._app(scope, receive, send)


def routes(blocks: gr.Blocks) -> APIRouter:
    """The functions behind the form."""
    router = APIRouter()

    @router.post(CALL)
    async def called(body: JsonBody, request: Request) -> Response:
        function = blocks.fns.get(body["fn_index"]) if type(body.get("fn_index")) is int else None
        if function is None or function.fn is None:
            raise NotHere("The form has no such function.", "Reload the page and try again.")
        values = _fitting(function.inputs, body.get("data"))
        try:
            told = await blocks.process_api(function, values, request=gr.Request(request))
        except (gr.Error, ComponentProcessingError) as error:
            problem = str(error.message) if isinstance(error, gr.Error) else "A value of the form cannot be read."
            log.warning("%s: %s", CALL, problem[:200])
            return JSONResponse({"error": problem, "title": "Not done", "duration": 10, "visible": True}, 400)
        return JSONResponse({"data": told["data"], "is_generating": False, "duration": told["duration"]})

    return router


def _fitting(inputs: Sequence[Any], values: object) -> list[Any]:
    """A value for each control; the page itself refuses those that are no plain values."""
    if not isinstance(values, list) or len(values) != len(inputs):
        raise ReshootError("The form has other controls than this page.", "Reload the page and try again.")
    return values
