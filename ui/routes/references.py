"""Routes of reference pictures: upload (decoded by a guarded child before it is stored), and a small copy to show."""

from fastapi import APIRouter
from starlette.responses import FileResponse

from pipeline.library.references import keep, preview
from ui.problems import NotHere
from ui.receiving import Receiver
from ui.studio import Studio
from utils.digest import is_digest

MOST_BYTES = 50_000_000


def routes(studio: Studio) -> APIRouter:
    """/references."""
    router = APIRouter()
    router.post("/references")(Receiver(studio.home, "reference", MOST_BYTES, keep).add)

    @router.get("/references/{digest}")
    def shown(digest: str) -> FileResponse:
        if not is_digest(digest) or not preview(studio.home, digest).is_file():
            raise NotHere("This picture is not there any more.", "Add it again.")
        headers = {"Cache-Control": "private, max-age=86400"}
        return FileResponse(preview(studio.home, digest), media_type="image/jpeg", headers=headers)

    return router
