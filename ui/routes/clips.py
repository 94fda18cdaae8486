"""Routes of clips: their inspection, estimates of what restyling them takes, the example clip, and deletion."""

import logging
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter
from starlette.responses import FileResponse

from pipeline.jobs.job import State
from pipeline.library.clips import EXAMPLE, Clips, Inspection, NoClip, StoredClip
from ui.problems import NotAllowed, NotHere
from ui.studio import Studio

if TYPE_CHECKING:
    from pipeline.preview.estimate import Finished

log = logging.getLogger(__name__)

MOST_INSPECTIONS, EXAMPLE_WAITERS = 2, 4


class InspectionQueue:
    """Inspects clips in background threads, each clip once and few at a time."""

    def __init__(self, clips: Clips) -> None:
        self._clips, self._under_way, self._lock = clips, set[str](), threading.Lock()
        self._failed: dict[str, Inspection] = {}
        self._slots = threading.Semaphore(MOST_INSPECTIONS)

    def request(self, clip: str) -> Inspection | None:
        """Start to inspect a clip, unless that is under way; returns the failure if it failed before."""
        with self._lock:
            if clip in self._failed or clip in self._under_way:
                return self._failed.get(clip)
            self._under_way.add(clip)
        threading.Thread(target=self._look, args=(clip,), name=f"look {clip}", daemon=True).start()
        return None

    def retry(self, clip: str) -> None:
        """Forget that the inspection of a clip failed; the next request inspects it again."""
        with self._lock:
            self._failed.pop(clip, None)
        self._clips.forget_failure(clip)

    def _look(self, clip: str) -> None:
        try:
            with self._slots:
                self._clips.look(clip)
        except NoClip:
            pass  # it was removed in the meantime
        except OSError as error:
            log.warning("The inspection of clip %s failed: %s", clip, error)
            problem = f"What this clip is could not be found out: {error.strerror or error}."
            self._fail(
                clip,
                Inspection(problem=problem, remedy="Make room on the disk or close other work, then add it again."),
            )
        except Exception as error:
            log.warning("The inspection of clip %s failed.", clip, exc_info=True)
            problem = f"Something in Reshoot went wrong at the look at this clip ({type(error).__name__})."
            self._fail(clip, Inspection(problem=problem, remedy="Add the clip again; the app's log has the details."))
        finally:
            with self._lock:
                self._under_way.discard(clip)

    def _fail(self, clip: str, failed: Inspection) -> None:
        """Store the failure, at least in memory: a full disk may be its very cause."""
        with self._lock:
            self._failed[clip] = failed
        with suppress(OSError, NoClip):
            self._clips.keep(clip, failed)


def routes(studio: Studio) -> APIRouter:
    """/clips."""
    router, clips = APIRouter(), Clips(studio.home)
    inspections, waiters = InspectionQueue(clips), anyio.CapacityLimiter(EXAMPLE_WAITERS)

    @router.post("/clips/example")
    async def example() -> dict[str, str]:
        clip = await run_sync(clips.example, limiter=waiters)
        await run_sync(inspections.retry, clip)
        return {"id": clip}

    @router.get("/clips/{clip}")
    def show(clip: str) -> dict[str, Any]:
        stored = _found(clips, clip)
        if stored.inspection is None:
            stored = replace(stored, inspection=inspections.request(clip))
        facts = stored.inspection.facts if stored.inspection else None
        return _to_json(stored, clips) | {"estimates": _estimates(facts, studio, clips) if facts else {}}

    @router.get("/clips/{clip}/poster.jpg")
    def poster(clip: str) -> FileResponse:
        _found(clips, clip)
        if not clips.poster(clip).is_file():
            raise NotHere("This clip has no picture.", "It is only missing in the list.")
        return FileResponse(
            clips.poster(clip), media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"}
        )

    @router.delete("/clips/{clip}")
    def remove(clip: str) -> dict[str, bool]:
        _found(clips, clip)
        if clip == EXAMPLE:
            raise NotAllowed("The example stays.", "Take it off the list instead.")
        return {"removed": clips.remove(clip, lambda: {job.order.clip for job in studio.ledger.all()})}

    return router


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
        "example": stored.id == EXAMPLE,
    }


def _estimates(facts: Mapping[str, Any], studio: Studio, clips: Clips) -> dict[str, Any]:
    """Estimated time of each preset, calibrated by this home's finished jobs."""
    from pipeline.preview.estimate import estimates

    return dict(estimates(facts, _history(studio, clips)))


def _history(studio: Studio, clips: Clips) -> list["Finished"]:
    """The latest finished jobs that took nothing from the cache, in the order in which they ended."""
    from pipeline.preview.estimate import LATEST, Finished

    done = [job for job in studio.ledger.all() if job.state is State.DONE and job.result.get("cached") == 0]
    known: list[Finished] = []
    for job in sorted(done, key=lambda job: job.finished_at or 0)[-LATEST:]:
        with suppress(NoClip):  # a file that was given on the command line, or is gone
            inspection = clips.get(Path(job.order.clip).parent.name).inspection
            if inspection and inspection.facts:
                pixels = inspection.facts["width"] * inspection.facts["height"]
                known.append(Finished(job.order.preset, job.result["frames"], pixels, job.result["seconds"]))
    return known
