"""A cut is seen between shots that look alike, and nowhere else."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from utils.image import RGB, Size
from utils.media.intake import probe
from utils.media.video import ClipFrames
from utils.people.cuts import CutFinder
from utils.walker import Scene, Shot

SIZE = Size(640, 360)
HERE, THERE = 0, 1


@pytest.fixture(scope="module")
def shots() -> list[list[RGB]]:
    """Ten frames of a walk, and ten of another square under the same sky."""
    first = Scene(Shot(size=SIZE, frames=60))
    second = Scene(Shot(size=SIZE, frames=60, seed=5))
    away = [second.frame(index)[0] for index in range(30, 40)]
    return [[first.frame(index)[0] for index in range(10)], [_elsewhere(picture) for picture in away]]


def _elsewhere(picture: RGB) -> RGB:
    """The other camera stands closer, on the other side."""
    part = np.ascontiguousarray(picture[120:, 440:39:-1][:, :400])
    return np.asarray(cv2.resize(part, SIZE, interpolation=cv2.INTER_CUBIC))


def cuts(pictures: list[RGB]) -> list[int]:
    finder = CutFinder()
    return [index for index, picture in enumerate(pictures) if finder.is_cut(picture)]


def lit(picture: RGB, gain: float, offset: float = 0) -> RGB:
    return np.asarray(cv2.convertScaleAbs(picture, alpha=gain, beta=offset))


def test_one_shot_has_no_cut(shots: list[list[RGB]]) -> None:
    assert cuts(shots[HERE]) == []


def test_a_cut_is_found_on_its_frame(shots: list[list[RGB]]) -> None:
    assert cuts(shots[HERE] + shots[THERE]) == [10]
    assert cuts(shots[THERE] + shots[HERE]) == [10]
    assert cuts(shots[HERE][:1] + shots[THERE][:1] + shots[HERE][1:2]) == [1, 2]


def test_repeated_frames_are_no_cut(shots: list[list[RGB]]) -> None:
    assert cuts([picture for picture in shots[HERE] for _ in range(3)]) == []


def test_a_fast_pan_is_no_cut(shots: list[list[RGB]]) -> None:
    """A sixth of the picture a frame, smeared as far as the shutter is open."""
    smear = np.full((1, 35), 1 / 35, np.float32)
    wide = np.hstack([shots[HERE][0], shots[HERE][0][:, ::-1]])
    pan = [cv2.filter2D(wide, -1, smear)[:, left : left + 440] for left in range(0, 840, 72)]
    assert cuts(pan) == []


@pytest.mark.parametrize(("gain", "offset"), [(0.4, 0), (0.7, 0), (1.8, 0), (1.4, 60)])
def test_a_step_of_the_exposure_is_no_cut(shots: list[list[RGB]], gain: float, offset: float) -> None:
    stepped = shots[HERE][:5] + [lit(picture, gain, offset) for picture in shots[HERE][5:]]
    assert cuts(stepped) == []


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_flash_is_no_cut(shots: list[list[RGB]], length: int) -> None:
    pictures = list(shots[HERE])
    pictures[4 : 4 + length] = [lit(picture, 3, 80) for picture in pictures[4 : 4 + length]]
    assert cuts(pictures) == []


def test_a_bright_scene_is_still_cut_to(shots: list[list[RGB]]) -> None:
    """Too white for too long to be a flash."""
    bright = [lit(picture, 2.2, 60) for picture in shots[THERE]]
    assert len(cuts(shots[HERE] + bright)) == 1


def test_black_is_no_shot(shots: list[list[RGB]]) -> None:
    here, there = shots
    black = [np.zeros_like(here[0])] * 6
    assert cuts(here[:5] + black + here[5:]) == []
    assert cuts(here[:5] + black + there) == [11]
    assert cuts(black) == []


def test_a_fade_through_black(shots: list[list[RGB]]) -> None:
    here, there = shots
    out = [lit(picture, gain) for picture, gain in zip(here, np.linspace(1, 0, 10), strict=True)]
    back = [lit(picture, gain) for picture, gain in zip(here, np.linspace(0, 1, 10), strict=True)]
    other = [lit(picture, gain) for picture, gain in zip(there, np.linspace(0, 1, 10), strict=True)]
    assert cuts(out + back) == []
    found = cuts(out + other)
    assert len(found) == 1 and 10 <= found[0] <= 13


@pytest.mark.parametrize("size", [(64, 64), (33, 101), (1080, 1920), (16, 16)])
def test_any_size(shots: list[list[RGB]], size: tuple[int, int]) -> None:
    pictures = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in shots[HERE][:4]]
    assert cuts(pictures) == []


@pytest.mark.footage
def test_shaky_footage_has_no_cut_and_joined_footage_has(footage: Path) -> None:
    clips = {}
    for name in ("shaky_skater", "sports2d_side_walk", "sam2_juggler", "sam2_woman_and_dog"):
        frames = ClipFrames.of(probe(footage / f"{name}.mp4"), SIZE)
        clips[name] = [frame.rgb for frame in frames.read(range(0, 48))]
    assert all(cuts(pictures) == [] for pictures in clips.values())
    joined = [picture for pictures in clips.values() for picture in pictures[:12]]
    assert cuts(joined) == [12, 24, 36]
