"""Limits which of Gradio's routes can be reached: it has more than fifty, of which the page uses six.

None of the others is needed, because no function of Python stands behind the page's parts. Some of them would copy any
local file to where visitors can read it, or keep state for every session id that a client invents.
"""

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

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
