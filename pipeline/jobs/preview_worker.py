"""Makes frame previews in a thread of the worker, one at a time, beside the job that runs."""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from math import inf
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from pipeline.engines.sessions import Sessions
from pipeline.jobs.frame_previews import FramePreviews, PreviewRequest
from pipeline.stage import RunContext
from utils.errors import Cancelled, ReshootError
from utils.process_resources import release_free_memory
from utils.progress import Cancel, repeating
from utils.store.shared.opening import open_store

log = logging.getLogger(__name__)

POLL_S, PULSE_S, REST_S = 0.1, 0.25, 2.0
SOON_S, EDITING_S, TIDY_S = 0.015, 30.0, 1.5
"""How often requests are looked for, and for how long after one, because whoever edits will ask again; and how long
after the last one memory is given back."""
AFTER, BEFORE = "after.jpg", "before.jpg"
PART = ".part"
DIED = {
    "problem": "The worker ended while it made this preview; the memory may have run out.",
    "remedy": "Try again, or choose a smaller clip.",
}


class PreviewWorker:
    """A thread that claims and answers preview requests until it is stopped; `first` holds off less urgent work."""

    def __init__(
        self,
        home: Path,
        previews: FramePreviews,
        worker: str,
        sessions: Sessions,
        first: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._home, self._previews, self._worker, self._sessions = home.absolute(), previews, worker, sessions
        self._first = first
        self._stopping = threading.Event()
        self._cancel = Cancel()
        self._thread = threading.Thread(target=self._run, name="previews", daemon=True)

    def recover(self) -> None:
        """Answer, with an error, the requests that this worker had claimed when it last died."""
        self._previews.recover(self._worker, DIED)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Claim no more requests, and cancel the current one."""
        self._stopping.set()
        self._cancel.ask()

    def _run(self) -> None:
        _warm_up()
        until, seen, tidy_at = 0.0, None, inf
        while not self._stopping.wait(SOON_S if time.monotonic() < until else POLL_S):
            if time.monotonic() > tidy_at:  # not after each answer, for whoever edits asks again at once
                release_free_memory()
                tidy_at = inf
            written_ns = self._previews.written_ns()
            if written_ns is not None and written_ns == seen:
                continue
            try:
                while not self._stopping.is_set() and (claimed := self._previews.claim(self._worker)):
                    self._answer(*claimed)
                    until, tidy_at = time.monotonic() + EDITING_S, time.monotonic() + TIDY_S
                seen = written_ns
            except SQLAlchemyError as error:
                log.warning("Previews wait for the database: %s", str(error).partition("\n")[0])
                self._stopping.wait(REST_S)

    def _answer(self, id: str, request: PreviewRequest) -> None:
        with self._first(), self._watched(id):
            try:
                self._previews.store_answer(id, self._make(id, request))
            except Cancelled:
                pass  # nobody waits for it
            except ReshootError as error:
                self._previews.store_answer(id, {"problem": error.problem, "remedy": error.remedy})
            except Exception as error:
                log.warning("The preview %s failed.", id, exc_info=True)
                problem = f"Something in Reshoot went wrong ({type(error).__name__})."
                self._previews.store_answer(
                    id, {"problem": problem, "remedy": "Try again; the worker's log has the details."}
                )

    def _make(self, id: str, request: PreviewRequest) -> dict[str, Any]:
        """Write the preview's two pictures into its folder, which appears atomically; returns the facts about it."""
        from utils.image.jpeg import write_jpeg

        start = time.monotonic()
        kind, task, settings = request.order.task(self._home)
        if kind.preview is None:
            raise ReshootError(f"A job of the kind {kind.name!r} has no preview.", "Submit it.")
        context = RunContext(open_store(self._home), settings, cancel=self._cancel, sessions=self._sessions)
        preview = kind.preview(task, context, request.at)
        folder = self._home / "looks" / id
        part = folder.with_name(f"{id}{PART}")
        try:
            part.mkdir(parents=True)
            write_jpeg(part / AFTER, preview.after)
            write_jpeg(part / BEFORE, preview.before)
            part.rename(folder)
        except OSError as error:
            shutil.rmtree(part, ignore_errors=True)
            problem = f"The preview could not be kept: {error.strerror}."
            raise ReshootError(problem, "Make room on the disk, then try again.") from error
        return {**preview.to_json(), "seconds": round(time.monotonic() - start, 2)}

    @contextmanager
    def _watched(self, id: str) -> Iterator[None]:
        """Cancel the work as soon as the request is deleted."""
        self._cancel = Cancel()
        if self._stopping.is_set():
            self._cancel.ask()

        def watch() -> bool:
            try:
                if self._previews.is_wanted(id):
                    return True
            except SQLAlchemyError:
                return True  # the request is checked again when the database is back
            self._cancel.ask()
            return False

        with repeating("preview watch", PULSE_S, watch):
            yield


def _warm_up() -> None:
    """Import the modules that every preview needs, so that the first one does not wait for them."""
    import pipeline.preview.frame
    import pipeline.see.open_clip  # noqa: F401
