"""Doing one job from its clip to its result. However it ends, the ledger says so in a sentence."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.engines.sessions import Sessions
from pipeline.jobs.job import Job, RequestedAction, State
from pipeline.jobs.outage import Full, Outage, Patience
from pipeline.jobs.previews import Previewer, Previews
from pipeline.jobs.progress_estimate import ProgressEstimate
from pipeline.jobs.results import Results
from pipeline.jobs.worker_ledger import WorkerLedger
from pipeline.settings import Settings
from pipeline.stage import RunContext
from utils.disk import out_of_room
from utils.errors import Cancelled, ReshootError, StoreFull
from utils.home import cache_folder
from utils.progress import Cancel, Progress
from utils.store import Store

log = logging.getLogger(__name__)

PULSE_S = 0.5
AFTER = {
    RequestedAction.CANCEL: State.CANCELLED,
    RequestedAction.PAUSE: State.PAUSED,
    RequestedAction.NONE: State.QUEUED,
}
"""What a job that stopped becomes; one that nobody asked to stop goes on with the next worker."""


@dataclass
class JobRunner:
    """One job in hand."""

    shift: WorkerLedger
    job: Job
    home: Path
    patience: Patience
    sessions: Sessions
    cancel: Cancel = field(default_factory=Cancel)
    _pace: ProgressEstimate = field(default_factory=ProgressEstimate)
    _wish: RequestedAction = RequestedAction.NONE
    _full: StoreFull | None = None
    """The disk on which nothing can be finished any more."""
    _telling: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        """Do it."""
        try:
            with self._pulse():
                result = self._restyled()
        except Cancelled:
            if self._full and not self._wish:
                self._wait(self._full)
            else:
                stopped = f"Stopped at {self._pace.stage or 'the start'}; what was finished is kept."
                self._end(AFTER[self._wish], stopped)
        except StoreFull as error:
            self._wait(error)
        except Exception as error:  # noqa: BLE001 - a job ends here; what nobody thought of is logged
            if out_of_room(error):
                self._wait(self._full_disk())
            else:
                self._end(State.FAILED, "", self._problem(error))
        else:
            told = {"share": 1.0, "result": result, "problem": "", "remedy": ""}
            self.patience.insist(lambda: self.shift.end(self.job.id, State.DONE, "Finished.", **told))

    def _problem(self, error: Exception) -> ReshootError:
        """Why it failed, in sentences; the details of what nobody thought of are for the log."""
        if isinstance(error, ReshootError):
            return error
        if isinstance(error, MemoryError):
            return ReshootError("The memory ran out.", "Use a smaller clip or close other work.")
        log.warning("Job %s failed.", self.job.id, exc_info=error)
        problem = f"Something in Reshoot went wrong at {self._pace.stage}: {type(error).__name__}: {error}."
        return ReshootError(problem, "The worker's log has the details. Retrying may help.")

    def _wait(self, error: StoreFull) -> None:
        """For room on the disk; a limit of bytes that is reached makes no room by itself."""
        self._end(State.WAITING if error.needs_bytes else State.FAILED, "", error, error.needs_bytes)

    def _restyled(self) -> dict[str, object]:
        from pipeline.jobs.publish_result import publish
        from pipeline.library.references import at_home
        from pipeline.processor import restyle
        from pipeline.see.open_clip import open_clip

        order = self.job.order
        settings = at_home(Settings.load(order.preset, order.settings).flat(), self.home)
        context = RunContext(self._store, settings, self._listen, self.cancel, self.sessions)
        previews = Previews.of(self.home, self.job.id)
        journey = restyle(open_clip(Path(order.clip), context), context, shown=Previewer(previews, self.cancel).show)
        result = publish(Results.of(self.home), self.job, journey, context)
        previews.remove()
        return result

    @cached_property
    def _store(self) -> Store:
        return Store(cache_folder(self.home))

    def _full_disk(self) -> StoreFull:
        """What is said of the disk, also where it has no room for the cache's own folders."""
        try:
            return self._store.full_disk()
        except StoreFull as error:
            return error

    def _listen(self, told: Progress) -> None:
        self._pace.add(told)
        if told.ended:
            self._tell()

    def _tell(self, **values: Any) -> None:
        """How far it is, by one thread after the other, so that an older spot never replaces a newer one.

        In an outage nobody hears it, and nobody wishes anything; the work goes on, but not on a full disk.
        """
        with self._telling:
            told = {**values, **asdict(self._pace.spot())}
            try:
                self._wish = self.patience.once(lambda: self.shift.tell(self.job.id, **told))
            except Full as why:
                self._full = self._full_disk() if why.needs_bytes else None
            except Outage:
                pass

    def _end(self, state: State, sentence: str, error: ReshootError | None = None, needs_bytes: int = 0) -> None:
        told = {"problem": error.problem if error else "", "remedy": error.remedy if error else ""}
        said = sentence or str(error)
        self.patience.insist(lambda: self.shift.end(self.job.id, state, said, needs_bytes=needs_bytes, **told))

    @contextmanager
    def _pulse(self) -> Iterator[None]:
        """Tell how far it is, and hear what is wished, twice a second while the work goes on."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(PULSE_S):
                pace = self._pace
                self._tell(stage=pace.stage, note=pace.note, share=pace.share, left_s=pace.left_s)
                if self._wish or self._full:
                    self.cancel.ask()
                    return

        thread = threading.Thread(target=beat, name="pulse", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
