"""Routes of the frames of a clip to paint: found by a worker, shown as a strip, and given out to be painted."""

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query
from starlette.responses import FileResponse, StreamingResponse

from pipeline.engines.keyframe.unshown import Unshown
from pipeline.jobs.frame_requests import STRIP, FrameRequest, FrameRequestError, FrameRequests, Standing
from pipeline.jobs.job import State
from pipeline.jobs.order import Order
from pipeline.jobs.results import Results
from pipeline.kinds import stage_sentence
from pipeline.library.clips import Clips, NoClip
from pipeline.library.strips import ID, PICTURE, Strip, file_of, id_of, trim_of
from ui.file_names import attachment, stem
from ui.json_body import JsonBody
from ui.problems import NotHere
from ui.routes.jobs import asked_settings, for_clip, order_of
from ui.routes.parts import asked_parts
from ui.studio import Studio
from ui.zip_stream import zip_stream
from utils.errors import SettingsError

STARTING_S, ALIVE_S = 20.0, 15.0
"""How long a worker may take to start, and after how long without heartbeat it counts as dead."""
MOST_FRAMES, LAST_FRAME = 1000, 999_999
Listed = Annotated[str, Query(max_length=8000, pattern=r"^(\d{1,6}(,\d{1,6})*)?$")]
"""Numbers of frames, with commas."""


def routes(studio: Studio) -> APIRouter:
    """/clips/{id}/keys."""
    router, requests = APIRouter(), FrameRequests(studio.ledger, STRIP)

    @router.post("/clips/{clip}/keys")
    def asked(clip: str, body: JsonBody) -> dict[str, Any]:
        order, frames = _order(studio, clip, body), _frames(body.get("frames", []))
        id = id_of(order.inputs["clip"], order.all_settings())
        strip = Strip.of(studio.home, id)
        known = strip.facts()
        if known is None or not all(strip.has(frame) for frame in frames if _is_in(known["span"], frame)):
            return {"id": id, **_progress(requests, id, FrameRequest(order, frames=frames))}
        return {"id": id, "state": "ready", **_shown(known, f"/studio/clips/{clip}/keys/{id}")}

    @router.delete("/clips/{clip}/keys/{id}")
    def stopped(clip: str, id: str) -> dict[str, Any]:
        requests.take_back(id)
        return {}

    @router.get("/clips/{clip}/keys/{id}/unreached")
    def told(clip: str, id: str, keys: Annotated[str, Query(max_length=64)]) -> dict[str, Any]:
        known = _strip(studio, id).facts()
        return {"unreached": [] if known is None else list(unreached(studio, known, keys))}

    @router.get("/clips/{clip}/keys/{id}/frames.zip")
    async def whole(clip: str, id: str, frames: Listed) -> StreamingResponse:
        name = f"{stem(_title(studio, clip))} - frames to paint"
        files = await run_sync(_strip(studio, id).archive, listed(frames), _title(studio, clip), name)
        if not files:
            raise _gone()
        headers = {**_headers(f"{name}.zip"), "Cache-Control": "no-store"}
        return StreamingResponse(zip_stream(files), headers=headers, media_type="application/zip")

    @router.get("/clips/{clip}/keys/{id}/{picture}")
    def one(clip: str, id: str, picture: str) -> FileResponse:
        path = _strip(studio, id).folder / picture
        if not PICTURE.fullmatch(picture) or not path.is_file():
            raise _gone()
        kept = {"Cache-Control": "private, max-age=86400"}
        if path.suffix == ".jpg":
            return FileResponse(path, media_type="image/jpeg", headers=kept)
        return FileResponse(path, media_type="image/png", headers={**_headers(picture), **kept})

    return router


def _order(studio: Studio, clip: str, body: Mapping[str, Any]) -> Order:
    """The order whose frames are to be painted; computes nothing."""
    try:
        return for_clip(Clips(studio.home), clip, order_of(studio, *asked_settings(body)), asked_parts(body))
    except NoClip as error:
        raise NotHere(error.problem, error.remedy) from error


