"""The worker: a process that runs the jobs that DBOS gives it, one at a time. Started and watched by the supervisor.

    python -m pipeline.jobs.workers.worker HOME NAME PARENT KEEP_MODEL_S AHEAD_S AHEAD_BYTES AHEAD_MUSIC

RESHOOT_DATABASE names the database. It stops when its parent process is no longer PARENT, and closes an engine that was
unused for KEEP_MODEL_S seconds. While it is idle it works ahead on new clips, for AHEAD_S seconds each and AHEAD_BYTES
bytes of cache a day, and on music of the home and of the folder AHEAD_MUSIC, which may be empty.
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
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.engines.device import this_device
from pipeline.engines.makable import makable
from pipeline.engines.sessions import Sessions
from pipeline.jobs.costs import Use, UseClock
from pipeline.jobs.database import Outage
from pipeline.jobs.durable import Duty, current, leave, serve
from pipeline.jobs.job import Job, JobError
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.line import CHUNK, CHUNKS, WINDOW, WORKFLOW, queue, windows
from pipeline.jobs.locations import DATABASE, home_mark
from pipeline.jobs.outage import OutageRetry, Reserve
from pipeline.jobs.results import Results
from pipeline.jobs.workers.ahead import Budget, WorkAhead
from pipeline.jobs.workers.frame_answers import PREVIEW, STRIP
from pipeline.jobs.workers.frame_request_worker import FrameRequestWorker, Host
from pipeline.jobs.workers.job_runner import JobRunner
from pipeline.jobs.workers.window_maker import UNWANTED, WindowMaker
from pipeline.jobs.workers.worker_ledger import LEFT, WorkerLedger
from utils.process_resources import raise_open_file_limit, release_free_memory, share_malloc_arena
from utils.store.lease import if_free
from utils.store.shared.opening import flush_offers, is_shared

log = logging.getLogger(__name__)

HEARTBEAT_S = 1.0
STOP_S = 7.0
"""How long a job may take to reach a step where it can stop."""
OFFERS_S = 1.0
"""How long results that are being offered to a shared cache may take at the end."""
TEND_S = 5.0
"""How often a worker looks for what nobody works on."""
SWEEP_S = 600.0
"""How often finished workflows are deleted."""
NAME_S = 15.0
"""How long to wait for a worker of the same name that is shutting down."""


class Worker:
    """Runs jobs until it gets a stop signal or its parent process is gone."""

    def __init__(
        self, home: Path, url: str, name: str, parent: int, keep_model_s: float, ahead: Budget | None = None
    ) -> None:
        self._home, self._name, self._keep_model_s = home, name, keep_model_s
        self._worker_ledger = WorkerLedger(Ledger(url, home_mark(home, url), new=False), name)
        self._sessions = Sessions()
        self._clock = UseClock()
        ledger = self._worker_ledger.ledger
        self._ahead = WorkAhead(home, ledger, ahead or Budget())
        host = Host(home, ledger, name, self._sessions, first=self._ahead.held)
        self._beside = [FrameRequestWorker(host, desk) for desk in (PREVIEW, STRIP)]
        self._runner: JobRunner | None = None
        self._stopping = threading.Event()
        self._outage_retry = OutageRetry(self._worker_ledger.ledger.database, self._stopping)
        self._idle = threading.Event()
        self._idle.set()
        self._leaving = threading.Event()
        """Set when somebody asked it to leave: it takes nothing new, and stops when nothing is left."""
        self._parts = set[str]()
        self._card = threading.Lock()
        self._parent = parent
        self._sweep_at = self._tend_at = 0.0

    def run(self) -> None:
        """Work until it is time to stop; ends the process."""
        for stop_signal in (signal.SIGTERM, signal.SIGINT):
            signal.signal(stop_signal, lambda number, frame: self._stopping.set())
        with self._exclusive_name():
            Results.of(self._home).sweep()
            self._outage_retry.until_done(self._begin)
            for each in self._beside:
                each.start()
            serve(self._worker_ledger.ledger.database, self._name, self._duties)
            self._ahead.start()
            while not self._stopping.wait(HEARTBEAT_S):
                self._tick()
            self._stop()

    def _begin(self) -> None:
        """Recover from a crash, and send a heartbeat before the first job: others are given jobs of silent workers."""
        self._worker_ledger.obey()
        for each in self._beside:
            each.recover()
        self._beat()

    @property
    def _duties(self) -> list[Duty]:
        """Jobs of this home; and where homes share a database and a cache, parts of all jobs."""
        duties = [Duty((queue(self._worker_ledger.ledger.home),), WORKFLOW, self._run)]
        if self._window_queues:
            duties += [Duty(self._window_queues, WINDOW, self._make_window), Duty((CHUNKS,), CHUNK, self._make_part)]
        return duties

    @cached_property
    def _window_queues(self) -> tuple[str, ...]:
        """The queues of the windows that it could make when it was started; none where homes share nothing."""
        if not (self._worker_ledger.ledger.home and is_shared()):
            return ()
        return tuple(map(windows, makable()))

    def _make_window(self, order: dict[str, Any], index: int, window: str) -> str:
        """Make a window of a job, one at a time, though there is a queue for each engine and checkpoint."""
        with self._card:
            return self._make_part(order, index, window)

    def _make_part(self, order: dict[str, Any], index: int, part: str) -> str:
        """Make a part of a job, of whatever home. While the worker stops, DBOS keeps it for the next."""
        ledger = self._worker_ledger.ledger
        workflow = current()
        maker = WindowMaker(
            ledger, self._home, self._sessions, self._stopping, self._outage_retry,
            lambda connection: ledger.workflows.is_held(connection, workflow, self._name), self._name,
        )  # fmt: skip
        self._stay_if_stopping(even_leaving=self._runner is None)  # its own job waits for windows
        self._parts.add(part)
        try:
            return maker.make(order, index, part)
        except Outage:
            return UNWANTED  # only while this worker stops
        finally:
            self._stay_if_stopping(even_leaving=False)
            self._parts.discard(part)

    def _stay_if_stopping(self, *, even_leaving: bool = True) -> None:
        """Stay until the process ends, so that DBOS does not take for finished what is not."""
        if self._stopping.is_set() or (even_leaving and self._leaving.is_set()):
            threading.Event().wait()

    def _run(self, job: str, run: int) -> None:
        """Begin a job that DBOS gave to this worker, and run it. While the worker stops, DBOS keeps it for the next."""
        self._stay_if_stopping()
        with suppress(Outage):
            if begun := self._outage_retry.until_done(lambda: self._worker_ledger.begin(job, run)):
                self._run_job(begun)
        self._stay_if_stopping(even_leaving=False)

    def _run_job(self, job: Job) -> None:
        """Run a job until it ends or stops; if an outage prevents recording that, the next worker resumes the job."""
        self._idle.clear()
        self._runner = JobRunner(
            self._worker_ledger, job, self._home, self._outage_retry, self._sessions, self._window_queues
        )
        if self._stopping.is_set():
            self._runner.cancel.ask()
        try:
            with self._ahead.held(), suppress(Outage):
                self._runner.run()
        except BaseException:
            log.exception("The worker broke.")
            os._exit(1)
        self._runner = None
        release_free_memory()
        self._idle.set()

    def _tick(self) -> None:
        if os.getppid() != self._parent:
            self._stopping.set()
        self._sessions.close_idle(self._keep_model_s)
        self._count()
        with suppress(Outage):
            self._outage_retry.once(self._maintain_ledger)

    def _beat(self) -> None:
        job, use = self._runner.job.id if self._runner else "", self._count()
        if self._worker_ledger.beat(os.getpid(), job, str(this_device()), use):
            self._leaving.set()

    def _count(self) -> Use:
        runner = self._runner
        return self._clock.count(busy=bool(self._parts) or (runner is not None and not runner.is_waiting))

    def _maintain_ledger(self) -> None:
        """Send a heartbeat; queue jobs that now have disk space, give lost ones back, and delete finished workflows."""
        runner = self._runner
        self._beat()
        if self._leaving.is_set() and runner is None and not self._parts:
            self._stopping.set()
        if file := self._worker_ledger.ledger.database.file:
            Reserve.of(file).keep()
        self._worker_ledger.ledger.find_room(shutil.disk_usage(self._home).free)
        if time.monotonic() > self._tend_at:
            self._worker_ledger.tend(idle=runner is None)
            self._tend_at = time.monotonic() + TEND_S
        if time.monotonic() > self._sweep_at:
            self._worker_ledger.ledger.workflows.sweep()
            self._sweep_at = time.monotonic() + SWEEP_S

    def _stop(self) -> None:
        """Cancel the current job, wait for it to reach a step where it can stop, and end the process."""
        self._ahead.stop()
        for each in self._beside:
            each.stop()
        if runner := self._runner:
            runner.cancel.ask()
        self._idle.wait(STOP_S)
        flush_offers(OFFERS_S)
        with suppress(Outage):
            self._outage_retry.once(self._worker_ledger.leave)
        if self._idle.is_set():
            leave()
        logging.shutdown()
        os._exit(LEFT if self._leaving.is_set() else 0)

    @contextmanager
    def _exclusive_name(self) -> Iterator[None]:
        """Hold the file lock of this worker's name, so that no second worker of this home uses it."""
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
    """Entry point of the worker process."""
    share_malloc_arena()
    raise_open_file_limit()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    home, name, parent, keep_model_s, ahead_s, ahead_bytes, music = sys.argv[1:]
    url = os.environ[DATABASE]
    budget = Budget(float(ahead_s), int(ahead_bytes), Path(music) if music else None)
    try:
        Worker(Path(home), url, name, int(parent), float(keep_model_s), budget).run()
    except (JobError, Outage) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
