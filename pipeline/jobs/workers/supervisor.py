"""The supervisor: starts a worker process, restarts it with back-off when it dies, and kills it when it hangs.

`python -m pipeline worker` runs a supervisor with its worker; the app runs one in a thread.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from sqlalchemy.exc import DatabaseError

from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import DATABASE, home_mark
from pipeline.jobs.outage import Reserve, is_locked
from pipeline.jobs.workers.ahead import Budget
from pipeline.jobs.workers.worker_ledger import LEFT, WorkerLedger
from utils.guarded_child import WORKER_SECRETS, apart, end

log = logging.getLogger(__name__)

CHECK_S = 0.5
STOP_S = 9.0
STABLE_S = 20.0
"""A worker that lived so long is restarted at once; the back-off is for workers that die right after their start."""
LONGEST_BACKOFF_S = 30.0
SIGNS_S = 3.0
"""A worker that lives gives a sign more often."""
GRACE_S = 10.0
"""How long a worker may take to send heartbeats again after an outage of the database."""
LOG_BYTES = 5_000_000
KEEP_MODEL_S = 600.0
"""How long an engine that nobody uses stays open in a worker."""


class Supervisor:
    """Keeps one worker process running until `stopping` is set."""

    def __init__(
        self, home: Path, url: str, name: str, keep_model_s: float = KEEP_MODEL_S, ahead: Budget | None = None
    ) -> None:
        self._home, self._url, self._name, self._keep_model_s = home.absolute(), url, name, keep_model_s
        self._ahead = ahead or Budget()
        self._worker_ledger = WorkerLedger(Ledger(url, home_mark(home, url)), name)
        self.stopping = threading.Event()
        self.worker: subprocess.Popen[bytes] | None = None
        self._grace_until = 0.0

    def run(self) -> None:
        """Start and watch the worker until `stopping` is set, then stop it; or until the worker was asked to leave."""
        self._wait_for_namesake()
        backoff_s = 0.0
        while not self.stopping.wait(backoff_s):
            started = time.monotonic()
            try:
                self.worker = self._start()
            except OSError as error:
                log.warning("No worker could be started: %s. It is tried again.", error)
            while self.worker and self.worker.poll() is None and not self.stopping.wait(CHECK_S):
                if self._hangs():
                    log.warning("The worker %r gives no sign, or does not stop when asked. It is ended.", self._name)
                    self._kill()
            if self.worker and self.worker.poll() == LEFT:
                return
            is_stable = time.monotonic() - started > STABLE_S
            backoff_s = 0.5 if is_stable else min(max(1.0, 2 * backoff_s), LONGEST_BACKOFF_S)
        self._stop()

    def _wait_for_namesake(self) -> None:
        """Wait while a worker of this name works elsewhere on the same database: DBOS would take it for a former self.

        The worker of a former supervisor of this machine ends within seconds.
        """
        is_told, is_shared = False, self._worker_ledger.ledger.database.file is None
        while is_shared and not self.stopping.is_set():
            try:
                before, ago_s = self._worker_ledger.last_sign()
                if ago_s > SIGNS_S or self.stopping.wait(SIGNS_S) or self._worker_ledger.last_sign()[0] == before:
                    return
            except DatabaseError:
                return  # the worker waits until it is back
            if not is_told:
                log.warning(
                    "A worker of the name %r works already. This one waits; --name gives it another.", self._name
                )
            is_told = True

    def _hangs(self) -> bool:
        """Whether the worker ignores a request to stop, or sends no heartbeats.

        An SQLite ledger that stays locked counts as hanging too: only a worker that hangs within a transaction does
        that. During any other outage a worker cannot send heartbeats, so it is excused until some time after.
        """
        assert self.worker
        try:
            hangs, excused = self._worker_ledger.hangs(self.worker.pid), self._disk_is_full()
        except DatabaseError as error:
            hangs = is_locked(error)
            excused = not hangs
        if excused:
            self._grace_until = time.monotonic() + GRACE_S
        return hangs and time.monotonic() >= self._grace_until

    def _disk_is_full(self) -> bool:
        file = self._worker_ledger.ledger.database.file
        return file is not None and Reserve.of(file).needed()

    def _start(self) -> subprocess.Popen[bytes]:
        folder = self._home / "jobs"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self._name}.log"
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".old.log"))
        spend = (self._keep_model_s, self._ahead.clip_s, self._ahead.day_bytes, self._ahead.music or "")
        about = (str(self._home), self._name, str(os.getpid()), *map(str, spend))
        secrets = {name: os.environ[name] for name in WORKER_SECRETS if name in os.environ}
        with path.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "pipeline.jobs.workers.worker", *about],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **apart({**secrets, DATABASE: self._url}),  # and not as an argument, which every user could read
            )

    def _stop(self) -> None:
        """Ask the worker to stop (SIGTERM), and kill it if it has not after STOP_S."""
        if self.worker is None or self.worker.poll() is not None:
            return
        self.worker.send_signal(signal.SIGTERM)
        try:
            self.worker.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._kill()

    def _kill(self) -> None:
        """Kill the worker's whole process group, so that no child of it stays behind."""
        assert self.worker
        end(self.worker)
