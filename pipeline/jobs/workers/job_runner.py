"""Runs one job from its clip to its result, and records in the ledger how it ended, as a sentence for people."""

import logging
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.engines.sessions import Sessions
from pipeline.jobs.costs import card_price, has_parts
from pipeline.jobs.database import Outage
from pipeline.jobs.expectation import Expectations
from pipeline.jobs.job import Job, RequestedAction, State
from pipeline.jobs.outage import DiskFull, OutageRetry
from pipeline.jobs.results import Results
from pipeline.jobs.workers.offered_windows import OfferedWindows
from pipeline.jobs.workers.previews import Previewer, Previews
from pipeline.jobs.workers.progress_estimate import ProgressEstimate
from pipeline.jobs.workers.worker_ledger import WorkerLedger
from pipeline.kinds import find_kind
from pipeline.stage import RunContext
from utils.disk import out_of_room
from utils.errors import Cancelled, ReshootError, StoreFull
from utils.graphics_card import CardWatch
from utils.process_resources import forget_peak
from utils.progress import Cancel, Progress, repeating
from utils.store import Store
from utils.store.shared.opening import is_shared, open_store

log = logging.getLogger(__name__)

PULSE_S = 0.5
STATE_AFTER_STOP = {
    RequestedAction.CANCEL: State.CANCELLED,
    RequestedAction.PAUSE: State.PAUSED,
    RequestedAction.NONE: State.QUEUED,
}
"""State of a job that stopped early, by the requested action. Without a request the worker is shutting down, and the
job is queued again."""


