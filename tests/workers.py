"""Real workers for tests: a home of its own, the processes that work in it, and ways to hurt them."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.jobs.job import Job, State, WorkerSign
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url, home_mark
from pipeline.jobs.results import Results
from pipeline.result.names import CLIP
from tests.orders import restyle_order
from utils.media.clip import Clip
from utils.media.probe import Limits, scan

PROJECT_ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 120.0
NAME = "tested"


@dataclass
class House:
    """A home with its ledger, and what keeps a worker running in it: a supervisor alone, or the app."""

    home: Path
    app: bool = False
    database: str | None = None
    """Of Postgres; a file in the home otherwise."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Beside that of the tests."""
    supervisors: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    within: Sequence[str] = ()
    """A command that starts what starts a worker: somewhere else, such as in a network of its own."""
    reached: str | None = None
    """Where its workers reach the database, if not where the test does."""

    def __post_init__(self) -> None:
        url = database_url(self.home, self.database)
        self.ledger = Ledger(url, home_mark(self.home, url))

    def open(self, name: str = NAME) -> None:
        """Start what starts a worker; without a name it takes the usual one of this machine and home."""
        alone, app = ("-m", "pipeline", "worker", *(["--name", name] if name else [])), ("app.py", "--port", "0")
        command = [*self.within, sys.executable, *(app if self.app else alone), "--home", str(self.home)]
        command += ["--database", self.reached or self.database] if self.database else []
        quiet = subprocess.DEVNULL
        env = {**os.environ, **self.env}
        self.supervisors.append(subprocess.Popen(command, cwd=PROJECT_ROOT, env=env, stdout=quiet, stderr=quiet))

    def close(self) -> None:
        """Ask it to stop, and see that it does."""
        supervisor = self.supervisors.pop()
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait(PATIENCE_S)

    def submit(self, clip: Path, **settings: Any) -> str:
        """A job of preset fast; dots are written as two underscores."""
        said = {name.replace("__", "."): value for name, value in settings.items()}
        return self.ledger.submit(restyle_order(str(clip), clip.name, said, "fast")).id

    def until(self, done: Callable[[], Any], what: str) -> Any:
        """Wait for something."""
        end = time.monotonic() + PATIENCE_S
        while not (found := done()):
            assert time.monotonic() < end, f"no {what} in {PATIENCE_S:g} s; {[vars(job) for job in self.ledger.all()]}"
            time.sleep(0.05)
        return found

    def ended(self, job: str) -> Job:
        """The job once nothing more happens to it."""
        self.until(lambda: self.ledger.get(job).state.ended, "end")
        return self.ledger.get(job)

    def in_state(self, job: str, state: State) -> Job:
        """The job once it is in a state."""
        self.until(lambda: self.ledger.get(job).state is state, state)
        return self.ledger.get(job)

    def working(self, job: str, stage: str = "", steps: int = 0) -> WorkerSign:
        """The worker once it has this job in hand, is at a stage, and has done so many steps.

        A stage that takes less than a second may never be told; how many steps were done is.
        """

        def busy() -> WorkerSign | None:
            now = self.ledger.get(job)
            assert not now.state.ended, f"it is over: {now.state} {now.problem}"
            if now.state is not State.RUNNING or stage not in now.stage or now.steps_done < steps:
                return None
            return next((sign for sign in self.living() if sign.job == job), None)

        found: WorkerSign = self.until(busy, f"worker at {stage or job}")
        return found

    def living(self) -> list[WorkerSign]:
        """Workers that give signs and are not dead."""
        return [sign for sign in self.ledger.workers() if _runs(sign.pid)]

    def awake(self) -> WorkerSign:
        """The worker, once it gives signs."""
        found: WorkerSign = self.until(lambda: next(iter(self.living()), None), "worker")
        return found

    def kill(self, sign: WorkerSign) -> None:
        """As the system does when memory runs out."""
        os.kill(sign.pid, signal.SIGKILL)
        self.until(lambda: not _runs(sign.pid), "death")

    def freeze(self, sign: WorkerSign) -> None:
        """Stop it where it stands, but not in the middle of a change of the ledger, which would stop everybody."""

        def stands() -> bool:
            os.kill(sign.pid, signal.SIGSTOP)
            database = sqlite3.connect(self.home / "jobs" / "ledger.sqlite", timeout=0.2, isolation_level=None)
            try:
                database.execute("BEGIN EXCLUSIVE")
                return True
            except sqlite3.OperationalError:
                os.kill(sign.pid, signal.SIGCONT)
                return False
            finally:
                database.close()

        self.until(stands, "moment to freeze")

    def sentences(self, job: str) -> list[str]:
        """The job's diary."""
        return [entry.sentence for entry in self.ledger.job_events(job)]

    def result(self, job: str) -> Clip:
        """The finished clip, read to its end."""
        return scan(Results.of(self.home).place(job) / CLIP, Limits())


@contextmanager
def house(
    home: Path, *, opened: bool = True, app: bool = False, database: str | None = None, **env: str
) -> Iterator[House]:
    """A home in which a worker works, until the test is over."""
    made = House(home, app, database, env)
    try:
        if opened:
            made.open()
        yield made
    finally:
        while made.supervisors:
            made.close()
        made.ledger.close()


def _runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
