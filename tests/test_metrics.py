"""Each number is 0, 1 or infinite where it should be, and grows with what it counts."""

import math

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from utils.flow import Flow
from utils.image import RGB, Size
from utils.image.geometry import shift, steps
from utils.image.metrics import (
    Flicker,
    MeanColour,
    colour_drift,
    delta_e,
    edit_magnitude,
    jerk_px,
    mean_square,
    psnr_db,
    seam_ratio,
    ssim,
    warp_error,
    warp_ratio,
)

SHAPE = (60, 80)
ALL = np.ones(SHAPE, bool)


def picture(seed: int = 0) -> RGB:
    noise = np.random.default_rng(seed).normal(size=(*SHAPE, 3)).astype(np.float32)
    return np.asarray(np.clip(128 + 300 * cv2.GaussianBlur(noise, (0, 0), 2), 20, 235), np.uint8)


def flow(x: float, y: float, valid: NDArray[np.bool_] = ALL) -> Flow:
    return Flow(np.tile(np.array([x, y], np.float32), (*SHAPE, 1)), valid, 0, 1)


def test_structural_similarity_is_1_for_equal_planes_and_falls_with_blur_and_noise() -> None:
    plane = picture()[..., 0]
    blurred = [np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.uint8) for sigma in (1, 3)]
    assert ssim(plane, plane) == pytest.approx(1)
    assert 1 > ssim(plane, blurred[0]) > ssim(plane, blurred[1]) > 0
    brighter = np.asarray(plane + 5, np.uint8)
    assert 0.99 < ssim(plane, brighter) < 1
    assert ssim(plane, picture(1)[..., 0]) < 0.3


def test_what_moves_along_the_flow_has_no_warp_error() -> None:
    now = picture()
    then = np.roll(now, (2, 5), (0, 1))
    inner = np.zeros(SHAPE, bool)
    inner[8:-8, 8:-8] = True
    assert warp_error(now, then, flow(5, 2), inner) == 0
    assert warp_error(now, then, flow(0, 0), inner) > 100
    assert warp_error(now, now + np.uint8(3), flow(0, 0), inner) == pytest.approx(9)


def test_what_cannot_be_followed_does_not_count() -> None:
    now, then = picture(), picture()
    then[:, :40] = 0
    right = np.zeros(SHAPE, bool)
    right[:, 40:] = True
    assert warp_error(now, then, flow(0, 0, right), ALL) == 0
    assert math.isnan(warp_error(now, then, flow(0, 0, right), ~right))


def test_a_result_as_steady_as_its_source_has_ratio_one() -> None:
    assert warp_ratio([4.0, 6.0, math.nan], [2.0, 8.0, math.nan]) == 1
    assert warp_ratio([8.0], [4.0]) == 2
    assert math.isnan(warp_ratio([1.0], [0.0]))


def test_a_seam_stands_out_against_its_neighbours() -> None:
    errors = [math.nan, 1.0, 1.2, 6.0, 1.0, 0.8, 3.0, 1.0]
    assert seam_ratio(errors, [3, 6]) == pytest.approx(4.5)
    assert seam_ratio([1.0] * 6, [3]) == 1
    assert math.isnan(seam_ratio([1.0, 1.0], []))


def test_flicker_counts_change_of_what_stands_still() -> None:
    still, jumping = Flicker(), Flicker()
    assert math.isnan(still.level)
    left = np.zeros(SHAPE, bool)
    left[:, :40] = True
    for frame in range(4):
        moving = picture()
        moving[:, 40:] = frame * 20
        still.add(moving, left)
        jumping.add(picture() + np.uint8(4 * (frame % 2)), ALL)
    assert still.level == 0
    assert jumping.level == pytest.approx(4, abs=1e-3)


def test_psnr() -> None:
    one = picture()
    assert psnr_db(one, one) == math.inf
    assert psnr_db(one, one + np.uint8(1)) == pytest.approx(48.13, abs=0.01)
    other = one.copy()
    other[:, :40] += 10
    right = np.zeros(SHAPE, bool)
    right[:, 40:] = True
    assert psnr_db(one, other, right) == math.inf
    assert mean_square(one, other) == pytest.approx(50)


def test_colours_are_compared_in_lab() -> None:
    white, black = (np.full((4, 4, 3), level, np.uint8) for level in (255, 0))
    assert delta_e(white, black).max() == pytest.approx(100, abs=0.1)
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    assert delta_e(red, black).max() == pytest.approx(math.hypot(53.24, 80.09, 67.20), abs=0.3)


def test_doing_nothing_has_no_magnitude() -> None:
    source = picture()
    assert edit_magnitude(source, source, ALL) == 0
    person = np.zeros(SHAPE, bool)
    person[10:30] = True
    edited = source.copy()
    edited[person] = 255 - edited[person]
    assert edit_magnitude(edited, source, person) > 10
    assert edit_magnitude(edited, source, ~person) == 0


def test_drift_is_how_far_the_mean_colour_went() -> None:
    first, same, bluer, nothing = MeanColour(), MeanColour(), MeanColour(), MeanColour()
    for seed in range(3):
        first.add(picture(seed), ALL)
        same.add(picture(seed), ALL)
        shifted = picture(seed)
        shifted[..., 2] += 15
        bluer.add(shifted, ALL)
    assert colour_drift(first, same) == 0
    assert 3 < colour_drift(first, bluer) < 12
    assert math.isnan(colour_drift(first, nothing))


def test_jerk_is_the_third_difference_of_the_path() -> None:
    size = Size(640, 360)
    smooth = np.array([shift(0.1 * index**2, 3.0 * index) for index in range(30)])
    assert jerk_px(steps(smooth), size) < 1e-9
    cubic = np.array([shift(index**3 / 6, 0) for index in range(30)])
    assert jerk_px(steps(cubic), size) == pytest.approx(math.sqrt(0.5))
    assert jerk_px(steps(smooth[:3]), size) == 0
