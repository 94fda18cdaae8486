"""Several workers and one Postgres: they share the jobs, and each job is done once."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipeline.engines.sessions import Sessions
from pipeline.jobs import database
from pipeline.jobs.database import begin_alone
from pipeline.jobs.job import State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import home_mark
from pipeline.jobs.outage import OutageRetry
from pipeline.jobs.tables import window_starts, workers
from pipeline.jobs.workers.window_maker import WindowMaker
from tests.engines import CPU
from tests.journeys import filmed
from tests.workers import house
from utils.guarded_child import environment
from utils.walker import Shot

pytestmark = pytest.mark.slow

OUTAGE_S = 5.0


def test_two_workers_share_the_jobs_of_one_database(tmp_path: Path, postgres: Callable[[], str]) -> None:
    clip = filmed(tmp_path, Shot(size=(320, 180), frames=30))
    with house(tmp_path / "home", database=postgres()) as people:
        people.open("another")
        jobs = [people.submit(clip, generate__seed=seed) for seed in range(4)]
        people.until(lambda: len({sign.job for sign in people.living() if sign.job}) == 2, "two at work at once")
        done = [people.ended(job) for job in jobs]
    assert [(job.state, job.attempts) for job in done] == [(State.DONE, 1)] * 4


def test_what_a_worker_left_that_never_comes_back_is_done_by_another(
    tmp_path: Path, postgres: Callable[[], str]
) -> None:
    clip = filmed(tmp_path, Shot(size=(320, 180), frames=45))
    with house(tmp_path / "home", database=postgres()) as people:
        people.open("another")
        jobs = [people.submit(clip, generate__seed=seed) for seed in range(2)]
        people.until(lambda: len({sign.job for sign in people.living() if sign.job}) == 2, "two at work at once")
        supervisor = people.supervisors.pop()
        supervisor.kill()
        supervisor.wait()
        people.kill(next(sign for sign in people.living() if sign.name == "another"))
        with people.ledger.engine.begin() as connection:  # a minute later
            connection.execute(workers.update().where(workers.c.name == "another").values(beat_at=1.0))
        done = [people.ended(job) for job in jobs]
    assert sorted((job.state, job.attempts) for job in done) == [(State.DONE, 1), (State.DONE, 2)]


def test_who_freezes_within_a_change_keeps_others_waiting_for_some_time_only(
    tmp_path: Path, postgres: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "FROZEN_S", 0.5)
    url = postgres()
    frozen, other = Ledger(url), Ledger(url)
    with pytest.raises(sa.exc.DatabaseError), frozen.changing(), other.engine.begin() as connection:
        connection.execute(sa.text("SET lock_timeout = '60s'"))
        begin_alone(connection, other.line_lock)
    assert frozen.all() == [], "it can be used again"
    frozen.close()
    other.close()


def test_beginnings_of_one_window_at_once_all_count(tmp_path: Path, postgres: Callable[[], str]) -> None:
    """One of the workers lost it while it was about to begin."""
    ledger, stopping = Ledger(postgres()), threading.Event()
    retry = OutageRetry(ledger.database, stopping)
    maker = WindowMaker(ledger, tmp_path, Sessions(CPU), stopping, retry, lambda connection: True)
    names = [f"{number}" for number in range(30)]
    with ThreadPoolExecutor(2) as both:
        began = [list(both.map(lambda start: maker._started(name, start), ("one", "other"))) for name in names]  # noqa: B023
    assert [sorted(times) for times in began] == [[1, 2]] * len(names)
    with ledger.engine.connect() as connection:
        assert set(connection.execute(sa.select(window_starts.c.times)).scalars()) == {2}
    ledger.close()


def test_a_killed_worker_goes_on_where_it_was(tmp_path: Path, postgres: Callable[[], str]) -> None:
    clip = filmed(tmp_path, Shot(size=(320, 180), frames=45))
    with house(tmp_path / "home", database=postgres()) as people:
        job = people.submit(clip)
        people.kill(people.working(job, steps=5))
        ended = people.ended(job)
    assert (ended.state, ended.attempts) == (State.DONE, 2)


def test_a_worker_lives_through_an_outage_of_its_server(tmp_path: Path, postgres: Callable[[], str]) -> None:
    clip = filmed(tmp_path, Shot(size=(320, 180), frames=45))
    url = postgres()
    name = sa.make_url(url).database
    admin = sa.create_engine(sa.make_url(url).set(database="postgres"), isolation_level="AUTOCOMMIT")
    with house(tmp_path / "home", database=url) as people:
        jobs = [people.submit(clip, generate__look=look) for look in ("ink", "clay")]
        worker = people.working(jobs[0])
        with admin.connect() as connection:
            connection.execute(sa.text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
            gone = sa.text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
            connection.execute(gone)
            time.sleep(OUTAGE_S)
            connection.execute(sa.text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
        done = [people.ended(job) for job in jobs]
        assert [(job.state, job.attempts) for job in done] == [(State.DONE, 1)] * 2
        assert [sign.pid for sign in people.ledger.workers()] == [worker.pid]
        [log] = (tmp_path / "home" / "jobs").glob("*.log")
        written = log.read_text()
        assert written.count("does not answer") == 1 and "Traceback" not in written, written
    admin.dispose()


def test_the_password_of_the_database_is_no_argument_and_reaches_no_child(
    tmp_path: Path, postgres: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = sa.make_url(postgres()).set(password="a-secret").render_as_string(hide_password=False)
    with house(tmp_path / "home", opened=False, RESHOOT_DATABASE=url) as people:
        people.ledger.close()
        people.ledger = Ledger(url, home_mark(people.home, url))
        people.open()
        worker = people.awake()
        assert "a-secret" not in Path(f"/proc/{worker.pid}/cmdline").read_text()
        assert "a-secret" not in Path(f"/proc/{people.supervisors[0].pid}/cmdline").read_text()
        [log] = (tmp_path / "home" / "jobs").glob("*.log")
        assert "a-secret" not in log.read_text()
    monkeypatch.setenv("RESHOOT_DATABASE", url)
    assert "a-secret" not in str(environment())
