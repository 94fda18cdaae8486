"""Timestamps are believed where the motion fits them, and not where frames move evenly whatever they say."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from utils.camera.path import CameraPath
from utils.camera.stabilization import stabilise
from utils.camera.timing import mistimed
from utils.image import Size
from utils.image.geometry import Matrix, inverse, normal, steps, steps_after
from utils.image.metrics import jerk_px
from utils.walker import Shot
from utils.walker.scene import Scene

SIZE = Size(640, 360)
FRAMES = 180
EVEN = np.arange(FRAMES) / 30


@pytest.fixture(scope="module", params=[0, 1], ids=["one hand", "another"])
def cameras(request: pytest.FixtureRequest) -> Matrix:
    """A camera that pans with somebody, in an unsteady hand."""
    scene = Scene(Shot(size=SIZE, frames=FRAMES, seed=request.param, shake=2.0))
    return normal(np.array([scene.view(index).camera for index in range(FRAMES)]))


def late(times_s: NDArray[np.float64], share: float, by_s: float) -> NDArray[np.float64]:
    """Frames at random stamped late; a clock that ran backwards was made to go on, as reading does."""
    chosen = np.random.default_rng(3).random(len(times_s)) < share
    return np.asarray(np.maximum.accumulate(times_s + by_s * chosen) + 1e-5 * np.arange(len(times_s)))


def unusual(times_s: NDArray[np.float64]) -> list[int]:
    return [int(index) + 1 for index in np.flatnonzero(np.abs(np.diff(times_s) * 30 - 1) > 0.25)]


def test_even_frames_are_not_given_away(cameras: Matrix) -> None:
    assert mistimed(steps(cameras), EVEN, SIZE) == ()
    jitter_s = np.random.default_rng(5).normal(0, 0.002, FRAMES)
    assert mistimed(steps(cameras), EVEN + jitter_s, SIZE) == ()


def test_late_stamps_of_even_frames_are_found(cameras: Matrix) -> None:
    times_s = late(EVEN, 1 / 3, 0.1)
    assert list(mistimed(steps(cameras), times_s, SIZE)) == unusual(times_s)


def test_a_true_variable_rate_is_believed(cameras: Matrix) -> None:
    kept = np.sort(np.random.default_rng(4).choice(FRAMES, FRAMES * 3 // 4, replace=False))
    found = mistimed(steps(cameras[kept]), EVEN[kept], SIZE)
    assert len(unusual(EVEN[kept])) > 20 and len(found) <= 2


def test_a_stamp_that_comes_twice_and_the_gap_after_it_are_found(cameras: Matrix) -> None:
    times_s = EVEN.copy()
    times_s[90] = times_s[89] + 1e-5
    assert mistimed(steps(cameras), times_s, SIZE) == (90, 91)


def test_a_camera_that_stands_still_leaves_the_stamps_alone() -> None:
    still = np.broadcast_to(np.eye(3), (FRAMES, 3, 3))
    assert mistimed(steps(still), np.arange(FRAMES) ** 1.2 / 30, SIZE) == ()


def path(cameras: Matrix, times_s: NDArray[np.float64]) -> CameraPath:
    pts = tuple(np.rint(90_000 * times_s).astype(int).tolist())
    return CameraPath(cameras, np.ones(len(cameras)), pts, Fraction(1, 90_000), SIZE, SIZE)


def test_smoothing_goes_by_the_time_that_is_believed(cameras: Matrix) -> None:
    def left_px(stamped: CameraPath) -> float:
        return jerk_px(steps_after(stamped.steps, stabilise(stamped).matrices), SIZE)

    stamped = path(normal(inverse(cameras[0]) @ cameras), late(EVEN, 1 / 3, 0.1))
    lying = mistimed(stamped.steps, stamped.stamped_s(), SIZE)
    believed = replace(stamped, mistimed=lying)
    assert left_px(believed) == pytest.approx(left_px(path(stamped.matrices, EVEN)), rel=0.2)
    assert left_px(believed) < 0.5 * left_px(stamped)
    assert np.ptp(np.diff(believed.times_s())) < 1e-3
