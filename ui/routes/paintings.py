"""Routes of painted frames: what people drop on the strip of a clip, what of it was recognised, and small pictures."""

from pathlib import Path
from typing import Annotated, Any

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from pipeline.library.clips import Clips, NoClip
from pipeline.library.keys import keep
from pipeline.library.painting import join, known, sheet
from pipeline.library.strips import ID
from ui.problems import NotHere
from ui.receiving import AT_ONCE, Receiver
from ui.routes.keys import Listed, listed
from ui.studio import Studio
from utils.digest import is_digest
from utils.errors import SettingsError

MOST_BYTES = 1_000_000_000
Named = Annotated[str, Query(max_length=64)]


def routes(studio: Studio) -> APIRouter:
    """/clips/{id}/paintings and /paintings."""
    router, receiver = APIRouter(), Receiver(studio.home, "keys", MOST_BYTES, keep)
    readers = CapacityLimiter(AT_ONCE)

    @router.get("/clips/{clip}/paintings/{digest}")
    async def shown(clip: str, digest: str) -> dict[str, Any]:
        file, of = await run_sync(_clip, studio, clip)
        found = known(studio.home, _digest(digest), of)
        if found is None:
            found = await run_sync(lambda: join(studio.home, file, of, kept=digest), limiter=readers)
        return found.to_json()

    @router.post("/clips/{clip}/paintings")
    async def dropped(
        clip: str, request: Request, keys: Named = "", strip: Named = "", frames: Listed = ""
    ) -> Response:
        file, of = await run_sync(_clip, studio, clip)
        shown = (strip, listed(frames)) if ID.fullmatch(strip) and frames else None
        about: Any = {"kept": _digest(keys) if keys else None, "given_out": shown}
        return await receiver.answered(
            request, lambda part: join(studio.home, file, of, dropped=part, **about).to_json()
        )

    @router.delete("/clips/{clip}/paintings/{digest}/{frame}")
    async def away(clip: str, digest: str, frame: int) -> dict[str, Any]:
        file, of = await run_sync(_clip, studio, clip)
        kept = _digest(digest)
        left = await run_sync(lambda: join(studio.home, file, of, kept=kept, without=[frame]), limiter=readers)
        return left.to_json()

    @router.get("/paintings/{digest}.jpg")
    def small(digest: str) -> FileResponse:
        if not is_digest(digest) or not sheet(studio.home, digest).is_file():
            raise NotHere("These painted frames are not there any more.", "Drop them again.")
        headers = {"Cache-Control": "private, max-age=86400"}
        return FileResponse(sheet(studio.home, digest), media_type="image/jpeg", headers=headers)

    return router


def _clip(studio: Studio, clip: str) -> tuple[Path, str]:
    """The file of a clip, and the digest of its content."""
    clips = Clips(studio.home)
    try:
        return clips.path(clip), clips.digest(clip)
    except NoClip as error:
        raise NotHere(error.problem, error.remedy) from error


def _digest(said: str) -> str:
    if not is_digest(said):
        raise SettingsError("These painted frames cannot be read.", "Drop them again.")
    return said
