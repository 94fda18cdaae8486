"""While the database of the jobs cannot be used this is said and nothing is lost; after it, work goes on."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipeline.jobs.database import LedgerFileMissing
from pipeline.jobs.job import State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.jobs.outage import OutageRetry
from pipeline.jobs.tables import workers
from pipeline.jobs.workers.supervisor import Supervisor
from tests.journeys import filmed
from tests.orders import restyle_order
from tests.studios import App, app
from tests.workers import PATIENCE_S, House
from utils.project import PROJECT_ROOT
from utils.walker import Shot

pytestmark = pytest.mark.slow

LOOKS_S = 4.0
"""Time enough for several heartbeats, looks into the line and checks of the supervisor."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filmed(tmp_path_factory.mktemp("film"), Shot(size=(320, 180), frames=45))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(database_url(tmp_path))
    yield made
    made.close()


def until(done: Callable[[], bool]) -> None:
    """Wait for something."""
    end = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)


def logs(studio: App) -> str:
    """All that was written while the app was open."""
    return "\n".join(path.read_text() for path in [studio.home / "app.log", *(studio.home / "jobs").glob("*.log")])


def check_missed(studio: App, file: Path, clip: str) -> None:
    """Everybody who asks is told which file is missing."""
    order = {"clips": [clip], "preset": "fast", "settings": {}}
    for path, body in (("/readyz", None), ("/studio/jobs", None), ("/studio/jobs", order)):
        status, told = studio.answer(path, body)
        assert status == 503 and f"{file}, is not there" in told.decode(), (path, told)


@pytest.mark.parametrize("how", ["moved", "restored", "restored after the worker died"])
def test_a_ledger_that_is_gone_is_missed_and_goes_on_when_it_is_back(tmp_path: Path, clip: Path, how: str) -> None:
    with app(tmp_path / "home") as studio:
        people, file = House(studio.home), studio.home / "jobs" / "ledger.sqlite"
        upload = studio.upload(clip)
        jobs = [people.submit(clip, generate__look=look) for look in ("ink", "clay")]
        worker = people.working(jobs[0])
        with closing(sqlite3.connect(file)) as database, closing(sqlite3.connect(tmp_path / "copy")) as copy:
            database.backup(copy)
        file.rename(tmp_path / "away")
        check_missed(studio, file, upload)
        if "died" in how:
            people.kill(worker)
        time.sleep(LOOKS_S)
        check_missed(studio, file, upload)
        assert not file.exists(), "an empty one would hide the loss"
        (tmp_path / ("away" if how == "moved" else "copy")).rename(file)
        done = [people.ended(job) for job in jobs]
        assert [job.state for job in done] == [State.DONE, State.DONE]
        assert "died" in how or [job.attempts for job in done] == [1, 1], "the work went on meanwhile"
        studio.until(lambda: studio.status("/readyz") == 200, "readiness")
        people.ledger.close()
        written = logs(studio)
        assert "Traceback" not in written and written.count("can be used again") <= 1


def test_an_empty_ledger_is_not_begun_where_there_was_one(tmp_path: Path) -> None:
    url, file = database_url(tmp_path), tmp_path / "jobs" / "ledger.sqlite"
    ledger = Ledger(url)
    ledger.submit(restyle_order("/a.mp4", "a.mp4"))
    ledger.close()
    file.rename(tmp_path / "away")
    for _ in range(2):
        with pytest.raises(LedgerFileMissing) as told:
            Ledger(url)
        assert f"{file}, is not there, though there was one" in told.value.problem
        assert not file.exists()
    (tmp_path / "away").rename(file)
    ledger = Ledger(url)
    assert [job.order.title for job in ledger.all()] == ["a.mp4"]
    ledger.close()
    file.unlink()
    mark = file.with_name("ledger.sqlite.made")
    assert mark.name in told.value.remedy
    mark.unlink()
    ledger = Ledger(url)
    assert ledger.all() == []
    ledger.close()


def test_a_ledger_of_an_older_version_is_marked_when_it_is_opened(tmp_path: Path) -> None:
    url, file = database_url(tmp_path), tmp_path / "jobs" / "ledger.sqlite"
    Ledger(url).close()
    file.with_name("ledger.sqlite.made").unlink()
    Ledger(url).close()
    file.unlink()
    with pytest.raises(LedgerFileMissing):
        Ledger(url)


@pytest.mark.parametrize("command", [["app.py", "--port", "0"], ["-m", "pipeline", "worker"]])
def test_whoever_starts_without_its_ledger_says_which_file_is_missing(tmp_path: Path, command: list[str]) -> None:
    Ledger(database_url(tmp_path)).close()
    (tmp_path / "jobs" / "ledger.sqlite").unlink()
    command = [sys.executable, *command, "--home", str(tmp_path)]
    child = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=PATIENCE_S)
    assert child.returncode == 1 and "Traceback" not in child.stderr
    told = child.stderr
    assert "is not there, though there was one" in told and "Put it back" in told


