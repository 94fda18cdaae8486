"""The camera is found behind the person, calmed without a lag, and no pixel is lost."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from utils.camera.path import CameraPath
from utils.camera.stabilization import Method, Model, Smoothing, stabilise
from utils.camera.tracking import Motion, Tracker, track
from utils.image import RGB, Size
from utils.image.geometry import Matrix, corners, inverse, moved, normal, shift
from utils.walker import Shot, Truth, walk

pytestmark = pytest.mark.slow

SIZE = Size(640, 360)
FRAMES = 120
METHODS: tuple[Method, ...] = ("gaussian", "optimal")
MODELS: tuple[Model, ...] = ("similarity", "homography")
Filmed = tuple[list[RGB], list[Truth]]


@pytest.fixture(scope="module")
def filmed() -> Filmed:
    """Four seconds of the walker, filmed by hand."""
    pictures, truths = zip(*walk(Shot(size=SIZE, frames=FRAMES)), strict=True)
    return list(pictures), list(truths)


def known(truths: list[Truth]) -> Matrix:
    """The true camera, each frame to the first."""
    cameras = np.array([truth.view.camera for truth in truths])
    return normal(inverse(cameras[0]) @ cameras)


def path_of(cameras: Matrix, size: Size = SIZE, breaks: tuple[int, ...] = ()) -> CameraPath:
    """A path of cameras that are known, at 30 frames a second."""
    count = len(cameras)
    return CameraPath(cameras, np.ones(count), tuple(range(count)), Fraction(1, 30), size, size, breaks)


def measured(motions: list[Motion]) -> CameraPath:
    """The path that motions make up, at 30 frames a second."""
    path = path_of(np.array([motion.matrix for motion in motions]))
    confidence = np.array([motion.confidence for motion in motions])
    return replace(path, confidence=confidence, steps=np.array([motion.step for motion in motions]))


def miss_px(found: Matrix, truth: Matrix, size: Size = SIZE) -> list[float]:
    """Of each frame, how far its worst corner is from where it should be."""
    return [
        float(np.linalg.norm(moved(a, corners(size)) - moved(b, corners(size)), axis=1).max())
        for a, b in zip(found, truth, strict=True)
    ]


def jerk_px(cameras: Matrix) -> float:
    """Root mean square of the third difference of where the corners lie."""
    trails = np.array([moved(camera, corners(SIZE)) for camera in cameras])
    return float(np.sqrt((np.diff(trails, 3, axis=0) ** 2).mean()))


def test_the_camera_is_found(filmed: Filmed) -> None:
    pictures, truths = filmed
    motions = list(track((picture, truth.matte) for picture, truth in zip(pictures, truths, strict=True)))
    misses = miss_px(np.array([motion.matrix for motion in motions]), known(truths))
    assert np.mean(misses) < 0.15
    assert max(misses) < 0.5
    assert min(motion.confidence for motion in motions) > 0.4


def test_a_large_person_does_not_carry_the_camera_away(filmed: Filmed) -> None:
    """A textured block over half of the picture moves its own way; with its mask it is not looked at."""
    pictures, truths = filmed
    texture = np.random.default_rng(3).integers(0, 255, (400, 520, 3), dtype=np.uint8)
    texture = cv2.GaussianBlur(texture, (0, 0), 2)
    people = np.zeros(pictures[0].shape[:2], np.uint8)
    people[60:, 150:470] = 255
    held, free = Tracker(), Tracker()
    with_mask, without = [], []
    for index, (picture, truth) in enumerate(zip(pictures, truths, strict=True)):
        covered = picture.copy()
        covered[60:, 150:470] = texture[:300, 3 * (index % 60) // 2 :][:, :320]
        with_mask.append(held.motion(covered, np.maximum(people, truth.matte)).matrix)
        without.append(free.motion(covered).matrix)
    assert people.mean() / 255 > 0.4
    misses = miss_px(np.array(with_mask), known(truths))
    assert np.mean(misses) < 0.3
    assert max(misses) < 0.9
    assert max(miss_px(np.array(without), known(truths))) > max(misses)


def test_the_calm_path_has_little_jerk_and_keeps_the_pan(filmed: Filmed) -> None:
    _, truths = filmed
    cameras = known(truths)
    calm = stabilise(path_of(cameras))
    steady = normal(cameras @ inverse(calm.matrices))
    assert jerk_px(steady) / jerk_px(cameras) < 0.05


def test_a_pan_under_the_shake_keeps_its_length(filmed: Filmed) -> None:
    _, truths = filmed
    shaken = np.array([shift(3.0 * index, 0) for index in range(FRAMES)]) @ known(truths)
    calm = stabilise(path_of(shaken))
    steady = normal(shaken @ inverse(calm.matrices))
    middle = np.array([[calm.canvas.width_px / 2, calm.canvas.height_px / 2]])
    ways = [np.ptp([moved(camera, middle)[0, 0] for camera in cameras]) for cameras in (steady, shaken)]
    assert abs(ways[0] / ways[1] - 1) < 0.02


def test_a_straight_pan_stays_where_it_was() -> None:
    """No lag, also at both ends: a pan without shake is not touched at all."""
    pan = np.array([shift(2.5 * index, 0.7 * index) for index in range(90)])
    calm = stabilise(path_of(pan))
    assert max(miss_px(calm.matrices, np.array([np.eye(3)] * 90))) < 1e-6
    assert calm.canvas == SIZE


def test_no_pixel_is_lost(filmed: Filmed) -> None:
    _, truths = filmed
    calm = stabilise(path_of(known(truths)))
    reached = np.concatenate([moved(matrix, corners(SIZE)) for matrix in calm.matrices])
    assert (reached >= -1e-6).all()
    assert (reached <= np.array(calm.canvas) - 1 + 1e-6).all()
    assert calm.canvas.width_px < 1.2 * SIZE.width_px


def test_half_the_strength_takes_half_the_way(filmed: Filmed) -> None:
    _, truths = filmed
    path = path_of(known(truths))
    none = stabilise(path, Smoothing(strength=0))
    assert none.canvas == SIZE and np.allclose(none.matrices, np.eye(3))
    half, whole = (
        jerk_px(normal(path.matrices @ inverse(stabilise(path, Smoothing(strength=s)).matrices))) for s in (0.5, 1)
    )
    assert whole < half < jerk_px(path.matrices)


def test_the_optimal_path_has_less_jerk_and_keeps_the_pan(filmed: Filmed) -> None:
    _, truths = filmed
    cameras = np.array([shift(3.0 * index, 0) for index in range(FRAMES)]) @ known(truths)
    path = path_of(cameras)
    averaged, optimal = (
        normal(cameras @ inverse(stabilise(path, Smoothing(method=method)).matrices)) for method in METHODS
    )
    assert jerk_px(optimal) < 0.8 * jerk_px(averaged)
    corner = corners(SIZE)[:1]
    ways = [np.ptp([moved(camera, corner)[0, 0] for camera in each]) for each in (averaged, optimal)]
    assert abs(ways[1] / ways[0] - 1) < 0.02


def test_the_optimal_path_holds_still_where_the_camera_nearly_did() -> None:
    """A pan that stops, with a slow sway on it that averaging leaves in."""
    way = np.concatenate([np.linspace(0, 200, 60), np.full(90, 200.0)]) + 0.8 * np.sin(np.arange(150) / 12)
    path = path_of(np.array([shift(x, 0) for x in way]))
    still = []
    for method in METHODS:
        steady = normal(path.matrices @ inverse(stabilise(path, Smoothing(method=method)).matrices))
        still.append(np.ptp(steady[80:145, 0, 2]))
    assert still[1] < 0.35 * still[0]


def test_a_similarity_neither_shears_nor_tilts(filmed: Filmed) -> None:
    _, truths = filmed
    cameras = known(truths)
    path = path_of(cameras)
    plain, full = (stabilise(path, Smoothing(model=model)) for model in MODELS)
    assert np.allclose(plain.matrices[:, 0, 0], plain.matrices[:, 1, 1], atol=1e-9)
    assert np.allclose(plain.matrices[:, 0, 1], -plain.matrices[:, 1, 0], atol=1e-9)
    assert np.allclose(plain.matrices[:, 2, :2], 0, atol=1e-12)
    jerks = [jerk_px(normal(cameras @ inverse(each.matrices))) for each in (plain, full)]
    assert jerks[1] < jerks[0] < 0.2 * jerk_px(cameras)


def test_a_cut_ends_a_path(filmed: Filmed) -> None:
    """What lies before a cut does not pull on what comes after it."""
    _, truths = filmed
    cameras = known(truths)
    joined = stabilise(path_of(cameras, breaks=(60,)))
    alone = stabilise(path_of(cameras[60:]))
    offset = normal(joined.matrices[60:] @ inverse(alone.matrices))
    assert np.allclose(offset, offset[0], atol=1e-6)


def test_frames_in_which_nothing_is_seen_do_not_shake_the_rest(filmed: Filmed) -> None:
    pictures, _ = filmed
    dark = [np.zeros_like(picture) if 50 <= index < 54 else picture for index, picture in enumerate(pictures[:90])]
    motions = list(track((picture, None) for picture in dark))
    assert min(motion.confidence for motion in motions[50:54]) == 0
    calm = stabilise(measured(motions))
    trail = np.array([moved(matrix, corners(SIZE))[0] for matrix in calm.matrices])
    assert np.abs(np.diff(trail[54:], 2, axis=0)).max() < 3


def test_repeated_frames_are_not_a_jerk() -> None:
    """A camera on the move whose every fifth frame is shown twice: the calm path undoes the stutter."""
    seen = [index - index // 5 for index in range(60)]
    path = path_of(np.array([shift(4.0 * position, 0) for position in seen]))
    calm = stabilise(path)
    steady = normal(path.matrices @ inverse(calm.matrices))
    steps = np.diff([moved(camera, np.zeros((1, 2)))[0, 0] for camera in steady])
    assert np.ptp(steps) < 0.3


def test_doubtful_frames_count_less() -> None:
    astray = np.broadcast_to(np.eye(3), (41, 3, 3)).copy()
    astray[20] = shift(30, 0)
    sure = stabilise(path_of(astray))
    unsure = stabilise(replace(path_of(astray), confidence=np.where(np.arange(41) == 20, 0.0, 1.0)))
    pull = [
        abs(moved(each.matrices[15], np.zeros((1, 2)))[0, 0] - moved(each.matrices[0], np.zeros((1, 2)))[0, 0])
        for each in (sure, unsure)
    ]
    assert pull[1] < 0.05 < pull[0]
