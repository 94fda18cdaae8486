"""Routes of reference pictures: upload (decoded by a guarded child before it is stored), and a small copy to show."""

import re
import secrets

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response

from pipeline.library.given import PART
from pipeline.library.references import FOLDER, keep, preview
from ui.problems import NotHere
from ui.receiving import receive
from ui.studio import Studio
from utils.errors import ReshootError

MOST_BYTES = 50_000_000
AT_ONCE = 2
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
            await receive(request, part, "reference picture", MOST_BYTES)
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
