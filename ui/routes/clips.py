"""Clips: what was found in each, what restyling it would take on this machine, and the example in one click."""

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

LOOKERS, EXAMPLE_WAITERS = 2, 4


class InspectionQueue:
    """Sees to it that every clip is looked at once, few at a time, without anybody waiting for it."""

    def __init__(self, clips: Clips) -> None:
        self._clips, self._under_way, self._lock = clips, set[str](), threading.Lock()
        self._failed: dict[str, Inspection] = {}
        self._turn = threading.Semaphore(LOOKERS)

    def see(self, clip: str) -> Inspection | None:
        """Have a clip looked at, unless that is under way, or failed: then why it did."""
        with self._lock:
            if clip in self._failed or clip in self._under_way:
                return self._failed.get(clip)
            self._under_way.add(clip)
        threading.Thread(target=self._look, args=(clip,), name=f"look {clip}", daemon=True).start()
        return None

    def again(self, clip: str) -> None:
        """Forget that a look failed; the next who asks for the clip has it looked at."""
        with self._lock:
            self._failed.pop(clip, None)
        self._clips.forget_failure(clip)

    def _look(self, clip: str) -> None:
        try:
            with self._turn:
                self._clips.look(clip)
        except NoClip:
            pass  # it was removed in the meantime
        except OSError as error:
            log.warning("The look at clip %s failed: %s", clip, error)
            problem = f"What this clip is could not be found out: {error.strerror or error}."
            self._fail(
                clip,
                Inspection(problem=problem, remedy="Make room on the disk or close other work, then add it again."),
            )
        except Exception as error:
            log.warning("The look at clip %s failed.", clip, exc_info=True)
            problem = f"Something in Reshoot went wrong at the look at this clip ({type(error).__name__})."
            self._fail(clip, Inspection(problem=problem, remedy="Add the clip again; the app's log has the details."))
        finally:
            with self._lock:
                self._under_way.discard(clip)

    def _fail(self, clip: str, failed: Inspection) -> None:
        """Keep why, here at least: a full disk may be the very reason."""
        with self._lock:
            self._failed[clip] = failed
        with suppress(OSError, NoClip):
            self._clips.keep(clip, failed)


def routes(studio: Studio) -> APIRouter:
    """/clips."""
    router, clips = APIRouter(), Clips(studio.home)
    lookout, waiters = InspectionQueue(clips), anyio.CapacityLimiter(EXAMPLE_WAITERS)

    @router.post("/clips/example")
    async def example() -> dict[str, str]:
        clip = await run_sync(clips.example, limiter=waiters)
        await run_sync(lookout.again, clip)
        return {"id": clip}

    @router.get("/clips/{clip}")
    def told(clip: str) -> dict[str, Any]:
        found = _found(clips, clip)
        if found.seen is None:
            found = replace(found, seen=lookout.see(clip))
        facts = found.seen.facts if found.seen else None
        return _told(found, clips) | {"estimates": _estimates(facts, studio, clips) if facts else {}}

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


def _told(found: StoredClip, clips: Clips) -> dict[str, Any]:
    """What the page shows of a clip."""
    seen = found.seen
    return {
        "id": found.id,
        "title": found.title,
        "bytes": found.bytes,
        "state": found.state,
        "facts": seen.facts if seen else None,
        "settings": seen.settings if seen else None,
        "problem": found.problem,
        "remedy": found.remedy,
        "poster": f"/studio/clips/{found.id}/poster.jpg" if clips.poster(found.id).is_file() else None,
        "example": found.id == EXAMPLE,
    }


def _estimates(facts: Mapping[str, Any], studio: Studio, clips: Clips) -> dict[str, Any]:
    """What each preset would take, learned from this home's jobs."""
    from pipeline.preview.estimate import estimates

    return dict(estimates(facts, _history(studio, clips)))


def _history(studio: Studio, clips: Clips) -> list["Finished"]:
    """The latest jobs that took nothing from the cache, in the order in which they ended."""
    from pipeline.preview.estimate import LATEST, Finished

    done = [job for job in studio.ledger.all() if job.state is State.DONE and job.result.get("cached") == 0]
    known: list[Finished] = []
    for job in sorted(done, key=lambda job: job.finished_at or 0)[-LATEST:]:
        with suppress(NoClip):  # a file that was given on the command line, or is gone
            seen = clips.get(Path(job.order.clip).parent.name).seen
            if seen and seen.facts:
                pixels = seen.facts["width"] * seen.facts["height"]
                known.append(Finished(job.order.preset, job.result["frames"], pixels, job.result["seconds"]))
    return known
