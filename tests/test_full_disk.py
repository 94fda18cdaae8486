"""A disk that is full is said to be, with the bytes that are needed, and jobs wait for room instead of failing."""

import errno
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from pipeline.engines.sessions import Sessions
from pipeline.jobs.job import State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.jobs.outage import DiskFull, OutageRetry, Reserve, outage
from pipeline.jobs.tables import workers
from pipeline.jobs.workers.job_runner import JobRunner
from pipeline.jobs.workers.supervisor import Supervisor
from pipeline.jobs.workers.worker_ledger import WorkerLedger
from tests.disks import BALLAST, fill, resize, small_disk
from tests.journeys import filmed
from tests.orders import begin_next, restyle_order
from tests.studios import app
from tests.workers import House
from utils.disk import LEAST_BYTES
from utils.errors import WriteError
from utils.project import PROJECT_ROOT
from utils.walker import Shot

pytestmark = pytest.mark.slow

UPLOADS_BYTES, SMALL_BYTES, TINY_BYTES = 512 << 20, 160 << 20, 8 << 20


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filmed(tmp_path_factory.mktemp("film"), Shot(size=(480, 270), frames=90, seed=3))


def workflow_is_over(people: House) -> bool:
    """Whether the worker has written down that it did what DBOS gave it."""
    with people.ledger.engine.connect() as connection:
        return bool(connection.exec_driver_sql("select 1 from workflow_status where status = 'SUCCESS'").first())


def test_a_disk_that_fills_up_during_a_job_is_said_everywhere_and_the_job_goes_on(tmp_path: Path, clip: Path) -> None:
    with small_disk(tmp_path / "disk", UPLOADS_BYTES) as disk, app(disk / "home") as studio:
        people, upload = House(studio.home), studio.upload(clip)
        resize(disk, SMALL_BYTES)
        job = people.submit(clip)
        people.working(job, "analyse")
        reserve = Reserve.of(studio.home / "jobs" / "ledger.sqlite")
        people.until(reserve.path.exists, "reserve")
        fill(disk)

        waiting = people.in_state(job, State.WAITING)
        assert waiting.needs_bytes >= LEAST_BYTES and "is full" in waiting.problem and "bytes" in waiting.problem
        status, told = studio.answer("/readyz")
        assert status == 503 and f"is full: {waiting.needs_bytes} bytes are needed" in told.decode()
        people.until(lambda: workflow_is_over(people), "end of the workflow")
        fill(disk)  # what was given up to write this down, too
        status, told = studio.answer("/studio/jobs", {"clips": [upload], "preset": "fast", "settings": {}})
        assert status == 507 and f"is full: {LEAST_BYTES} bytes are needed, 0 are free" in told.decode()
        assert studio.status("/studio/jobs") == 200, "what there is can still be looked at"

        (disk / BALLAST).unlink()
        assert people.ended(job).state is State.DONE, people.ledger.get(job).problem
        assert people.ledger.get(job).problem == "" and people.ledger.get(job).crashes == 0
        assert people.sentences(job)[1:] == ["There is room now; it goes on.", "Finished."]
        people.until(reserve.path.exists, "reserve")
        people.ledger.close()
        [log] = (studio.home / "jobs").glob("*.log")
        written = log.read_text()
        assert written.count("bytes are needed") == 1 and "Traceback" not in written, written
        assert "Traceback" not in (studio.home / "app.log").read_text()


def test_a_worker_that_begins_on_a_full_disk_waits_for_room(tmp_path: Path, clip: Path) -> None:
    with small_disk(tmp_path / "disk", SMALL_BYTES) as disk:
        people = House(disk / "home")
        job = people.submit(clip)
        fill(disk)
        people.open()
        try:
            people.until(lambda: any((disk / "home" / "jobs").glob("*.log")), "log")
            assert people.ledger.get(job).state is State.QUEUED
            (disk / BALLAST).unlink()
            done = people.ended(job)
            assert (done.state, done.crashes) == (State.DONE, 0)
        finally:
            people.close()
            people.ledger.close()


def test_an_app_that_cannot_begin_on_a_full_disk_says_so(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", TINY_BYTES) as disk:
        fill(disk)
        command = [sys.executable, "app.py", "--port", "0", "--home", str(disk / "home")]
        child = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=120)
        assert child.returncode == 1 and "Traceback" not in child.stderr
        assert f"is full: {LEAST_BYTES} bytes are needed, 0 are free" in child.stderr


def test_a_worker_that_cannot_give_signs_on_a_full_disk_is_not_ended(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", TINY_BYTES) as disk:
        supervisor = Supervisor(disk, database_url(disk), "one")
        supervisor.worker = subprocess.Popen(["sleep", "60"])
        try:
            with Ledger(database_url(disk)).engine.begin() as connection:
                row = {"name": "one", "pid": supervisor.worker.pid, "beat_at": 1.0, "job": ""}
                connection.execute(sa.insert(workers).values(**row))
            assert supervisor._hangs(), "while there is room it would have given one"
            fill(disk)
            assert not supervisor._hangs()
        finally:
            supervisor.worker.kill()
            supervisor.worker.wait()


def test_the_reserve_is_taken_where_there_is_room_and_given_up_where_there_is_none(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 2 * LEAST_BYTES) as disk:
        ledger = Ledger(database_url(disk))
        file = ledger.database.file
        assert file
        reserve = Reserve.of(file)
        reserve.keep()
        assert reserve.path.stat().st_size == Reserve.BYTES and not reserve.needed()
        fill(disk)
        assert reserve.needed()
        outage_retry = OutageRetry(ledger.database, threading.Event())
        outage_retry.until_done(lambda: ledger.submit(restyle_order("/a.mp4", "a.mp4")))
        assert len(ledger.all()) == 1 and not reserve.path.exists()
        reserve.keep()
        assert not reserve.path.exists(), "others need what is left"
        ledger.close()


@pytest.mark.parametrize("wrapped", [False, True], ids=["by itself", "in words"])
def test_a_disk_that_is_full_at_the_very_end_of_a_job_lets_it_wait_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrapped: bool
) -> None:
    ledger = Ledger(database_url(tmp_path))
    ledger.submit(restyle_order("/a.mp4", "a.mp4"))
    shift = WorkerLedger(ledger, "one")
    job = begin_next(shift)
    assert job
    work = JobRunner(shift, job, tmp_path, OutageRetry(ledger.database, threading.Event()), Sessions())

    def refuse() -> dict[str, object]:
        error = OSError(errno.ENOSPC, "No space left on device")
        if wrapped:
            raise WriteError("'result.mp4' could not be written.", "Make room.") from error
        raise error

    monkeypatch.setattr(work, "_work", refuse)
    work.run()
    waiting = ledger.get(job.id)
    assert (waiting.state, waiting.needs_bytes) == (State.WAITING, LEAST_BYTES) and "is full" in waiting.problem
    ledger.close()


def test_a_full_disk_of_a_database_server_is_told_but_not_waited_for_here(tmp_path: Path) -> None:
    ledger = Ledger(database_url(tmp_path))
    error = sa.exc.OperationalError("UPDATE", {}, psycopg.errors.DiskFull("could not extend file"))
    why = outage(error, ledger.database)
    assert isinstance(why, DiskFull) and "is full" in why.problem and why.needs_bytes == 0
    ledger.close()
