"""Limits which of Gradio's routes can be reached: it has more than fifty, of which the page uses eight.

The form's event handlers are called by a route here instead of Gradio's own, which copies any local file to where
visitors can read it, keeps state for every session id that a client invents, and answers malformed calls with a
traceback.
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
    """Middleware in front of Gradio: answers 404 for routes that the page does not use, and removes query strings."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in NEEDED:
            await PlainTextResponse("There is no such page.", 404)(scope, receive, send)
            return
        if scope["type"] == "http":
            headers = [header for header in scope["headers"] if header[0] != b"x-gradio-server"]
            scope = {**scope, "headers": headers, "query_string": b""}
        await self._app(scope, receive, send)


def routes(blocks: gr.Blocks) -> APIRouter:
    """The route that calls the form's event handlers."""
    router = APIRouter()

    @router.post(CALL)
    async def call(body: JsonBody, request: Request) -> Response:
        function = blocks.fns.get(body["fn_index"]) if type(body.get("fn_index")) is int else None
        if function is None or function.fn is None:
            raise NotHere("The form has no such function.", "Reload the page and try again.")
        values = _fitting(function.inputs, body.get("data"))
        try:
            result = await blocks.process_api(function, values, request=gr.Request(request))
        except (gr.Error, ComponentProcessingError) as error:
            problem = str(error.message) if isinstance(error, gr.Error) else "A value of the form cannot be read."
            log.warning("%s: %s", CALL, problem[:200])
            return JSONResponse({"error": problem, "title": "Not done", "duration": 10, "visible": True}, 400)
        return JSONResponse({"data": result["data"], "is_generating": False, "duration": result["duration"]})

    return router


def _fitting(inputs: Sequence[Any], values: object) -> list[Any]:
    """Check that there is one value per control; ui/page.py replaces those that are not plain values."""
    if not isinstance(values, list) or len(values) != len(inputs):
        raise ReshootError("The form has other controls than this page.", "Reload the page and try again.")
    return values
