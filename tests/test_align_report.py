"""The report of an alignment: which frames it shows, that both pictures are of one moment and place, and its plot."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from pipeline.align.drift import Drift
from pipeline.align.report.matched_frames import MatchedFrames, Picked
from pipeline.align.report.page import WINDOW_FRAMES, AlignReport
from pipeline.align.report.plot import DriftPlot
from pipeline.align.time_map import TimeMap
from pipeline.run import Run
from pipeline.stage import RunContext
from tests.aligned import Case, Pair
from utils.align.labels import Label
from utils.align.placement import Placement
from utils.project import PROJECT_ROOT
from utils.store import Store

pytestmark = pytest.mark.slow

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Half a second later, larger, with two stretches cut out, and longer than the background at its end."""
    cut = Case("cut", seconds=2.8, end_s=2.9, scale=1.25, edit=lambda times: times[:40] + times[70:130] + times[145:])
    return cut.made(tmp_path_factory.mktemp("pair"))


def true_map(pair: Pair) -> TimeMap:
    """What an alignment without any error would say."""
    known = np.isfinite(pair.truth)
    jumps = np.diff(pair.truth, prepend=pair.truth[:1]) > 5
    labels = [
        Label.CUT if jump else Label.SURE if sure else Label.NOTHING for jump, sure in zip(jumps, known, strict=True)
    ]
    place = Placement(pair.scale, *pair.corner)
    return TimeMap(place, pair.truth, np.where(known, 0.02, np.nan), tuple(map(Label, labels)), 0.99)


def test_the_worst_frames_are_shown_and_the_same_ones_at_random(pair: Pair) -> None:
    found = true_map(pair)
    off = found.moments.copy()
    off[[30, 31, 80]] += 3.0
    labels = list(found.labels)
    labels[50:60] = [Label.STILL] * 10
    sigma = found.sigma.copy()
    sigma[50:60] = 40.0
    found = replace(found, moments=off, sigma=sigma, labels=tuple(labels))
    picked = Picked.of(found, Drift.of(found, pair.background, WINDOW_FRAMES))
    worst, drawn = picked.of_kind("worst"), picked.of_kind("random")
    assert 80 in worst and len({30, 31} & set(worst)) == 1, "of neighbours one"
    assert len(worst) == len(drawn) == 6 and not set(worst) & set(drawn) and not set(worst) & set(range(50, 60))
    assert list(picked.why) == sorted(picked.why) and {0, len(pair.truth) - 1} <= set(picked.why)
    assert picked == Picked.of(found, Drift.of(found, pair.background, WINDOW_FRAMES))


def test_both_pictures_of_a_frame_show_the_same_place_and_moment(pair: Pair) -> None:
    found = true_map(pair)
    picked = Picked({10: "", 60: "worst", len(pair.truth) - 1: ""})

    def apart(found: TimeMap) -> float:
        frames = MatchedFrames(pair.background, pair.foreground, found, picked)
        shown = list(frames.pictures())
        assert [each.index for each in shown] == list(picked.why) and shown[-1].background is None
        pairs = [(each.foreground.astype(float), each.background) for each in shown if each.background is not None]
        return float(np.mean([np.abs(own - other).mean() for own, other in pairs]))

    right = apart(found)
    assert right < 8
    aside, later = Placement(pair.scale, pair.corner[0] + 4, pair.corner[1]), found.moments + 5
    assert apart(replace(found, placement=aside)) > 1.5 * right and apart(replace(found, moments=later)) > 1.5 * right


def test_time_less_its_run_is_flat_between_cuts(pair: Pair) -> None:
    found = true_map(pair)
    plot = DriftPlot(pair.background, pair.foreground, found, Drift.of(found, pair.background, WINDOW_FRAMES))
    first, second = np.flatnonzero([label is Label.CUT for label in found.labels])
    levels = [plot.off_line[:first], plot.off_line[first:second], plot.off_line[second:]]
    assert all(np.nanmax(each) - np.nanmin(each) < 0.01 for each in levels)
    steps = [np.nanmean(after) - np.nanmean(before) for before, after in pairwise(levels)]
    assert np.allclose(steps, [30, 15], atol=0.1)
    drawn = ElementTree.fromstring(plot.svg())
    classes = [each.get("class") for each in drawn.iter()]
    missing = int(np.isnan(pair.truth).sum())
    assert classes.count("cut") == 2 * 2 and classes.count("line") == classes.count("band") == 2 * 3
    shades = [each.findtext(f"{SVG}title") for each in drawn.iter(f"{SVG}rect") if each.get("class") == "nothing"]
    count = len(pair.truth)
    assert shades == [f"no-match: frames {count - missing} to {count - 1}"] * 2


