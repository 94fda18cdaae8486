"""The ground near the feet is followed past a background that lies farther away, and however far the camera travels."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from utils.camera.ground import Feet, PointPairs, ground_path, similarity_at
from utils.camera.path import CameraPath
from utils.image import Size
from utils.image.geometry import Matrix, inverse, moved, normal, shift, steps

SIZE = Size(640, 360)
FRAMES = 300
FEET = np.array([320.0, 300.0])
GROW = 0.995
"""The camera walks backwards: each frame shows everything a little smaller."""
Doubles = NDArray[np.float64]


def travelled() -> tuple[CameraPath, list[PointPairs], Doubles]:
    """A camera that walks backwards, background points far behind and on the ground, and each frame -> true ground."""
    rng = np.random.default_rng(0)
    count = np.arange(FRAMES)
    far = np.array([_about((320, 120), 0.9995**index) for index in count])
    near = np.array([_about((320, 120), GROW**index) @ shift(0.05 * index, 0) for index in count])
    pairs: list[PointPairs] = [np.zeros((0, 4), np.float32)]
    for before, after in pairwise(count):
        parts = []
        for layer, (top, bottom) in ((far, (10, 200)), (near, (250, 350))):
            there = np.column_stack([rng.uniform(10, 630, 60), rng.uniform(top, bottom, 60)])
            here = moved(layer[before] @ inverse(layer[after]), there)
            parts.append(np.concatenate([here, there], axis=1))
        pairs.append((np.concatenate(parts) + rng.normal(0, 0.05, (120, 4))).astype(np.float32))
    return _path(normal(inverse(far))), pairs, normal(inverse(near))


def _path(matrices: Matrix) -> CameraPath:
    count = len(matrices)
    return CameraPath(matrices, np.ones(count), tuple(range(count)), Fraction(1, 30), SIZE, SIZE)


def _about(point: tuple[float, float], zoom: float) -> Matrix:
    return np.asarray(shift(*point) @ np.diag([zoom, zoom, 1.0]) @ shift(-point[0], -point[1]))


def feet() -> Feet:
    return Feet(np.tile(FEET, (FRAMES, 1)), np.full(FRAMES, 100.0))


def test_what_stands_on_the_ground_stays_where_it_is() -> None:
    """A planted foot, over half a second anywhere in the clip."""
    camera, pairs, truth = travelled()
    ground = ground_path(camera, pairs, feet())
    for start in range(0, FRAMES - 15, 20):
        foot = moved(inverse(truth[start : start + 15]) @ truth[start], np.tile(FEET, (15, 1)))
        places = moved(ground.matrices[start : start + 15], foot) / ground.zooms[start]
        by_background = moved(camera.matrices[start : start + 15], foot)
        assert np.ptp(places, axis=0).max() < 0.8
        assert np.ptp(by_background, axis=0).max() > 8


def test_it_never_degenerates() -> None:
    camera, pairs, _ = travelled()
    ground = ground_path(camera, pairs, feet())
    assert np.allclose(ground.matrices[:, 2], [0, 0, 1])
    assert (np.diff(ground.zooms) > 0).mean() > 0.99
    assert np.allclose(ground.zooms[-1], GROW ** -(FRAMES - 1), rtol=0.05)


def test_a_camera_that_only_turns_keeps_its_own_path() -> None:
    cameras = np.array([shift(2.0 * index, np.sin(index)) for index in range(100)])
    rng = np.random.default_rng(1)
    pairs = [np.zeros((0, 4), np.float32)]
    for step in steps(cameras)[1:]:
        there = rng.uniform(10, 350, (80, 2))
        pairs.append(np.concatenate([moved(step, there), there], axis=1).astype(np.float32))
    camera = _path(cameras)
    standing = Feet(np.tile(FEET, (100, 1)), np.full(100, 100.0))
    assert np.allclose(ground_path(camera, pairs, standing).matrices, cameras, atol=1e-9)


def test_without_any_point_nothing_moves() -> None:
    camera, pairs, _ = travelled()
    none = [np.zeros((0, 4), np.float32) for _ in pairs]
    assert np.isfinite(ground_path(camera, none, feet()).matrices).all()


def test_a_similarity_does_what_the_homography_does_around_a_point() -> None:
    matrix = np.array([[1.1, -0.2, 5], [0.2, 1.1, -3], [1e-4, 2e-4, 1]])
    alike = similarity_at(matrix, FEET)
    around = FEET + np.array([[0, 0], [1, 1], [-1, 1]])
    assert np.abs(moved(alike, around) - moved(matrix, around)).max() < 0.1
    assert np.allclose(alike[2], [0, 0, 1])
