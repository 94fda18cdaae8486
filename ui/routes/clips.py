"""Routes of clips: their inspection, estimates of what restyling them takes, their
film strips, the example clip, and deletion."""

import logging
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter
from starlette.responses import FileResponse

from pipeline.jobs.expectation import estimates
from pipeline.library.clips import EXAMPLE_TITLE, Clips, Inspection, NoClip, StoredClip
from pipeline.library.films import Films
from pipeline.library.showcase import READY_MADE, loop_of
from ui.json_body import JsonBody
from ui.problems import NotAllowed, NotHere
from ui.routes.jobs import asked_settings, order_of
from ui.studio import Studio

log = logging.getLogger(__name__)

MOST_INSPECTIONS, EXAMPLE_WAITERS = 2, 4


class InspectionQueue:
    """Inspects clips in background threads, each clip once and few at a time."""

    def __init__(self, clips: Clips) -> None:
        self._clips, self._under_way, self._lock = clips, set[str](), threading.Lock()
        self._failed: dict[str, tuple[float, Inspection]] = {}
        """The failure of each clip, and when that clip had been added."""
        self._slots = threading.Semaphore(MOST_INSPECTIONS)

    def request(self, stored: StoredClip) -> Inspection | None:
        """Start to inspect a clip, unless that is under way; returns the failure if it failed since it was added."""
        clip = stored.id
        with self._lock:
            added_at, failed = self._failed.get(clip, (0.0, None))
            if failed and added_at == stored.added_at:
                return failed
            if clip in self._under_way:
                return None
            self._under_way.add(clip)
        threading.Thread(target=self._look, args=(stored,), name=f"look {clip}", daemon=True).start()
        return None

    def retry(self, clip: str) -> None:
        """Forget that the inspection of a clip failed; the next request inspects it again."""
        with self._lock:
            self._failed.pop(clip, None)
        self._clips.forget_failure(clip)

    def _look(self, stored: StoredClip) -> None:
        clip = stored.id
        try:
            with self._slots:
                self._clips.look(clip)
        except NoClip:
            pass  # it was removed in the meantime
        except OSError as error:
            log.warning("The inspection of clip %s failed: %s", clip, error)
            problem = f"What this clip is could not be found out: {error.strerror or error}."
            self._fail(
                stored,
                Inspection(problem=problem, remedy="Make room on the disk or close other work, then add it again."),
            )
        except Exception as error:
            log.warning("The inspection of clip %s failed.", clip, exc_info=True)
            problem = f"Something in Reshoot went wrong at the look at this clip ({type(error).__name__})."
            self._fail(stored, Inspection(problem=problem, remedy="Add the clip again; the app's log has the details."))
        finally:
            with self._lock:
                self._under_way.discard(clip)

    def _fail(self, stored: StoredClip, failed: Inspection) -> None:
        """Store the failure, at least in memory: a full disk may be its very cause."""
        with self._lock:
            self._failed[stored.id] = (stored.added_at, failed)
        with suppress(OSError, NoClip):
            self._clips.keep(stored.id, failed)


def routes(studio: Studio) -> APIRouter:
    """/clips."""
    router, clips = APIRouter(), Clips(studio.home)
    inspections = InspectionQueue(clips)
    _add_example(router, studio, clips, inspections)
    strips = anyio.CapacityLimiter(MOST_INSPECTIONS)

    @router.get("/clips/{clip}")
    def show(clip: str) -> dict[str, Any]:
        stored = _found(clips, clip)
        if stored.inspection is None:
            stored = replace(stored, inspection=inspections.request(stored))
        facts = stored.inspection.facts if stored.inspection else None
        return _to_json(stored, clips) | {"estimates": estimates(studio.ledger, facts) if facts else {}}

    @router.post("/clips/{clip}/estimates")
    def expected(clip: str, body: JsonBody) -> dict[str, Any]:
        """As `show` tells them, with settings that are chosen and not submitted yet."""
        stored, asked = _found(clips, clip), order_of(studio, *asked_settings(body))
        facts = stored.inspection.facts if stored.inspection else None
        return {"estimates": estimates(studio.ledger, facts, {asked.kind: asked.settings}) if facts else {}}

    @router.get("/clips/{clip}/poster.jpg")
    def poster(clip: str) -> FileResponse:
        return _picture(clips.poster(_found(clips, clip).id))

    @router.get("/clips/{clip}/strip")
    async def strip(clip: str) -> dict[str, Any]:
        _found(clips, clip)
        shown = await run_sync(clips.strip, clip, limiter=strips)
        url = f"/studio/clips/{clip}/strip.jpg"
        return {
            "frames": shown.frames,
            "columns": shown.columns,
            "width": shown.width_px,
            "height": shown.height_px,
            "url": url,
        }

    @router.get("/clips/{clip}/strip.jpg")
    def strip_picture(clip: str) -> FileResponse:
        return _picture(clips.strip_picture(_found(clips, clip).id))

    @router.delete("/clips/{clip}")
    def remove(clip: str) -> dict[str, bool]:
        _found(clips, clip)
        if clip == clips.example_id():
            raise NotAllowed("The example stays.", "Take it off the list instead.")
        films = Films(studio.home)
        gone = clips.remove(clip, lambda: studio.ledger.inputs_in_use() | films.in_use(but=clip))
        if gone:
            films.remove(clip)
        return {"removed": gone}

    return router


def _picture(path: Path) -> FileResponse:
    if not path.is_file():
        raise NotHere("This clip has no picture.", "It is only missing in the list.")
    return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"})


def _add_example(router: APIRouter, studio: Studio, clips: Clips, inspections: InspectionQueue) -> None:
    """/clips/example: the clip that everybody can try, and its loop before and after."""
    waiters = anyio.CapacityLimiter(EXAMPLE_WAITERS)

    @router.post("/clips/example")
    async def example() -> dict[str, str]:
        clip = await run_sync(clips.example, READY_MADE / EXAMPLE_TITLE, limiter=waiters)
        await run_sync(inspections.retry, clip)
        return {"id": clip}

    @router.get("/clips/example/loop")
    def loop() -> dict[str, str | None]:
        return {"url": "/studio/clips/example/loop.mp4" if loop_of(studio.home) else None}

    @router.get("/clips/example/loop.mp4")
    def loop_file() -> FileResponse:
        if found := loop_of(studio.home):
            return FileResponse(found, media_type="video/mp4", headers={"Cache-Control": "private, max-age=3600"})
        raise NotHere("The loop is not made yet.", "It is made in the background.")


def _found(clips: Clips, clip: str) -> StoredClip:
    try:
        return clips.get(clip)
    except NoClip as error:
        raise NotHere(error.problem, error.remedy) from error


def _to_json(stored: StoredClip, clips: Clips) -> dict[str, Any]:
    """A clip as JSON for the page."""
    inspection = stored.inspection
    return {
        "id": stored.id,
        "title": stored.title,
        "bytes": stored.bytes,
        "state": stored.state,
        "facts": inspection.facts if inspection else None,
        "settings": inspection.settings if inspection else None,
        "problem": stored.problem,
        "remedy": stored.remedy,
        "poster": f"/studio/clips/{stored.id}/poster.jpg" if clips.poster(stored.id).is_file() else None,
        "address": stored.address,
        "example": stored.id == clips.example_id(),
    }
