"""Clips that can hardly be aligned: each gets a right answer, or one sentence with what to do next."""

import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.aligned import Case, Pair, Scene, written
from utils.align.alignment import Alignment, align
from utils.align.labels import Label
from utils.align.placement import Placement
from utils.align.placing import Refusal
from utils.align.proxies import Proxies
from utils.image import RGB
from utils.media.clip import Clip
from utils.media.intake import probe
from utils.media.write import ClipWriter, Encoding, Shape
from utils.project import PROJECT_ROOT
from utils.size import Size

pytestmark = pytest.mark.slow

Film = Callable[[str, Iterable[RGB]], Clip]
WINDOW = (slice(34, 146), slice(60, 260))
"""Where the foreground lies in the picture."""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A second and a half that belongs together."""
    return Case("plain", seconds=1.5).made(tmp_path_factory.mktemp("pair"))


@pytest.fixture
def film(tmp_path: Path) -> Film:
    """A clip of these pictures at 30 frames a second."""
    return lambda name, pictures: written(tmp_path / f"{name}.mp4", pictures, Fraction(30), 23)


def aligned(background: Clip, foreground: Clip) -> Alignment:
    return align(Proxies.of(background), Proxies.of(foreground))


def sure(found: Alignment) -> list[int]:
    return [index for index, label in enumerate(found.labels) if label is Label.SURE]


def test_a_file_without_a_picture_is_told_from_the_command_line(pair: Pair, tmp_path: Path) -> None:
    with av.open(str(tmp_path / "sound.wav"), "w") as target:
        track = target.add_stream("pcm_s16le", rate=8000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), "s16", "mono")
        silence.sample_rate, silence.pts = 8000, 0
        target.mux([*track.encode(silence), *track.encode(None)])
    command = [sys.executable, "-m", "pipeline", "align", str(pair.background.path), str(tmp_path / "sound.wav")]
    child = subprocess.run([*command, "--home", str(tmp_path)], cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert child.returncode == 1 and child.stderr.startswith("There is no picture in 'sound.wav'"), child.stderr
    assert "Choose a file with a video track" in child.stderr and "Traceback" not in child.stderr


def test_clips_that_show_nothing_are_refused(pair: Pair, film: Film) -> None:
    black = film("black", [np.zeros((112, 200, 3), np.uint8)] * 40)
    single = film("single", [Scene().picture(0.7)[WINDOW]])
    for behind, own, said in (
        (pair.background, black, "The foreground shows nothing"),
        (black, black, "The background shows nothing"),
        (pair.background, single, "The foreground has only one frame"),
        (single, black, "The background has only one frame"),
    ):
        with pytest.raises(Refusal, match=said) as refused:
            aligned(behind, own)
        assert refused.value.remedy


def test_clips_in_which_nothing_moves_have_no_sure_times_but_the_true_one(pair: Pair, film: Film) -> None:
    still = Scene().picture(0.7)
    frozen, behind = film("frozen", [still[WINDOW]] * 40), film("behind", [still] * 40)
    found = aligned(pair.background, frozen)
    assert np.abs(found.moments - 42)[sure(found)].max(initial=0) < 0.5, "one picture of a moving background"
    assert not sure(aligned(behind, frozen)), "any time would do"
    with pytest.raises(Refusal, match="Nothing moves in the background"):
        aligned(behind, pair.foreground)


@pytest.mark.parametrize(
    "case",
    [Case("later", seconds=1.5, begin_s=2.5, end_s=3.7), Case("stretched", seconds=1.5, stretch=1.2)],
    ids=lambda case: case.name,
)
def test_what_the_background_does_not_show_is_refused_or_never_sure(case: Case, tmp_path: Path) -> None:
    pair = case.made(tmp_path)
    try:
        found = aligned(pair.background, pair.foreground)
    except Refusal as refused:
        assert refused.remedy
    else:
        assert len(sure(found)) < 5


def test_a_foreground_that_is_larger_than_its_background_is_placed_around_it(tmp_path: Path) -> None:
    pair = Case("around", seconds=1.5, begin_s=0.2, crop=(0, 0, 320, 180), shown=(40, 20, 240, 136)).made(tmp_path)
    found = aligned(pair.background, pair.foreground)
    assert pair.away(found.moments)[sure(found)].max() < 0.5 and len(sure(found)) > 70
    assert abs(found.placement.left + 40) < 0.5 and abs(found.placement.top + 20) < 0.5


def test_three_hours_hold_a_second_and_a_half(pair: Pair, tmp_path: Path) -> None:
    """After those, one picture every half minute."""
    shape = replace(Shape.steady(pair.background.size, Fraction(60)), time_base=Fraction(1, 60))
    scene, other = Scene(), Scene(seed=5)
    with ClipWriter(tmp_path / "long.mp4", shape, Encoding(crf=23)) as writer:
        for index in range(90):
            writer.write(scene.picture(index / 60), index, 1)
        for index in range(360):
            writer.write(other.picture(index / 3), 90 + 1800 * index, 1800)
    long = probe(tmp_path / "long.mp4")
    assert long.duration_s > 3 * 3600
    found = aligned(long, pair.foreground)
    assert len(sure(found)) > 80 and pair.away(found.moments)[sure(found)].max() < 0.5


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> tuple[Clip, Clip]:
    """Ten minutes of other places at five frames a second, and the eight seconds of them that are the foreground."""
    folder, size = tmp_path_factory.mktemp("uneven"), Size(160, 90)
    scene, other = Scene(size, pan_px=15.0), Scene(size, seed=5, pan_px=15.0)
    shown, rest = ([each.picture(index / 5) for index in range(40)] for each in (scene, other))
    long = [shown[index - 1530] if 1530 <= index < 1570 else rest[index % 40] for index in range(3000)]
    names = [(long, "long"), ([each[12:84, 20:150] for each in shown], "short")]
    made = [written(folder / f"{name}.mp4", pictures, Fraction(5), 23) for pictures, name in names]
    return made[0], made[1]


def test_eight_seconds_are_found_in_ten_minutes_of_something_else(uneven: tuple[Clip, Clip]) -> None:
    found = aligned(*uneven)
    known = sure(found)
    assert len(known) > 35 and np.abs(found.moments - np.arange(1530, 1570))[known].max() < 0.5
    assert found.placement.differs_px(Placement(1.0, 20, 12), uneven[1].size) < 0.5


def test_clips_in_each_others_place_are_refused_with_that_and_in_little_memory(uneven: tuple[Clip, Clip]) -> None:
    long, short = map(Proxies.of, uneven)
    tracemalloc.start()
    for placement in (None, Placement(1.0, -20, -12)):
        with pytest.raises(Refusal) as refused:
            align(short, long, placement)
        assert "perhaps each was given in the other's place" in refused.value.remedy
        assert "\n" not in refused.value.problem
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150 << 20, f"{peak >> 20} MB"
