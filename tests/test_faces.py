"""Faces and focal points: found in real pictures, large and small, and calm over time."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.whispers import inside
from utils.image import RGB
from utils.image.focus import focal_point, smoothed
from utils.media.intake import probe
from utils.media.video import ClipFrames
from utils.people.faces import SHARES, Face, FaceModel, tiles

FACE = (222, 115)
"""The middle of the face in the portrait, px."""


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel()


def photo(name: str) -> RGB:
    """A photograph that comes with scikit-image."""
    return np.asarray(cv2.cvtColor(cv2.imread(str(inside("skimage", "data", name))), cv2.COLOR_BGR2RGB), np.uint8)


def shown(portrait: RGB, scale: float, left: int, top: int, width: int = 1280, height: int = 720) -> RGB:
    """A portrait on a grey picture."""
    small = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    picture = np.full((height, width, 3), 120, np.uint8)
    part = small[: height - top, : width - left]
    picture[top : top + part.shape[0], left : left + part.shape[1]] = part
    return picture


def test_a_face_is_where_it_is(model: FaceModel) -> None:
    faces = model.find(photo("astronaut.png"))
    assert len(faces) == 1
    assert np.hypot(*np.subtract(faces[0].centre, FACE)) < 25 and 70 < faces[0].width < 160 and faces[0].score > 0.7


@pytest.mark.parametrize(("scale", "left", "top"), [(1.4, 100, 0), (0.6, 900, 60), (0.6, 500, 300), (0.35, 60, 400)])
def test_small_faces_are_found_in_tiles_and_only_once(model: FaceModel, scale: float, left: int, top: int) -> None:
    faces = model.find(shown(photo("astronaut.png"), scale, left, top))
    expected = left + scale * FACE[0], top + scale * FACE[1]
    assert len(faces) == 1 and np.hypot(*np.subtract(faces[0].centre, expected)) < 30 * max(scale, 0.4)


def test_two_faces_are_two(model: FaceModel) -> None:
    portrait = photo("astronaut.png")
    faces = model.find(np.concatenate([portrait, portrait], 1))
    assert sorted(round(face.centre[0] / 512 - 0.44) for face in faces) == [0, 1]


@pytest.mark.parametrize("name", ["coffee.png", "motorcycle_left.png", "chelsea.png", "hubble_deep_field.jpg"])
def test_what_is_no_face_is_none(model: FaceModel, name: str) -> None:
    assert not model.find(photo(name))


@given(st.integers(16, 900), st.integers(16, 900), st.sampled_from(SHARES))
def test_tiles_cover_every_picture(width: int, height: int, share: float) -> None:
    seen = np.zeros((height, width), bool)
    for left, top, tile in tiles(np.zeros((height, width, 3), np.uint8), share):
        seen[top : top + tile.shape[0], left : left + tile.shape[1]] = True
    assert seen.all()


def test_a_face_moves_with_its_picture() -> None:
    assert Face(10, 20, 30, 40, 0.9).scaled(2, 5, 6) == Face(25, 46, 60, 80, 0.9)


@pytest.mark.parametrize(("x", "y"), [(0.2, 0.3), (0.75, 0.6), (0.5, 0.5)])
def test_what_stands_out_is_looked_at(x: float, y: float) -> None:
    rng = np.random.default_rng(3)
    picture = cv2.GaussianBlur(rng.normal(110, 30, (360, 640, 3)), (0, 0), 25).clip(0, 255).astype(np.uint8)
    cv2.circle(picture, (round(640 * x), round(360 * y)), 30, (250, 220, 60), -1)
    found = focal_point(picture)
    assert abs(found[0] - x) < 0.06 and abs(found[1] - y) < 0.09


def test_the_cup_of_a_photograph_is_looked_at_and_a_plain_picture_in_its_middle() -> None:
    x, y = focal_point(photo("coffee.png"))
    assert 0.3 < x < 0.8 and 0.25 < y < 0.8
    assert focal_point(np.full((90, 160, 3), 70, np.uint8)) == (0.5, 0.5)


def test_points_are_calm_within_a_shot_and_jump_at_a_cut() -> None:
    rng = np.random.default_rng(5)
    times = [0.5 * k for k in range(40)]
    shots = [0] * 20 + [1] * 20
    points = [((0.3 if shot == 0 else 0.7) + rng.normal(0, 0.05), 0.5) for shot in shots]
    calm = smoothed(points, times, shots, 1.0)
    assert np.abs(np.diff(calm[:20, 0])).max() < 0.04 and np.abs(np.diff(calm[20:, 0])).max() < 0.04
    assert calm[19, 0] < 0.36 and calm[20, 0] > 0.64
    assert smoothed([], [], [], 1.0).shape == (0, 2)


def test_a_closed_detector_is_loaded_again(model: FaceModel) -> None:
    model.close()
    assert len(model.find(photo("astronaut.png"))) == 1


@pytest.mark.footage
def test_the_face_of_a_hiker_is_found(footage: Path, model: FaceModel) -> None:
    """From 193 on the first one is near enough; the boxes were looked at."""
    clip = probe(footage / "handheld_hikers_toward_camera.m4v")
    boxes = {193: (283, 115), 208: (270, 70), 238: (255, 116), 268: (312, 87)}
    for frame in ClipFrames.of(clip).read(boxes):
        faces = model.find(frame.rgb)
        assert len(faces) == 1 and np.abs(np.subtract((faces[0].left, faces[0].top), boxes[frame.index])).max() < 15
