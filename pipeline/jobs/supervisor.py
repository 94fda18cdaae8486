"""The keeper: sees to it that a worker is there, and that one which does not listen is ended.

python -m pipeline worker is a keeper with its worker; the app starts the same.
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
from pipeline.jobs.outage import Reserve, is_locked
from pipeline.jobs.worker_ledger import WorkerLedger
from utils.guarded_child import environment

log = logging.getLogger(__name__)

LOOK_S = 0.5
STOP_S = 9.0
CALM_S = 20.0
"""A worker that lived so long died of something new: it is started again at once."""
LONGEST_REST_S = 30.0
EXCUSED_S = 10.0
"""After an outage of the database a worker has so long to give signs again."""
LOG_BYTES = 5_000_000
KEEP_MODEL_S = 600.0
"""How long an engine that nobody uses stays open in a worker."""
HOUSE = Path(__file__).resolve().parents[2]


class Supervisor:
    """Of one worker."""

    def __init__(self, home: Path, url: str, name: str, keep_model_s: float = KEEP_MODEL_S) -> None:
        self._home, self._url, self._name, self._keep_model_s = home.absolute(), url, name, keep_model_s
        self._shift = WorkerLedger(Ledger(url), name)
        self.stopping = threading.Event()
        self.worker: subprocess.Popen[bytes] | None = None
        self._excused_until = 0.0

    def run(self) -> None:
        """Until it is told to stop."""
        rest_s = 0.0
        while not self.stopping.wait(rest_s):
            started = time.monotonic()
            try:
                self.worker = self._start()
            except OSError as error:
                log.warning("No worker could be started: %s. It is tried again.", error)
            while self.worker and self.worker.poll() is None and not self.stopping.wait(LOOK_S):
                self._look()
            rest_s = 0.5 if time.monotonic() - started > CALM_S else min(max(1.0, 2 * rest_s), LONGEST_REST_S)
        self._stop()

    def _look(self) -> None:
        """End a worker that does not listen or hangs."""
        if self._hangs():
            self._kill()

    def _hangs(self) -> bool:
        """A ledger that stays locked counts as well: only a worker that hangs in the middle of a change does that.

        In any other outage a worker cannot give signs; when it is over, it is given some time.
        """
        assert self.worker
        try:
            hangs, excused = self._shift.hangs(self.worker.pid), self._disk_is_full()
        except DatabaseError as error:
            hangs = is_locked(error)
            excused = not hangs
        if excused:
            self._excused_until = time.monotonic() + EXCUSED_S
        return hangs and time.monotonic() >= self._excused_until

    def _disk_is_full(self) -> bool:
        file = self._shift.ledger.database.file
        return file is not None and Reserve.of(file).needed()

    def _start(self) -> subprocess.Popen[bytes]:
        folder = self._home / "jobs"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self._name}.log"
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".old.log"))
        about = (str(self._home), self._url, self._name, str(os.getpid()), str(self._keep_model_s))
        with path.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "pipeline.jobs.worker", *about],
                cwd=HOUSE,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _stop(self) -> None:
        """Ask, and then do not ask."""
        if self.worker is None or self.worker.poll() is not None:
            return
        self.worker.send_signal(signal.SIGTERM)
        try:
            self.worker.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._kill()

    def _kill(self) -> None:
        """It, and what it started."""
        assert self.worker
        os.killpg(self.worker.pid, signal.SIGKILL)
        self.worker.wait()