def test_the_plot_of_a_long_clip_is_not_larger_than_can_be_seen(pair: Pair) -> None:
    """Five minutes in which every seventh frame is ambiguous, with a cut every five seconds."""
    count, step = 18_000, pair.foreground.pts[1]
    long = replace(pair.foreground, pts=tuple(range(0, count * step, step)), keys=(0,), key_bytes=(-1,))
    labels = np.where(np.arange(count) % 7, Label.SURE, Label.STILL)
    labels[300::300] = Label.CUT
    moments = np.arange(count) + np.random.default_rng(0).normal(0, 0.05, count)
    moments[9_000] += 2.0
    found = TimeMap(Placement(), moments, np.full(count, 0.05), tuple(map(Label, labels)), 0.9)
    drawn = DriftPlot(long, long, found, Drift.of(found, long, WINDOW_FRAMES)).svg()
    assert len(drawn) < 200_000 and drawn.count('class="cut"') == 2 * 59
    heights = [float(y) for d in re.findall(r'd="([^"]*)" class="line"', drawn) for y in re.findall(r" ([\d.]+)", d)]
    assert min(heights) < 200, "the one frame that is off is still seen"


def test_a_report_is_a_folder_whose_page_loads_nothing(pair: Pair, tmp_path: Path) -> None:
    found, run = true_map(pair), Run(RunContext(Store(tmp_path / "cache")))
    report = AlignReport.of(pair.background, pair.foreground, found, run.take)
    report.write(tmp_path / "made" / "report")
    folder = tmp_path / "made" / "report"
    assert {each.name for each in folder.iterdir()} == {"index.html", "drift.svg", "map.json", "sheet.png", "strip.jpg"}
    page = (folder / "index.html").read_text()
    assert set(re.findall(r'(?:href|src)="([^"]+)"', page)) == {"map.json", "drift.svg", "sheet.png", "strip.jpg"}
    loaded = set(re.findall(r'url\("?([^)",]+)', page))
    assert loaded == {"data:image/jpeg;base64", "#drift-hatch", "${strip}"}, "and the last one is none in a report"
    assert page.count("<li><p><b>Frame ") == 12 and "(60.00, 34.00)" in page and "2 cut" in page
    told = json.loads((folder / "map.json").read_text())
    assert len(told["frames"]) == len(pair.truth) and told["labels"]["cut"] == 2
    rows = list(report.told()["frames"])
    with Image.open(folder / "strip.jpg") as strip, Image.open(folder / "sheet.png") as sheet:
        width, height = report.frames.tile
        assert strip.size == (6 * width, 2 * height * -(-len(rows) // 6))
        assert sheet.width > 4 * width and sheet.height > 12 * height
    again = AlignReport.of(pair.background, pair.foreground, found, run.take)
    assert again.pictures.hit and [each.hit for each in run.done] == [False, True]


def test_the_command_writes_a_report_of_what_it_found(pair: Pair, tmp_path: Path) -> None:
    said = [pair.background.path, pair.foreground.path, "--map", tmp_path / "map.json", "--report", tmp_path / "report"]
    command = [sys.executable, "-m", "pipeline", "align", *map(str, said), "--home", str(tmp_path / "home")]
    child = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    assert (tmp_path / "report" / "map.json").read_text() == (tmp_path / "map.json").read_text()
    assert "cut-fg.mp4</bdi> over" in (tmp_path / "report" / "index.html").read_text()
    (tmp_path / "report").rename(tmp_path / "before")
    (tmp_path / "report").write_text("a file is in the way")
    child = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert child.returncode == 1 and "report" in child.stderr and "Traceback" not in child.stderr
