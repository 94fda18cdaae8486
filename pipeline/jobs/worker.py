"""The worker: one process that takes jobs and does them, one at a time. Started and watched by the keeper.

python -m pipeline.jobs.worker HOME URL NAME PARENT KEEP_MODEL_S: without PARENT, the process that started it, it stops;
an engine that nobody used for KEEP_MODEL_S seconds is closed.
"""

import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.engines.sessions import Sessions
from pipeline.jobs.frame_previews import FramePreviews
from pipeline.jobs.job import Job, JobError
from pipeline.jobs.job_runner import JobRunner
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.outage import Outage, Patience, Reserve
from pipeline.jobs.preview_worker import PreviewWorker
from pipeline.jobs.results import Results
from pipeline.jobs.wakeups import leave_wakeups, take_wakeups
from pipeline.jobs.worker_ledger import WorkerLedger
from utils.process_resources import raise_open_file_limit, release_free_memory, share_malloc_arena
from utils.store.lease import if_free

log = logging.getLogger(__name__)

BEAT_S = 1.0
STOP_S = 7.0
"""How long work may take to come to a step where it can stop."""
LOOK_S = 5.0
"""How often an idle worker looks for jobs that no ticket is for."""
SWEEP_S = 600.0
"""How often tickets that were used up are thrown away."""
NAME_S = 15.0
"""How long to wait for a worker of the same name that is on its way out."""


class Worker:
    """Takes tickets until it is told to stop or whoever started it is gone."""

    def __init__(self, home: Path, url: str, name: str, parent: int, keep_model_s: float) -> None:
        self._home, self._name, self._keep_model_s = home, name, keep_model_s
        self._shift = WorkerLedger(Ledger(url, new=False), name)
        self._sessions = Sessions()
        self._previews = PreviewWorker(home, FramePreviews(self._shift.ledger), name, self._sessions)
        self._work: JobRunner | None = None
        self._stopping = threading.Event()
        self._patience = Patience(self._shift.ledger.database, self._stopping)
        self._idle = threading.Event()
        self._idle.set()
        self._parent = parent
        self._sweep_at = self._look_at = 0.0

    def run(self) -> None:
        """Until the end."""
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda number, frame: self._stopping.set())
        with self._alone():
            Results.of(self._home).sweep()
            self._patience.insist(self._begin)
            self._previews.start()
            take_wakeups(self._shift.ledger.database, self._name, self._next)
            while not self._stopping.wait(BEAT_S):
                self._beat()
            self._stop()

    def _begin(self) -> None:
        """Take up what was left, and give a sign before the first job: others take those of who gives none."""
        self._shift.recover()
        self._previews.recover()
        self._shift.beat(os.getpid(), "")

    def _next(self) -> None:
        """What a ticket is for. One that meets an outage is used up; who is idle issues those that are missing."""
        if self._stopping.is_set():
            return
        with suppress(Outage):
            if job := self._patience.once(self._shift.claim):
                self._do(job)

    def _do(self, job: Job) -> None:
        """A job, to its end or to where it can stop; an outage to the end leaves it to the next worker."""
        self._idle.clear()
        self._work = JobRunner(self._shift, job, self._home, self._patience, self._sessions)
        if self._stopping.is_set():
            self._work.cancel.ask()
        try:
            with suppress(Outage):
                self._work.run()
        except BaseException:
            log.exception("The worker broke.")
            os._exit(1)
        self._work = None
        release_free_memory()
        self._idle.set()

    def _beat(self) -> None:
        if os.getppid() != self._parent:
            self._stopping.set()
        self._sessions.close_idle(self._keep_model_s)
        with suppress(Outage):
            self._patience.once(self._look_after)

    def _look_after(self) -> None:
        """Give a sign of life, and see to jobs and tickets that nobody else sees to."""
        work = self._work
        self._shift.beat(os.getpid(), work.job.id if work else "")
        if file := self._shift.ledger.database.file:
            Reserve.of(file).keep()
        self._shift.ledger.find_room(shutil.disk_usage(self._home).free)
        if work is None and time.monotonic() > self._look_at:
            self._shift.issue_missing()
            self._look_at = time.monotonic() + LOOK_S
        if time.monotonic() > self._sweep_at:
            self._shift.ledger.tickets.sweep()
            self._sweep_at = time.monotonic() + SWEEP_S

    def _stop(self) -> None:
        """Let the work come to a step where it can stop, and go."""
        self._previews.stop()
        if work := self._work:
            work.cancel.ask()
        self._idle.wait(STOP_S)
        with suppress(Outage):
            self._patience.once(self._shift.leave)
        if self._idle.is_set():
            leave_wakeups()
        logging.shutdown()
        os._exit(0)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The sole right to this name on this machine."""
        folder = self._home / "jobs"
        folder.mkdir(parents=True, exist_ok=True)
        until = time.monotonic() + NAME_S
        while time.monotonic() < until and not self._stopping.wait(0.2):
            with if_free(folder / f"{self._name}.lock") as mine:
                if mine:
                    yield
                    return
        if self._stopping.is_set():
            sys.exit()
        raise JobError(f"A worker of the name {self._name!r} runs already.", "Stop it first, or give another name.")


def main() -> None:
    """A process of its own."""
    share_malloc_arena()
    raise_open_file_limit()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    home, url, name, parent, keep_model_s = sys.argv[1:]
    try:
        Worker(Path(home), url, name, int(parent), float(keep_model_s)).run()
    except (JobError, Outage) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
