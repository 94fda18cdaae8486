"""Sizes and boxes of arrays."""

import numpy as np
import pytest

from utils.image import Box, Size, bounding_box


@pytest.mark.parametrize("shape", [(4, 7), (4, 7, 3)])
def test_an_array_has_a_size_and_a_box(shape: tuple[int, ...]) -> None:
    assert Size.of(np.zeros(shape)) == Size(7, 4) and Box.of(np.zeros(shape)) == Box(0, 0, 7, 4)


def test_a_scaled_size_is_rounded_and_never_empty() -> None:
    assert Size(640, 361).scaled(0.5) == Size(320, 180) and Size(640, 3).scaled(0.1) == Size(64, 1)
    assert Size(640, 361).scaled(0.01, least_px=16) == Size(16, 16)


def test_the_box_around_what_a_mask_shows() -> None:
    mask = np.zeros((9, 8), np.uint8)
    assert bounding_box(mask) is None
    mask[2, 3], mask[5, 6] = 1, 200
    assert bounding_box(mask) == Box(3, 2, 7, 6)
    assert bounding_box(mask, 200) == Box(6, 5, 7, 6) and bounding_box(mask, 201) is None
    assert bounding_box(mask[1:, 2:]) == Box(1, 1, 5, 5), "of a view too"
