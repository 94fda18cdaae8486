"""The camera is followed past somebody who fills the picture, along a pan, and through frames that say nothing."""

from collections.abc import Iterable

import cv2
import numpy as np
import pytest

from utils.camera.tracking import Mask, Motion, Tracker, track
from utils.image import RGB, Box, Size
from utils.image.geometry import Matrix, corners, inverse, moved, normal, shift, steps, stretch
from utils.walker import Shot
from utils.walker.scene import Scene

NOISE = 2.0
CLOSE, BODY = Size(400, 300), Box(95, 40, 305, 300)
Filmed = tuple[list[RGB], Matrix]


@pytest.fixture(scope="module")
def place() -> RGB:
    """A wide street, nobody in it."""
    return Scene(Shot(size=(1280, 720), frames=2, pan=False, shake=0, noise=0, exposure_drift=0)).plate(0)


def filmed(place: RGB, size: Size, speed_px: float, count: int) -> Filmed:
    """A part of the place through a camera that pans and shakes, with grain; and each frame -> the first."""
    hand = np.random.default_rng(2)
    ways = [(speed_px * index + 2 * hand.normal(), 170 + 2 * hand.normal()) for index in range(count)]
    cameras = np.array([shift(10 + x, y) for x, y in ways])
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    views = [cv2.warpPerspective(place, camera, size, flags=how) for camera in cameras]
    pictures = [np.clip(view + hand.normal(0, NOISE, view.shape), 0, 255).astype(np.uint8) for view in views]
    return pictures, normal(inverse(cameras[0]) @ cameras)


def misses_px(motions: Iterable[Motion], cameras: Matrix, size: Size) -> list[float]:
    """Of each frame, how far its worst corner is from where it should be."""
    return [
        float(np.linalg.norm(moved(motion.matrix, corners(size)) - moved(true, corners(size)), axis=1).max())
        for motion, true in zip(motions, cameras, strict=True)
    ]


@pytest.fixture(scope="module")
def close(place: RGB) -> Filmed:
    """The camera goes along with somebody who fills half of the picture and sways a little."""
    pictures, cameras = filmed(place, CLOSE, 3.0, 60)
    left, top, right, bottom = BODY
    cloth = np.random.default_rng(3).integers(0, 255, (bottom - top + 20, right - left + 20, 3), dtype=np.uint8)
    cloth = cv2.normalize(cv2.GaussianBlur(cloth, (0, 0), 8), None, 0, 255, cv2.NORM_MINMAX)
    for index, picture in enumerate(pictures):
        sway = 10 + round(8 * np.sin(index / 5))
        picture[BODY.slices] = cloth[10 : 10 + bottom - top, sway : sway + right - left]
    return pictures, cameras


def matte(box: Box) -> Mask:
    mask = np.zeros((CLOSE.height_px, CLOSE.width_px), np.uint8)
    mask[box.slices] = 255
    return mask


def test_somebody_in_half_of_the_picture_carries_nothing_off(close: Filmed) -> None:
    pictures, cameras = close
    mask = matte(BODY)
    misses = misses_px(track((picture, mask) for picture in pictures), cameras, CLOSE)
    assert (mask > 0).mean() > 0.45
    assert np.mean(misses) < 0.15
    assert max(misses) < 0.3


def test_a_matte_that_misses_a_fifth_of_them_is_enough(close: Filmed) -> None:
    pictures, cameras = close
    mask = matte(Box(BODY.left + (BODY.right - BODY.left) // 5, *BODY[1:]))
    misses = misses_px(track((picture, mask) for picture in pictures), cameras, CLOSE)
    assert np.mean(misses) < 0.3
    assert max(misses) < 0.6


def test_a_long_pan_adds_up(place: RGB) -> None:
    """What was seen at first is long out of view; what came in since holds the place."""
    size = Size(480, 270)
    pictures, cameras = filmed(place, size, 10.0, 78)
    motions = list(track((picture, None) for picture in pictures))
    assert cameras[-1][0, 2] > 1.5 * size.width_px
    assert max(misses_px(motions, cameras, size)) < 1.0
    assert min(motion.confidence for motion in motions) > 0.5


def test_frames_that_say_nothing_stay_and_what_comes_after_is_followed_again(place: RGB) -> None:
    pictures, cameras = filmed(place, CLOSE, 3.0, 9)
    pictures[3:6] = [np.zeros_like(pictures[0])] * 3
    motions = list(track((picture, None) for picture in pictures))
    assert [motion.confidence for motion in motions[3:6]] == [0, 0, 0]
    assert all(np.array_equal(motion.matrix, motions[2].matrix) for motion in motions[3:6])
    assert min(motion.confidence for motion in motions[7:]) > 0.8
    step, true = (inverse(each[-2]) @ each[-1] for each in (np.array([motion.matrix for motion in motions]), cameras))
    assert np.abs(moved(step, corners(CLOSE)) - moved(true, corners(CLOSE))).max() < 0.5


def test_a_cut_begins_anew(place: RGB) -> None:
    pictures, _ = filmed(place, CLOSE, 3.0, 30)
    tracker, alone = Tracker(), Tracker()
    for picture in pictures[:4]:
        tracker.motion(picture)
    fresh = tracker.motion(pictures[28], cut=True)
    assert fresh.cut and np.array_equal(fresh.matrix, np.eye(3))
    alone.motion(pictures[28])
    assert np.array_equal(tracker.motion(pictures[29]).matrix, alone.motion(pictures[29]).matrix)


def test_a_single_line_in_the_picture_is_no_accident() -> None:
    """All points of it lie on one straight line: too little for a homography, enough to go on without one."""
    pictures = [np.full((240, 320, 3), 128, np.uint8) for _ in range(4)]
    for index, picture in enumerate(pictures):
        picture[:, 150 + index : 160 + index : 2] = np.random.default_rng(5).integers(0, 255, (240, 1, 3))
    assert all(np.isfinite(motion.matrix).all() for motion in track((picture, None) for picture in pictures))


def test_a_camera_that_travels_is_followed_from_place_to_place(place: RGB) -> None:
    """It goes so far back that no picture could hold all frames; every step is right all the same."""
    size, count = Size(480, 270), 90
    zooms = 4.0 * 0.97 ** np.arange(count)
    middle, target = shift(-640, -360), shift(240, 135)
    hand = np.random.default_rng(6)
    moves = [shift(*hand.normal(0, 1, 2)) @ target @ np.diag([zoom, zoom, 1]) @ middle for zoom in zooms]
    pictures = [cv2.warpPerspective(place, move, size, flags=cv2.INTER_AREA) for move in moves]
    motions = list(track((picture, None) for picture in pictures))
    true = steps(normal(inverse(np.array(moves))))
    misses = [
        np.abs(moved(motion.step, corners(size)) - moved(step, corners(size))).max()
        for motion, step in zip(motions, true, strict=True)
    ]
    assert np.mean(misses) < 0.3 and max(misses) < 1.0
    starts = [index for index, motion in enumerate(motions) if motion.place]
    assert 1 <= len(starts) <= 4
    assert all(np.array_equal(motions[start].matrix, np.eye(3)) for start in starts)
    assert max(stretch(motion.matrix, size) for motion in motions) < 3.2
    assert min(motion.confidence for motion in motions) > 0.5
