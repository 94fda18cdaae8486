"""Kills, freezes and cuts at random moments while several workers make the windows of several jobs."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.jobs.job import State
from tests.journeys import filmed, finished
from tests.ordeal import shown
from tests.storm import Storm, storm
from utils.walker import Shot

pytestmark = pytest.mark.slow

HITS, JOBS, WORKERS = 20, 8, 4


@pytest.fixture(scope="module")
def raged(tmp_path_factory: pytest.TempPathFactory, s3_endpoint: str, postgres: Callable[[], str]) -> Iterator[Storm]:
    clip = filmed(tmp_path_factory.mktemp("film"), Shot(size=(160, 90), frames=48))
    folder = tmp_path_factory.mktemp("storm")
    with storm(folder, postgres(), s3_endpoint, WORKERS, seed=0, frame_s=0.15) as made:
        made.open()
        made.rage(HITS, [clip], JOBS, rest_s=1.5)
        yield made


def test_every_job_ends_and_shows_what_it_shows_in_quiet(raged: Storm, tmp_path: Path) -> None:
    assert len(raged.hits) >= HITS
    for job, machine in raged.jobs.items():
        ended = raged.job(job)
        assert ended.state is State.DONE, ended.problem
        assert shown(machine.house.result(job)) == shown(finished(raged.quiet(job, tmp_path / "cache")))


def test_a_window_is_made_once_and_at_most_once_more_for_each_interruption(raged: Storm) -> None:
    judged = raged.judge()
    assert len(judged.made()) >= 3 * JOBS
    assert judged.made_too_often() == {}


def test_who_lost_a_window_writes_nothing_about_it(raged: Storm) -> None:
    judged = raged.judge()
    assert any(hold.lost for hold in judged.holds()), "some were frozen for long"
    assert judged.written_late() == []
