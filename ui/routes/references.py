"""Routes of reference pictures: upload (decoded by a guarded child before it is stored), and a small copy to show."""

import re
import secrets
import shutil
from pathlib import Path

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response

from pipeline.library.given import PART
from pipeline.library.references import FOLDER, keep, preview
from ui.problems import NotHere, TooLarge
from ui.studio import Studio
from utils.errors import ReshootError
from utils.uploads import SPARE_BYTES

MOST_BYTES = 50_000_000
AT_ONCE = 2
SILENCE_S = 60.0
"""How long a request may send nothing."""
DIGEST = re.compile(r"[0-9a-f]{64}")


def routes(studio: Studio) -> APIRouter:
    """/references."""
    router, folder = APIRouter(), studio.home.absolute() / FOLDER
    readers = anyio.CapacityLimiter(AT_ONCE)

    @router.post("/references")
    async def add(request: Request) -> Response:
        part = folder / f".{secrets.token_hex(12)}{PART}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            await _receive(request, part)
            kept = await run_sync(keep, studio.home, part, limiter=readers)
        except (ClientDisconnect, TimeoutError):
            return JSONResponse({"problem": "The connection broke.", "remedy": "Add the picture again."}, 408)
        except OSError as error:
            problem = f"The picture could not be kept: {error.strerror or error}."
            raise ReshootError(problem, "Make room on the disk, then add it again.") from error
        finally:
            part.unlink(missing_ok=True)
        return JSONResponse({"digest": kept.digest, "width": kept.width_px, "height": kept.height_px}, 201)

    @router.get("/references/{digest}")
    def shown(digest: str) -> FileResponse:
        if not DIGEST.fullmatch(digest) or not preview(studio.home, digest).is_file():
            raise NotHere("This picture is not there any more.", "Add it again.")
        headers = {"Cache-Control": "private, max-age=86400"}
        return FileResponse(preview(studio.home, digest), media_type="image/jpeg", headers=headers)

    return router


async def _receive(request: Request, part: Path) -> None:
    """Stream the request body to a file."""
    if int(request.headers.get("content-length") or 0) > MOST_BYTES:
        raise _too_large()
    if shutil.disk_usage(part.parent).free < SPARE_BYTES + MOST_BYTES:
        raise ReshootError("There is too little room on the disk for a picture.", "Free some, then add it again.")
    stream, came = request.stream().__aiter__(), 0
    async with await anyio.open_file(part, "xb") as file:
        while True:
            with anyio.fail_after(SILENCE_S):
                data = await anext(stream, None)
            if data is None:
                return
            came += len(data)
            if came > MOST_BYTES:
                raise _too_large()
            await file.write(data)


def _too_large() -> TooLarge:
    return TooLarge(f"A reference picture has {MOST_BYTES // 10**6} MB at most.", "Make it smaller and add that.")
