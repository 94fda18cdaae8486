"""A script that stands in the page itself: Gradio asks for what a page's head holds only when most of it is there."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEAD = b"<head>"


class Inlaid:
    """Middleware around Gradio's page: puts a script before all else in its head."""

    def __init__(self, app: ASGIApp, script: str) -> None:
        self._app, self._head = app, HEAD + f"<script>{script}</script>".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] != "/":
            await self._app(scope, receive, send)
            return
        start: Message = {}
        content = b""

        async def laid(message: Message) -> None:
            """A page is held until it is all there; whatever else is answered goes on as it comes."""
            nonlocal start, content
            if message["type"] == "http.response.start" and _is_page(message):
                start = message
            elif start and message["type"] == "http.response.body":
                content += message.get("body", b"")
                if not message.get("more_body"):
                    content = content.replace(HEAD, self._head, 1)
                    MutableHeaders(scope=start)["content-length"] = str(len(content))
                    await send(start)
                    await send({"type": "http.response.body", "body": content})
            else:
                await send(message)

        await self._app(scope, receive, laid)


def _is_page(start: Message) -> bool:
    return MutableHeaders(scope=start).get("content-type", "").startswith("text/html")
