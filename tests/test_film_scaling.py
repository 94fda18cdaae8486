"""Scaling a plane: each pixel is exactly the mix of four neighbours that its place asks for, whatever the sizes."""

import numpy as np
import pytest

from utils.film.scaling import scaled
from utils.media.planes import Plane


def mixed(source: Plane, scale: float, left: float, top: float, shape: tuple[int, int]) -> Plane:
    """The same by a formula for all pixels at once, in whole numbers."""
    places = []
    for length, own, shift in zip(shape, source.shape, (top, left), strict=True):
        at = np.clip((np.arange(length) - shift) / scale, 0, own - 1)
        first = np.floor(at).astype(int)
        places.append((first, np.minimum(first + 1, own - 1), np.rint((at - first) * 256).astype(int)))
    (up, down, below), (before, after, right) = places
    whole = source.astype(int)
    rows = [whole[each][:, before] * (256 - right) + whole[each][:, after] * right for each in (up, down)]
    total = rows[0] * (256 - below)[:, None] + rows[1] * below[:, None]
    return np.asarray((total + 32768) >> 16, np.uint8)


@pytest.mark.parametrize("size", [(90, 160), (17, 23), (2, 2), (5, 1), (1, 5)], ids=str)
@pytest.mark.parametrize("scale", [1.0, 1.0003, 1.04, 1.2, 3.3, 0.6])
def test_every_pixel_is_mixed_exactly(size: tuple[int, int], scale: float) -> None:
    source = np.random.default_rng(1).integers(0, 256, size).astype(np.uint8)
    source[0], source[:, -1] = 255, 0
    for left, top, shape in ((0.0, 0.0, size), (-7.3, 2.1, size), (-0.5, -900.0, (40, 70))):
        into = np.zeros(shape, np.uint8)
        scaled(source, np.array([[scale, 0, left], [0, scale, top], [0, 0, 1]]), into)
        assert np.array_equal(into, mixed(source, scale, left, top, shape))