def listed(frames: str) -> set[int]:
    """The frames that a query names."""
    return {int(frame) for frame in frames.split(",") if frame}


def _frames(said: object) -> tuple[int, ...]:
    """The frames of a request that are wanted beside the proposed ones."""
    if not isinstance(said, list) or len(said) > MOST_FRAMES or not all(type(each) is int for each in said):
        raise SettingsError("The frames to paint cannot be read.", "Reload the page, and try again.")
    return tuple(sorted({frame for frame in said if 0 <= frame <= LAST_FRAME}))


def _is_in(span: list[int], frame: int) -> bool:
    return span[0] <= frame < span[1]


def _shown(known: Mapping[str, Any], place: str) -> dict[str, Any]:
    """A strip as the page is told of it."""
    names = ("apply_to", "span", "shots", "seen", "proposed", "most_apart", "notes", "size")
    frames = [
        {
            "frame": key["frame"],
            "reason": key["reason"],
            "small": f"{place}/{file_of(key['frame'], 'jpg')}",
            "url": f"{place}/{key['file']}",
        }
        for key in known["keys"]
    ]
    return {**{name: known[name] for name in names}, "frames": frames, "archive": f"{place}/frames.zip"}


def _progress(requests: FrameRequests, id: str, request: FrameRequest) -> dict[str, Any]:
    """Ask for a strip, and tell how far it is; one that failed is told once, and may be asked for again."""
    if failed := requests.answer(id):
        requests.take_back(id)
        raise FrameRequestError(failed["problem"], failed["remedy"])
    known = requests.standing(id)
    if known is None:
        requests.ask(id, request)
        known = Standing()
    living = {sign.name for sign in requests.ledger.workers() if time.time() - sign.beat_at < ALIVE_S}
    if known.worker and known.worker not in living:
        requests.let_go(known.worker)
    if not living and known.waits_s > STARTING_S:
        requests.take_back(id)
        raise FrameRequestError(
            "No worker runs that could look for the frames to paint.",
            "Start one with `python -m pipeline worker`, or open the app without --no-worker.",
        )
    left_s = None if known.left_s is None else round(known.left_s)
    stage = stage_sentence(known.stage) if known.worker else "Waiting for the worker"
    return {"state": "working", "share": round(known.share, 3), "stage": stage, "left_s": left_s}


def unreached(studio: Studio, strip: Mapping[str, Any], keys: str) -> Iterator[dict[str, Any]]:
    """The frames of which the last job with these painted frames said that they show what none of these does."""
    done = [job for job in studio.ledger.in_state(State.DONE) if job.order.inputs.get("keys") == keys]
    for job in sorted(done, key=lambda job: job.finished_at or 0, reverse=True):
        if job.order.inputs["clip"] != strip["clip"] or _trim_of(job.order) != strip["trim"]:
            continue
        start, facts = strip["span"][0], Results.of(studio.home).facts(job.id) or {}
        for each in filter(None, map(Unshown.read, facts.get("warnings", ()))):
            first, stop = each.span.start + start, each.span.stop + start
            yield {"start": first, "stop": stop, "share": each.share, "frame": each.frame + start}
        return


def _trim_of(order: Order) -> list[float] | None:
    """The part of the clip that an order uses; None if it is of a version with other settings."""
    with suppress(SettingsError):
        return trim_of(order.all_settings())
    return None


def _strip(studio: Studio, id: str) -> Strip:
    if not ID.fullmatch(id):
        raise _gone()
    return Strip.of(studio.home, id)


def _title(studio: Studio, clip: str) -> str:
    try:
        return Clips(studio.home).get(clip).title
    except NoClip as error:
        raise NotHere(error.problem, error.remedy) from error


def _headers(name: str) -> dict[str, str]:
    return {"Content-Disposition": attachment(name), "X-Content-Type-Options": "nosniff"}


def _gone() -> NotHere:
    return NotHere("These frames are not there any more.", "Look at the clip again: they are found again.")
