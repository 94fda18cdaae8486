"""python -m pipeline align, as its user runs it."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.align.overlay import Overlay
from pipeline.align.time_map import TimeMap
from tests.aligned import TRUE, Case, Pair, Scene
from utils.align.labels import Label
from utils.align.placement import Placement
from utils.image.metrics import psnr_db
from utils.media.intake import probe
from utils.media.video import ClipFrames
from utils.project import PROJECT_ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Half a second later, and longer than the background at its end."""
    return replace(TRUE["offset"], seconds=2.0, end_s=2.2).made(tmp_path_factory.mktemp("pair"))


def run(*said: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", "align", *map(str, said)]
    return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True)


def test_the_foreground_is_laid_where_and_when_it_belongs(pair: Pair, tmp_path: Path) -> None:
    out, times, home = tmp_path / "out.mp4", tmp_path / "map.json", tmp_path / "home"
    said = [pair.background.path, pair.foreground.path, "-o", out, "--map", times, "--home", home]
    child = run(*said)
    assert child.returncode == 0, child.stderr
    assert "placed at (60.0" in child.stdout or "placed at (59.9" in child.stdout, child.stdout
    told = json.loads(times.read_text())
    assert told["labels"]["no-match"] >= 10 and len(told["frames"]) == len(pair.foreground)
    assert abs(told["frames"][20]["background_s"] - (0.5 + 20 / 60)) < 0.005
    assert told["frames"][-1]["background_s"] is None and told["frames"][-1]["label"] == "no-match"
    made = probe(out)
    assert made.size == pair.background.size and len(made) == len(pair.foreground) - told["labels"]["no-match"]
    (shown,), (behind,) = (
        list(ClipFrames.of(clip).read([index])) for clip, index in ((made, 20), (pair.background, 50))
    )
    assert psnr_db(shown.rgb, behind.rgb) > 30, "the moment of the background, inside as well as around"

    again = run(*said, "--json", "--drift-tolerance", 0.01)
    assert again.returncode == 4, "no frame is known to a hundredth of a millisecond"
    assert len(json.loads(again.stdout)["off"]) > 50


def test_clips_that_have_nothing_in_common_are_refused(tmp_path: Path) -> None:
    strangers = Case("strangers", seconds=1.0, other=Scene(seed=99)).made(tmp_path)
    child = run(strangers.background.path, strangers.foreground.path, "-o", tmp_path / "o.mp4", "--home", tmp_path)
    assert child.returncode == 3 and "--x, --y and --scale" in child.stderr and not (tmp_path / "o.mp4").exists()


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (("--x", 3), "Add --match-space fixed"),
        (("--skip-spatial-align", "--scale", 2), "means 0, 0 in full size"),
        (("--match-space", "near"), "'near' is unknown"),
        (("-o", "film.avi"), "does not end in .mp4"),
    ],
)
def test_what_contradicts_itself_is_told_before_anything_is_computed(
    pair: Pair, said: tuple[object, ...], problem: str, tmp_path: Path
) -> None:
    child = run(pair.background.path, pair.foreground.path, *said, "--home", tmp_path)
    assert child.returncode == 1 and problem in " ".join(child.stderr.split())


def test_an_overlay_keeps_whole_pixels_and_softens_edges(pair: Pair) -> None:
    count = len(pair.foreground)
    still = np.full(count, 30.0)
    found = TimeMap(Placement(1.0, 60.1, 33.9), still, np.zeros(count), (Label.SURE,) * count, 1.0)
    plain, soft = (next(Overlay(pair.background, pair.foreground, found, each).pictures()) for each in (0, 8))
    own, behind = (
        next(ClipFrames.of(clip).read([index])).rgb for clip, index in ((pair.foreground, 0), (pair.background, 30))
    )
    inside = (slice(34, 34 + 112), slice(60, 60 + 200))
    assert np.array_equal(plain[inside], own) and np.array_equal(plain[:34], behind[:34])
    assert np.array_equal(soft[60:120, 100:200], plain[60:120, 100:200])
    edge = np.abs(soft[34:146, 60].astype(int) - behind[34:146, 60]).mean()
    assert edge < 0.2 * max(1.0, np.abs(plain[34:146, 60].astype(int) - behind[34:146, 60]).mean())
    larger = Overlay(pair.background, pair.foreground, replace(found, placement=Placement(1.3, 20.0, 10.0)))
    assert np.array_equal(next(larger.pictures())[:8], behind[:8]) and larger.digest