def test_a_home_may_have_any_name(tmp_path: Path) -> None:
    home = tmp_path / "50%20 off? #1"
    ledger = Ledger(database_url(home))
    ledger.submit(restyle_order("/a.mp4", "a.mp4"))
    ledger.close()
    assert (home / "jobs" / "ledger.sqlite").stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == [home.name]


def test_a_worker_that_cannot_give_signs_in_an_outage_is_not_ended(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, database_url(tmp_path), "one")
    ledger, file = Ledger(database_url(tmp_path)), tmp_path / "jobs" / "ledger.sqlite"
    supervisor.worker = subprocess.Popen(["sleep", "60"])
    try:
        with ledger.engine.begin() as connection:
            row = {"name": "one", "pid": supervisor.worker.pid, "beat_at": 1.0, "job": ""}
            connection.execute(sa.insert(workers).values(**row))
        assert supervisor._hangs(), "without an outage it would have given one"
        file.rename(tmp_path / "away")
        assert not supervisor._hangs()
        (tmp_path / "away").rename(file)
        assert not supervisor._hangs(), "it is given some time to give one"
    finally:
        supervisor.worker.kill()
        supervisor.worker.wait()
        ledger.close()


def test_a_worker_that_gives_no_sign_is_ended_and_that_is_told(
    tmp_path: Path, ledger: Ledger, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor, started = Supervisor(tmp_path, ledger.url, "one"), list[subprocess.Popen[bytes]]()

    def start() -> "subprocess.Popen[bytes]":
        started.append(subprocess.Popen(["sleep", "60"], start_new_session=True))
        with ledger.engine.begin() as connection:
            connection.execute(workers.delete())
            row = {"name": "one", "pid": started[-1].pid, "beat_at": 1.0, "job": ""}
            connection.execute(sa.insert(workers).values(**row))
        return started[-1]

    monkeypatch.setattr(supervisor, "_start", start)
    running = threading.Thread(target=supervisor.run)
    running.start()
    try:
        until(lambda: len(started) > 1)
        assert started[0].returncode and "The worker 'one' gives no sign" in caplog.text
    finally:
        supervisor.stopping.set()
        running.join(60)


def test_a_worker_that_cannot_be_started_is_started_when_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = Supervisor(tmp_path, database_url(tmp_path), "one")
    log = tmp_path / "jobs" / "one.log"
    log.mkdir()
    running = threading.Thread(target=supervisor.run)
    running.start()
    try:
        until(lambda: "No worker could be started" in caplog.text)
        assert supervisor.worker is None
        log.rmdir()
        until(lambda: supervisor.worker is not None)
    finally:
        supervisor.stopping.set()
        running.join(60)


def test_what_must_be_told_is_told_when_the_ledger_is_back(
    tmp_path: Path, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    file, stopping, told = tmp_path / "jobs" / "ledger.sqlite", threading.Event(), list[str]()
    outage_retry = OutageRetry(ledger.database, stopping)
    file.rename(tmp_path / "away")
    teller = threading.Thread(
        target=lambda: told.append(outage_retry.until_done(lambda: ledger.submit(restyle_order("/a.mp4", "a.mp4"))).id)
    )
    teller.start()
    with pytest.raises(LedgerFileMissing):
        outage_retry.once(ledger.all)
    assert not told
    (tmp_path / "away").rename(file)
    teller.join(60)
    assert [job.id for job in ledger.all()] == told
    lost, *_, found = [record.getMessage() for record in caplog.records]
    assert lost.startswith(f"The file of the jobs, {file}, is not there any more. Put it back where it was")
    assert found == "The database of the jobs can be used again."


def test_a_worker_that_is_to_stop_waits_for_no_ledger(tmp_path: Path, ledger: Ledger) -> None:
    stopping = threading.Event()
    stopping.set()
    (tmp_path / "jobs" / "ledger.sqlite").unlink()
    with pytest.raises(LedgerFileMissing):
        OutageRetry(ledger.database, stopping).until_done(ledger.all)


def test_a_mistake_of_ours_is_no_outage(ledger: Ledger) -> None:
    def twice() -> None:
        with ledger.engine.begin() as connection:
            row = {"name": "one", "pid": 1, "beat_at": 1.0, "job": ""}
            connection.execute(sa.insert(workers), [row, row])

    with pytest.raises(sa.exc.IntegrityError):
        OutageRetry(ledger.database, threading.Event()).until_done(twice)
