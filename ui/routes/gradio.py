"""Gradio: which of its routes can be reached. It has more than fifty, of which the page uses eight.

The functions behind the form are called here and not by Gradio's own route, which copies any file of this machine to
where visitors can read it, keeps a state for each session that they make up, and answers nonsense with a traceback.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import APIRouter
from gradio.exceptions import ComponentProcessingError
from gradio.utils import get_upload_folder
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ui.problems import NotHere
from ui.json_body import Said
from utils.errors import ReshootError

log = logging.getLogger(__name__)

CALL = "/gradio_api/run/predict"
PAGE = ("/", "/theme.css", "/manifest.json", "/pwa_icon", "/favicon.ico")
FRAME = "/static/js/iframeResizer.contentWindow.min.js"
DROPPED_PICTURES = ("/gradio_api/upload", "/gradio_api/upload_progress")
"""For gr.File, by which the form takes a reference picture. To be removed together with it, as is `_is_dropped`."""
NEEDED = frozenset((*PAGE, FRAME, *DROPPED_PICTURES))


class OnlyNeeded:
    """Middleware before Gradio's own routes: those that the page does not use are not there, and none reads a query."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in NEEDED:
            await PlainTextResponse("There is no such page.", 404)(scope, receive, send)
            return
        if scope["type"] == "http" and scope["path"] not in DROPPED_PICTURES:
            headers = [each for each in scope["headers"] if each[0] != b"x-gradio-server"]
            scope = {**scope, "headers": headers, "query_string": b""}
        await self._app(scope, receive, send)


def routes(blocks: gr.Blocks) -> APIRouter:
    """The functions behind the form."""
    router = APIRouter()

    @router.post(CALL)
    async def called(said: Said, request: Request) -> Response:
        function = blocks.fns.get(said["fn_index"]) if type(said.get("fn_index")) is int else None
        if function is None or function.fn is None:
            raise NotHere("The form has no such function.", "Reload the page and try again.")
        values = _fitting(function.inputs, said.get("data"))
        try:
            told = await blocks.process_api(function, values, request=gr.Request(request))
        except (gr.Error, ComponentProcessingError) as error:
            problem = str(error.message) if isinstance(error, gr.Error) else "A value of the form cannot be read."
            log.warning("%s: %s", CALL, problem[:200])
            return JSONResponse({"error": problem, "title": "Not done", "duration": 10, "visible": True}, 400)
        return JSONResponse({"data": told["data"], "is_generating": False, "duration": told["duration"]})

    return router


def _fitting(inputs: Sequence[Any], values: object) -> list[Any]:
    """A plain value for each control."""
    if not isinstance(values, list) or len(values) != len(inputs):
        raise ReshootError("The form has other controls than this page.", "Reload the page and try again.")
    for control, value in zip(inputs, values, strict=True):
        plain = value is None or isinstance(value, str | int | float)
        if not plain and not (isinstance(control, gr.File) and _is_dropped(value)):
            raise ReshootError("A value of the form is of no kind that it has.", "Reload the page and try again.")
    return values


def _is_dropped(value: object) -> bool:
    """Whether this is a file that came in through the form, and not another one of this machine."""
    path = value.get("path") if isinstance(value, dict) else None
    if not isinstance(path, str) or "\0" in path:
        return False
    return Path(path).resolve().is_relative_to(Path(get_upload_folder()).resolve())
