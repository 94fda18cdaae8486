"""The graphics card under jobs: real workers that ask a played card, or one that is lost."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.jobs.results import Results
from tests.cards import BUSY, LOST, played_card
from tests.journeys import filmed
from tests.workers import House, house
from utils.walker import Shot

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filmed(tmp_path_factory.mktemp("film"), Shot(size=(192, 108), frames=12))


@pytest.fixture(params=[BUSY, LOST], ids=["busy", "lost"])
def played(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    packages = played_card(tmp_path / "packages", request.param)
    with house(tmp_path / "home", PYTHONPATH=packages, CUDA_VISIBLE_DEVICES="0") as built:
        yield built


def test_what_the_card_did_is_in_the_result_and_its_loss_is_an_event(played: House, clip: Path) -> None:
    job = played.ended(played.submit(clip))
    assert job.state == "done", job.problem
    told = json.loads((Results.of(played.home).place(job.id) / "report.json").read_bytes())
    lost = [each["sentence"] for each in told["events"] if "graphics card" in each["sentence"]]
    if lost:
        assert lost == ["The graphics card no longer said how it is used: GPU is lost."]
        assert "card" not in job.result and told["making"]["card"] is None
    else:
        assert job.result["card"] == {"name": "NVIDIA A40", "busy": 0.87, "peak_mb": 21 << 10}
        card = told["making"]["card"]
        assert card["busy"] == pytest.approx(0.87) and card["readings"] >= 1
    assert told["making"]["windows"] >= 1 and told["making"]["seconds"] > 0
    assert told["making"]["estimate"]["seconds"] > 0
