"""Routes of mattes and brush strokes that people give: upload, and the strokes again for whoever goes on painting."""

from anyio.to_thread import run_sync
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.library.given import TITLES, find
from pipeline.library.mattes import keep, keep_strokes
from ui.problems import NotHere, TooLarge
from ui.receiving import Receiver, body_of
from ui.studio import Studio

MOST_BYTES, MOST_STROKES_BYTES = 4_000_000_000, 8_000_000


def routes(studio: Studio) -> APIRouter:
    """/mattes and /strokes."""
    router = APIRouter()
    router.post("/mattes")(Receiver(studio.home, "matte", MOST_BYTES, keep).add)

    @router.post("/strokes")
    async def paint(request: Request) -> Response:
        refusal = TooLarge(f"A {TITLES['strokes']} has {MOST_STROKES_BYTES // 10**6} MB at most.", "Give less at once.")
        body = await body_of(request, MOST_STROKES_BYTES, refusal)
        return JSONResponse({"digest": await run_sync(keep_strokes, studio.home, body)}, 201)

    @router.get("/strokes/{digest}")
    def painted(digest: str) -> Response:
        path = find(studio.home, "strokes", digest)
        if path is None:
            raise NotHere("These brush strokes are not there any more.", "Paint again.")
        headers = {"Content-Disposition": 'attachment; filename="strokes.json"'}
        return Response(path.read_bytes(), media_type="application/json", headers=headers)

    return router
