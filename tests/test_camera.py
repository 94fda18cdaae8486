"""A camera path outlives its run: it comes back from JSON exactly, and fits copies of the clip."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from utils.camera.path import CameraPath
from utils.errors import ClipError
from utils.image import Size
from utils.image.geometry import Matrix, corners, inverse, moved, normal, resize, shift

SIZE = Size(640, 360)


def turned(angle: float, x_px: float) -> Matrix:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, x_px], [s, c, 3], [1e-6 * x_px, 0, 1]])


def path(frames: int = 30, breaks: tuple[int, ...] = ()) -> CameraPath:
    matrices = np.array([turned(0.001 * index, 1.5 * index) for index in range(frames)])
    pts = tuple(index * 512 for index in range(frames))
    return CameraPath(matrices, np.linspace(1, 0.5, frames), pts, Fraction(1, 15360), SIZE, SIZE, breaks)


def test_it_comes_back_from_json_exactly() -> None:
    before = path(breaks=(11,))
    after = CameraPath.from_json(before.to_json())
    assert np.array_equal(after.matrices, before.matrices)
    assert np.array_equal(after.confidence, before.confidence)
    assert (after.pts, after.time_base, after.size, after.canvas, after.breaks) == (
        before.pts, before.time_base, before.size, before.canvas, before.breaks,
    )  # fmt: skip


def travelled() -> CameraPath:
    """A path of two places, of which the second one has another picture."""
    whole = path()
    matrices = whole.matrices.copy()
    matrices[12:] = normal(inverse(matrices[12]) @ matrices[12:])
    return replace(whole, matrices=matrices, place_starts=(12,), mistimed=(4, 5))


def test_places_steps_and_believed_times_come_back_too() -> None:
    before = travelled()
    after = CameraPath.from_json(before.to_json())
    assert np.array_equal(after.steps, before.steps)
    assert (after.place_starts, after.mistimed) == ((12,), (4, 5))
    assert after.places == (range(12), range(12, 30)) and after.shots == (range(30),)


def test_a_path_of_version_1_has_its_steps_from_its_matrices() -> None:
    data = json.loads(path(breaks=(11,)).to_json())
    old = {name: data[name] for name in data if name not in ("steps", "place_starts", "mistimed")} | {"version": 1}
    after = CameraPath.from_json(json.dumps(old))
    assert np.array_equal(after.steps, path(breaks=(11,)).steps) and not after.place_starts


def test_at_other_times_steps_lead_from_place_to_place() -> None:
    whole, parts = path(), travelled()
    pts = [index * 256 for index in range(59)]
    fast, reference = (each.for_times(pts, Fraction(1, 15360)) for each in (parts, whole))
    assert fast.place_starts == (23,) and not fast.mistimed
    pairs = zip(fast.steps, reference.steps, strict=True)
    away_px = [np.abs(moved(one, corners(SIZE)) - moved(other, corners(SIZE))).max() for one, other in pairs]
    assert max(away_px) < 1 and np.median(away_px) < 1e-4


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"version": 1, "pts": 3}', "null"])
def test_what_is_no_path_is_said(text: str) -> None:
    with pytest.raises(ClipError, match="no camera path"):
        CameraPath.from_json(text)


def test_another_version_is_said() -> None:
    data = json.loads(path().to_json()) | {"version": 99}
    with pytest.raises(ClipError, match="version 99"):
        CameraPath.from_json(json.dumps(data))


def test_it_fits_a_copy_of_another_size() -> None:
    """A point of the picture goes to the same place of the picture, whatever its size."""
    small, large = path(), path().for_size(Size(1280, 720))
    grow = resize(SIZE, Size(1280, 720))
    for index in (0, 7, 29):
        there = moved(grow, moved(small.matrices[index], corners(SIZE)))
        assert np.allclose(moved(large.matrices[index], moved(grow, corners(SIZE))), there, atol=1e-9)


def test_it_fits_a_copy_of_another_rate() -> None:
    slow = path()
    fast = slow.for_times([index * 256 for index in range(59)], Fraction(1, 15360))
    assert np.allclose(fast.matrices[::2], slow.matrices)
    between = (moved(slow.matrices[3], corners(SIZE)) + moved(slow.matrices[4], corners(SIZE))) / 2
    assert np.abs(moved(fast.matrices[7], corners(SIZE)) - between).max() < 0.01


def test_nothing_is_mixed_across_a_cut() -> None:
    cut = path(breaks=(10,))
    fast = cut.for_times([index * 256 for index in range(59)], Fraction(1, 15360))
    assert np.allclose(fast.matrices[19], cut.matrices[10]) or np.allclose(fast.matrices[19], cut.matrices[9])
    assert [len(shot) for shot in cut.shots] == [10, 20]
    assert len(fast.shots) == 2


def test_one_frame_is_a_path() -> None:
    one = path(1)
    assert np.allclose(one.for_times([0, 512, 1024], Fraction(1, 15360)).matrices, one.matrices[0])


def test_there_and_back_is_where_it_was() -> None:
    route = path().then(shift(5, -7), Size(700, 400))
    assert route.canvas == Size(700, 400)
    for matrix, back in zip(route.matrices, route.inverse(), strict=True):
        assert np.allclose(moved(back, moved(matrix, corners(SIZE))), corners(SIZE))
    assert np.allclose(inverse(inverse(route.matrices)), route.matrices)
