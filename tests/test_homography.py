"""A homography is found among points of which many moved their own way, and is held where no point tells."""

import numpy as np
import pytest

from utils.camera.homography import fitted
from utils.image import Size
from utils.image.geometry import Matrix, Points, corners, moved, shift

SIZE = Size(640, 360)
TRUE = np.array([[1.01, 0.02, 6.0], [-0.015, 0.99, -4.0], [2e-5, -1e-5, 1.0]])


def spread(count: int = 200) -> Points:
    return np.random.default_rng(1).uniform((10, 10), (630, 350), (count, 2))


def miss_px(found: Matrix | None) -> float:
    assert found is not None
    return float(np.linalg.norm(moved(found, corners(SIZE)) - moved(TRUE, corners(SIZE)), axis=1).max())


def noisy(points: Points, noise_px: float) -> Points:
    return moved(TRUE, points) + np.random.default_rng(2).normal(0, noise_px, points.shape)


def test_exact_points_give_the_exact_homography() -> None:
    points = spread()
    assert miss_px(fitted(points, moved(TRUE, points), TRUE @ shift(3, -2), SIZE)) < 1e-3


@pytest.mark.parametrize("share", [0.2, 0.4])
def test_a_crowd_that_moves_its_own_way_is_not_followed(share: float) -> None:
    points = spread()
    there = noisy(points, 0.1)
    there[np.random.default_rng(3).random(len(points)) < share] += (14.0, 3.0)
    assert miss_px(fitted(points, there, TRUE @ shift(1.5, -1), SIZE)) < 0.2


def test_many_points_share_in_the_result() -> None:
    """Twenty times as many points with the same noise give a better homography."""
    few, many = (miss_px(fitted(each, noisy(each, 0.3), TRUE, SIZE)) for each in (spread(30), spread(600)))
    assert many < 0.5 * few


def test_points_on_one_line_leave_the_rest_as_guessed() -> None:
    points = np.stack([np.full(50, 320.0), np.linspace(20, 340, 50)], 1)
    found = fitted(points, moved(shift(2, 0), points), np.eye(3), SIZE)
    assert found is not None
    assert np.abs(moved(found, points) - moved(shift(2, 0), points)).max() < 0.05
    assert np.abs(moved(found, corners(SIZE)) - corners(SIZE)).max() < 5


def test_points_that_agree_on_nothing_say_so() -> None:
    points = spread(40)
    there = np.random.default_rng(4).uniform((0, 0), (640, 360), (40, 2))
    assert fitted(points, there, np.eye(3), SIZE) is None
