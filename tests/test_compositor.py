"""Laying pictures over pictures: exact where nothing or everything is covered, soft in between."""

import cv2
import numpy as np
import pytest

from pipeline.compose.compositor import feathered, over
from utils.camera.tracking import Mask


def disc(size: int = 120, radius: int = 40) -> Mask:
    matte = np.zeros((size, size), np.uint8)
    cv2.circle(matte, (size // 2, size // 2), radius, 255, -1, cv2.LINE_AA)
    return matte


@pytest.mark.parametrize("feather_px", [0, 1, 2, 8])
def test_a_feather_leaves_the_inside_whole_and_adds_nothing_outside(feather_px: int) -> None:
    matte = disc()
    soft = feathered(matte, feather_px)
    assert soft[60, 60] == 255 and (soft[matte == 0] == 0).all()
    assert (soft <= matte).all()


def test_more_feather_is_softer() -> None:
    edges = [int(((soft := feathered(disc(), px)) > 10).sum() - (soft > 245).sum()) for px in (0, 2, 8)]
    assert edges == sorted(edges) and edges[0] < edges[2]


def test_a_thin_hand_does_not_vanish_under_a_wide_feather() -> None:
    matte = np.zeros((60, 60), np.uint8)
    matte[:, 29:32] = 255
    assert feathered(matte, 8)[30, 30] >= 127


def test_over_is_exact_at_both_ends_and_between_them_in_the_middle() -> None:
    chance = np.random.default_rng(1)
    base, picture = chance.integers(0, 256, (2, 40, 50, 3), dtype=np.uint8)
    alpha = np.resize(np.array([0, 255, 128, 1], np.uint8), (40, 50))
    result = over(base, picture, alpha)
    assert (result[alpha == 0] == base[alpha == 0]).all() and (result[alpha == 255] == picture[alpha == 255]).all()
    half = alpha == 128
    expected = picture[half] * (128 / 255) + base[half] * (127 / 255)
    assert np.abs(result[half] - expected).max() <= 1
