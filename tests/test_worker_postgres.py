"""Several workers and one Postgres: they share the jobs, and each job is done once."""

from collections.abc import Callable
from pathlib import Path

from pipeline.jobs.job import State
from pipeline.jobs.tables import workers
from tests.journeys import filmed
from tests.workers import house
from utils.walker import Shot


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


def test_a_killed_worker_goes_on_where_it_was(tmp_path: Path, postgres: Callable[[], str]) -> None:
    clip = filmed(tmp_path, Shot(size=(320, 180), frames=45))
    with house(tmp_path / "home", database=postgres()) as people:
        job = people.submit(clip)
        people.kill(people.working(job, "make"))
        ended = people.ended(job)
    assert (ended.state, ended.attempts) == (State.DONE, 2)
