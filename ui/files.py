"""Serves static files from memory, compressed once and with ETags, because a page requests about a hundred at once."""

import gzip
import mimetypes
from functools import lru_cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from utils.digest import digest_bytes

MOST_FILES, GZIP_LEVEL = 512, 6
FOREVER, ASK_FIRST = "public, max-age=31536000, immutable", "no-cache"
PACKED_ALREADY = ("image/jpeg", "image/png", "font/woff2")


class Files:
    """ASGI app that serves the files which exist in a folder at its start, and nothing else.

    Files named by their content are cached by browsers forever; others are revalidated by ETag.
    """

    def __init__(self, folder: Path, named_by_content: bool = False) -> None:
        self._files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        self._caching = FOREVER if named_by_content else ASK_FIRST

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = scope["path"].removeprefix(scope["root_path"]).lstrip("/")
        answer = self._answer(scope["method"], name, Headers(scope=scope))
        await answer(scope, receive, send)

    def _answer(self, method: str, name: str, headers: Headers) -> Response:
        if method not in ("GET", "HEAD"):
            return PlainTextResponse("This can only be read.", 405, {"Allow": "GET, HEAD"})
        try:
            path = self._files[name]
            whole, packed, tag = _read(path, path.stat().st_mtime_ns)
        except (KeyError, FileNotFoundError):
            return PlainTextResponse("There is no such file.", 404)
        about = {"ETag": tag, "Cache-Control": self._caching, "Vary": "Accept-Encoding"}
        if headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=about)
        if packed and "gzip" in headers.get("accept-encoding", ""):
            whole, about["Content-Encoding"] = packed, "gzip"
        answer = Response(whole, headers=about, media_type=mimetypes.guess_type(name)[0])
        if method == "HEAD":
            answer.body = b""
        return answer


@lru_cache(MOST_FILES)
def _read(path: Path, changed_ns: int) -> tuple[bytes, bytes | None, str]:
    """A file's content, its gzip version unless it is compressed already, and its ETag."""
    whole = path.read_bytes()
    worth = mimetypes.guess_type(path.name)[0] not in PACKED_ALREADY
    packed = gzip.compress(whole, GZIP_LEVEL, mtime=0) if worth else None
    return whole, packed, f'"{digest_bytes(whole)}"'
