"""Kills at random moments: every job ends, and shows what it shows when nobody disturbs it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.jobs.job import State
from tests.journeys import filmed, finished
from tests.ordeal import Ordeal, shown
from tests.workers import house
from utils.walker import Shot

pytestmark = pytest.mark.slow

DEATHS = 20


@pytest.fixture(scope="module")
def ordeal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ordeal]:
    clips = [
        filmed(tmp_path_factory.mktemp("film"), Shot(size=(320, 180), frames=frames, seed=seed))
        for seed, frames in ((0, 45), (1, 30))
    ]
    with house(tmp_path_factory.mktemp("home"), app=True) as home:
        made = Ordeal(home, clips)
        made.run(DEATHS)
        yield made


def test_every_job_ends_and_nothing_is_half_there(ordeal: Ordeal) -> None:
    assert ordeal.kills >= DEATHS
    assert [ordeal.home.ledger.get(job).state for job in ordeal.jobs] == [State.DONE] * len(ordeal.jobs)
    assert ordeal.wrong() == []


def test_every_result_is_that_of_an_undisturbed_run(ordeal: Ordeal, tmp_path: Path) -> None:
    for job in ordeal.jobs:
        alone = finished(ordeal.undisturbed(job, tmp_path / "cache"))
        assert shown(ordeal.home.result(job)) == shown(alone)
