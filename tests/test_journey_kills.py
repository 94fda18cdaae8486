"""A journey that is killed again and again gets to the same end, and computes no window twice."""

import subprocess
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from pipeline.report.journey import Journey
from tests.journey_child import WINDOWS
from tests.journeys import bench, finished, hits, journey, left_over, same, written
from utils.store import Store
from utils.walker import Shot, walk

pytestmark = pytest.mark.slow

FRAMES = 21
DEATHS = 12


@dataclass(frozen=True)
class Survivor:
    """A cache in which a journey ended after some deaths, and the log of them."""

    store: Store
    deaths: int
    frames: int


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shown = [rgb for rgb, _ in walk(Shot(size=(320, 180), frames=FRAMES))]
    return written(tmp_path_factory.mktemp("film") / "walk.mp4", shown)


@pytest.fixture(scope="module")
def undisturbed(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Journey:
    return journey(clip, bench(tmp_path_factory.mktemp("calm"), **WINDOWS))


@pytest.fixture(scope="module")
def survivors(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Survivor]:
    """Each of them in a cache of its own, as many as it takes."""
    found: list[Survivor] = []
    for seed in count(3):
        if sum(each.deaths for each in found) >= DEATHS:
            break
        folder = tmp_path_factory.mktemp("killed")
        command = [
            sys.executable,
            "-m",
            "tests.journey_child",
            *map(str, (clip, folder / "cache", folder / "log", seed)),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        lines = (folder / "log").read_text().splitlines()
        deaths = lines.count("killed")
        found.append(Survivor(Store(folder / "cache"), deaths, len(lines) - deaths))
    return found


def test_the_frames_are_those_of_an_undisturbed_run(
    clip: Path, undisturbed: Journey, survivors: list[Survivor]
) -> None:
    assert len(undisturbed.frames.windows) == 7
    for each in survivors:
        made = journey(clip, bench(each.store.folder, **WINDOWS))
        assert all(hits(made).values())
        assert same(finished(made), finished(undisturbed))


def test_at_most_the_window_in_the_making_is_made_again(undisturbed: Journey, survivors: list[Survivor]) -> None:
    lengths = [len(window.plan.span) for window in undisturbed.frames.windows]
    for each in survivors:
        assert each.store.stats().stages["make with restyle"].figures.misses <= len(lengths)
        assert sum(lengths) <= each.frames <= sum(lengths) + each.deaths * max(lengths)


def test_the_cache_is_whole_and_nothing_is_left_behind(survivors: list[Survivor]) -> None:
    for each in survivors:
        assert [verdict for verdict in each.store.verify() if verdict.problem] == []
        assert not left_over(each.store)
