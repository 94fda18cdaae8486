"""Routes of reference pictures: upload (decoded by a guarded child first), small copies, those that come along."""

from fastapi import APIRouter
from starlette.responses import FileResponse

from pipeline.engines.looks.styles import STYLES, style_file
from pipeline.library.references import keep, preview
from ui.problems import NotHere
from ui.receiving import Receiver
from ui.studio import Studio
from utils.digest import is_digest

MOST_BYTES = 50_000_000


def routes(studio: Studio) -> APIRouter:
    """/references, and /styles: the pictures that come along."""
    router = APIRouter()
    router.post("/references")(Receiver(studio.home, "reference", MOST_BYTES, keep).add)

    @router.get("/references/{digest}")
    def shown(digest: str) -> FileResponse:
        if not is_digest(digest) or not preview(studio.home, digest).is_file():
            raise NotHere("This picture is not there any more.", "Add it again.")
        headers = {"Cache-Control": "private, max-age=86400"}
        return FileResponse(preview(studio.home, digest), media_type="image/jpeg", headers=headers)

    @router.get("/styles/{name}")
    def style(name: str) -> FileResponse:
        if name not in STYLES:
            raise NotHere("There is no such style picture.", "Choose one of the form's.")
        return FileResponse(style_file(name), media_type="image/jpeg", headers={"Cache-Control": "max-age=86400"})

    return router
