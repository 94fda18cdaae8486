"""Makes strips in a thread of the worker, one at a time, beside the job that runs and the previews."""

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from pipeline.engines.sessions import Sessions
from pipeline.jobs.progress_estimate import ProgressEstimate
from pipeline.jobs.strip_requests import StripProgress, StripRequest, StripRequests
from pipeline.library.strips import Strip
from pipeline.stage import RunContext
from pipeline.stage_texts import StageText
from utils.errors import Cancelled, ReshootError
from utils.process_resources import release_free_memory
from utils.progress import Cancel, repeating
from utils.store.shared.opening import open_store

log = logging.getLogger(__name__)

POLL_S, PULSE_S, REST_S = 0.25, 0.5, 2.0
STAGES = {
    "probe": StageText("", 2, 0),
    "given matte": StageText("", 1, 1),
    "analyse": StageText("", 70, 1),
    "matte": StageText("", 3, 1),
    "ground": StageText("", 2, 2),
    "joints": StageText("", 2, 3),
    "stabilise": StageText("", 1, 4),
    "key frames": StageText("", 10, 5),
    "key pictures": StageText("", 9, 6),
}
"""The usual share of each stage."""
DIED = StripProgress(
    problem="The worker ended while it looked for the frames to paint; the memory may have run out.",
    remedy="Try again, or use a part of the clip.",
)


class StripWorker:
    """A thread that claims and answers requests until it is stopped; `first` holds off less urgent work."""

    def __init__(
        self,
        home: Path,
        requests: StripRequests,
        worker: str,
        sessions: Sessions,
        first: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._home, self._requests, self._worker, self._sessions = home.absolute(), requests, worker, sessions
        self._first = first
        self._stopping = threading.Event()
        self._cancel = Cancel()
        self._thread = threading.Thread(target=self._run, name="strips", daemon=True)

    def recover(self) -> None:
        """Let the requests fail that this worker had claimed when it last died."""
        self._requests.recover(self._worker, DIED)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Claim no more requests, and leave the current one to the next worker."""
        self._stopping.set()
        self._cancel.ask()
        with suppress(SQLAlchemyError):
            self._requests.let_go(self._worker)

    def _run(self) -> None:
        while not self._stopping.wait(POLL_S):
            try:
                while not self._stopping.is_set() and (claimed := self._requests.claim(self._worker)):
                    self._answer(*claimed)
                    release_free_memory()
            except SQLAlchemyError as error:
                log.warning("Frames to paint wait for the database: %s", str(error).partition("\n")[0])
                self._stopping.wait(REST_S)

    def _answer(self, id: str, request: StripRequest) -> None:
        self._cancel = Cancel()
        making = _Making(self._requests, id, self._cancel)
        try:
            with self._first(), repeating("strip progress", PULSE_S, making.beat):
                self._make(id, request, making)
        except Cancelled:
            pass  # nobody waits for it, or the next worker makes it
        except ReshootError as error:
            self._requests.report(id, replace(making.now, problem=error.problem, remedy=error.remedy))
        except Exception as error:
            log.warning("The strip %s failed.", id, exc_info=True)
            problem = f"Something in Reshoot went wrong ({type(error).__name__})."
            remedy = "Try again; the worker's log has the details."
            self._requests.report(id, replace(making.now, problem=problem, remedy=remedy))
        else:
            self._requests.take_back(id)

    def _make(self, id: str, request: StripRequest, making: "_Making") -> None:
        from pipeline.keys.strip import make_strip
        from pipeline.see.open_clip import open_clip

        _, task, settings = request.order.task(self._home)
        context = RunContext(open_store(self._home), settings, making.progress.add, self._cancel, self._sessions)
        clip = open_clip(task.inputs["clip"], context)
        make_strip(Strip.of(self._home, id), clip, context, request.frames)


@dataclass
class _Making:
    """A strip that is being made, and the reports of how far it is."""

    requests: StripRequests
    id: str
    cancel: Cancel
    progress: ProgressEstimate = field(default_factory=lambda: ProgressEstimate(STAGES))

    @property
    def now(self) -> StripProgress:
        """How far it is."""
        known = self.progress
        return StripProgress(share=known.share, stage=known.stage, left_s=known.left_s)

    def beat(self) -> bool:
        """Report; cancels the work, and returns False, when nobody waits for it any more."""
        try:
            if self.requests.report(self.id, self.now):
                return True
        except SQLAlchemyError:
            return True  # told again when the database is back
        self.cancel.ask()
        return False