@dataclass
class JobRunner:
    """The run of one job in a worker. A background thread reports its progress and reads requests to stop it."""

    worker_ledger: WorkerLedger
    job: Job
    home: Path
    outage_retry: OutageRetry
    sessions: Sessions
    window_queues: Collection[str] = ()
    """Those that this worker takes windows from."""
    cancel: Cancel = field(default_factory=Cancel)
    _requested: RequestedAction = RequestedAction.NONE
    _full: StoreFull | None = None
    """Set once the disk is too full for the ledger itself; the job then waits for space."""
    _reporting: threading.Lock = field(default_factory=threading.Lock)
    _began_s: float = field(default_factory=time.monotonic)
    _offered: OfferedWindows | None = None

    def __post_init__(self) -> None:
        self._progress = ProgressEstimate(find_kind(self.job.order.kind).stages)
        self._card = CardWatch()

    def run(self) -> None:
        """Run the job and record how it ended; raises only if that cannot be recorded."""
        try:
            with repeating("job progress", PULSE_S, self._beat):
                result = self._work()
        except Cancelled:
            if self._full and not self._requested:
                self._wait(self._full)
            else:
                stopped = f"Stopped at {self._progress.stage or 'the start'}; what was finished is kept."
                self._end(STATE_AFTER_STOP[self._requested], stopped)
        except StoreFull as error:
            self._wait(error)
        except Exception as error:  # noqa: BLE001 - a job ends here; what nobody thought of is logged
            if out_of_room(error):
                self._wait(self._full_disk())
            else:
                self._end(State.FAILED, "", self._problem(error))
        else:
            values = {"share": 1.0, "result": result, "problem": "", "remedy": "", **self._taken}
            self.outage_retry.until_done(lambda: self.worker_ledger.end(self.job.id, State.DONE, "Finished.", **values))

    def _problem(self, error: Exception) -> ReshootError:
        """The error as sentences for people; the traceback of an unexpected one goes to the log only."""
        if isinstance(error, ReshootError):
            return error
        if isinstance(error, MemoryError):
            return ReshootError("The memory ran out.", "Use a smaller clip or close other work.")
        log.warning("Job %s failed.", self.job.id, exc_info=error)
        problem = f"Something in Reshoot went wrong at {self._progress.stage}: {type(error).__name__}: {error}."
        return ReshootError(problem, "The worker's log has the details. Retrying may help.")

    def _wait(self, error: StoreFull) -> None:
        """Let the job wait for disk space; fail it if the cache's own byte limit was hit, as waiting frees nothing."""
        self._end(State.WAITING if error.needs_bytes else State.FAILED, "", error, error.needs_bytes)

    def _work(self) -> dict[str, object]:
        """Do what was ordered, and publish the outcome."""
        from pipeline.jobs.workers.publish_result import publish

        forget_peak()
        with suppress(Outage):
            estimate = self.outage_retry.once(lambda: Expectations(self.worker_ledger.ledger, self.home).of(self.job))
            self._progress.expected_s = estimate.seconds if estimate else None
        kind, task, settings = self.job.order.task(self.home)
        context = RunContext(self._store, settings, self._listen, self.cancel, self.sessions, self._card)
        previews = Previews.of(self.home, self.job.id)
        with self._offering() as spread:
            outcome = kind.run(task, replace(context, spread=spread), Previewer(previews, self.cancel).show)
        result = publish(Results.of(self.home), self.job, outcome)
        previews.remove()
        return result

    @contextmanager
    def _offering(self) -> Iterator[OfferedWindows | None]:
        """What lets other workers make windows of this job, where they share a database and a cache with this one."""
        if not self._is_spread:
            yield None
            return
        ledger = self.worker_ledger.ledger
        known = (ledger, self.job, self.home, self._store, self.cancel, self.outage_retry)
        offered = OfferedWindows(*known, queues=self.window_queues)
        self._offered = offered
        try:
            yield offered
        finally:
            with suppress(Outage):
                self.outage_retry.once(offered.close)

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for a window that some worker makes, and computes nothing itself."""
        return self._offered is not None and self._offered.is_waiting

    @property
    def _is_spread(self) -> bool:
        return self.worker_ledger.ledger.database.file is None and is_shared() and has_parts(self.job)

    @cached_property
    def _store(self) -> Store:
        return open_store(self.home, owner=self.job.id, all=self._is_spread)

    def _full_disk(self) -> StoreFull:
        """The error that says how full the disk is, also if the cache itself cannot be opened for lack of space."""
        try:
            return self._store.full_disk()
        except StoreFull as error:
            return error

    def _listen(self, progress: Progress) -> None:
        self._progress.add(progress)
        if progress.ended:
            self._report()

    def _report(self, **values: Any) -> None:
        """Write the progress to the ledger and read the requested action.

        One thread at a time, so that an older position never overwrites a newer one. The run continues during an outage
        of the database, but stops if the disk is full.
        """
        with self._reporting:
            values |= asdict(self._progress.spot())
            try:
                self._requested = self.outage_retry.once(lambda: self.worker_ledger.report(self.job.id, **values))
            except DiskFull as why:
                self._full = self._full_disk() if why.needs_bytes else None
            except Outage:
                pass

    def _end(self, state: State, sentence: str, error: ReshootError | None = None, needs_bytes: int = 0) -> None:
        why = {"problem": error.problem if error else "", "remedy": error.remedy if error else ""}
        event = sentence or str(error)
        self.outage_retry.until_done(
            lambda: self.worker_ledger.end(self.job.id, state, event, needs_bytes=needs_bytes, **self._taken, **why)
        )

    @property
    def _taken(self) -> dict[str, float | None]:
        """How long workers have worked on this job, this run included, and at what price."""
        worked_s = self.job.worked_s + time.monotonic() - self._began_s
        waited_s = self.job.waited_s + (self._offered.waited_s if self._offered else 0.0)
        return {"worked_s": round(worked_s, 2), "waited_s": round(waited_s, 2), "price": card_price()}

    def _beat(self) -> bool:
        """Report progress; cancels the run, and returns False, when that is requested or the disk is full."""
        progress, card = self._progress, self._card.now
        self._report(
            card=asdict(card) if card else None,
            stage=progress.stage,
            note=progress.note,
            share=progress.share,
            left_s=progress.left_s,
            **self._taken,
        )
        if not (self._requested or self._full):
            return True
        self.cancel.ask()
        return False
