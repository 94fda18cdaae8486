"""Routes of mattes and brush strokes that people give: upload, and the strokes again for whoever goes on painting."""

import re
import secrets
from typing import Any

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from pipeline.library.given import FOLDERS, PART, find
from pipeline.library.mattes import keep, keep_strokes
from ui.json_body import JsonBody
from ui.problems import NotHere
from ui.receiving import receive
from ui.studio import Studio
from utils.digest import canonical_json
from utils.errors import ClipError, ReshootError, UnkeyableValue

MOST_BYTES = 4_000_000_000
AT_ONCE = 2
DIGEST = re.compile(r"[0-9a-f]{64}")


def routes(studio: Studio) -> APIRouter:
    """/mattes and /strokes."""
    router, folder = APIRouter(), studio.home.absolute() / FOLDERS["matte"]
    readers = anyio.CapacityLimiter(AT_ONCE)

    @router.post("/mattes")
    async def add(request: Request) -> Response:
        part = folder / f".{secrets.token_hex(12)}{PART}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            await receive(request, part, "matte", MOST_BYTES)
            kept = await run_sync(keep, studio.home, part, limiter=readers)
        except (ClientDisconnect, TimeoutError):
            return JSONResponse({"problem": "The connection broke.", "remedy": "Add the matte again."}, 408)
        except OSError as error:
            problem = f"The matte could not be kept: {error.strerror or error}."
            raise ReshootError(problem, "Make room on the disk, then add it again.") from error
        finally:
            part.unlink(missing_ok=True)
        return JSONResponse(vars(kept), 201)

    @router.post("/strokes")
    def paint(body: JsonBody) -> Response:
        try:
            return JSONResponse({"digest": keep_strokes(studio.home, canonical_json(body))}, 201)
        except UnkeyableValue as error:
            raise ClipError("These are no brush strokes.", "Reload the page and paint again.") from error

    @router.get("/strokes/{digest}")
    def painted(digest: str) -> Response:
        path = find(studio.home, "strokes", digest) if DIGEST.fullmatch(digest) else None
        if path is None:
            raise NotHere("These brush strokes are not there any more.", "Paint again.")
        headers: dict[str, Any] = {"Content-Disposition": 'attachment; filename="strokes.json"'}
        return Response(path.read_bytes(), media_type="application/json", headers=headers)

    return router
