"""Colours are what the standards' formulas say, to the rounding."""

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from utils.image import RGB, Size
from utils.media.colour import ColourConverter, ColourTags, usual_matrix

WEIGHTS = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
SIDE = Size(64, 64)


@pytest.mark.parametrize("matrix", WEIGHTS)
@pytest.mark.parametrize("full_range", [False, True])
def test_reading_follows_the_formula(matrix: int, full_range: bool) -> None:
    chance = np.random.default_rng(0)
    luma = chance.integers(*((0, 256) if full_range else (16, 236)), (64, 64)).astype(np.uint8)
    blue, red = (chance.integers(60, 190, (64, 64)).astype(np.uint8) for _ in range(2))
    frame = av.VideoFrame(64, 64, "yuv444p")
    for plane, values in zip(frame.planes, (luma, blue, red), strict=True):
        rows = np.zeros((64, plane.line_size), np.uint8)
        rows[:, :64] = values
        plane.update(rows.tobytes())
    read = ColourConverter(ColourTags(matrix, full_range=full_range)).to_rgb(frame, SIDE)
    assert np.abs(read - _decoded(luma, blue, red, matrix, full_range)).max() < 0.6


@pytest.mark.parametrize("matrix", WEIGHTS)
@pytest.mark.parametrize("full_range", [False, True])
def test_writing_and_reading_again_is_within_rounding(matrix: int, full_range: bool) -> None:
    picture: RGB = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    converter = ColourConverter(ColourTags(matrix, full_range=full_range))
    again = converter.to_rgb(converter.from_rgb(picture, "yuv444p"), SIDE)
    assert np.abs(again.astype(int) - picture).max() <= 2


def test_untagged_footage_is_taken_as_players_take_it() -> None:
    assert usual_matrix(Size(1280, 720)) == usual_matrix(Size(720, 1280)) == 1
    assert usual_matrix(Size(640, 360)) == usual_matrix(Size(720, 576)) == 6


def test_a_picture_made_smaller_is_averaged() -> None:
    """One white pixel of sixteen becomes a sixteenth of white, not white or nothing."""
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[::4, ::4] = 255
    converter = ColourConverter(ColourTags(1))
    small = converter.to_rgb(converter.from_rgb(picture, "yuv444p"), Size(16, 16))
    assert np.abs(small.astype(int) - 16).max() <= 3


def _decoded(
    luma: NDArray[np.uint8], blue: NDArray[np.uint8], red: NDArray[np.uint8], matrix: int, full_range: bool
) -> NDArray[np.float64]:
    """ITU-T H.273 equations 38-40 and their inverse, in floating point."""
    red_weight, blue_weight = WEIGHTS[matrix]
    y = luma / 255 if full_range else (luma.astype(float) - 16) / 219
    scale = 255 if full_range else 224
    cb, cr = (blue.astype(float) - 128) / scale, (red.astype(float) - 128) / scale
    r, b = y + 2 * (1 - red_weight) * cr, y + 2 * (1 - blue_weight) * cb
    g = (y - red_weight * r - blue_weight * b) / (1 - red_weight - blue_weight)
    decoded: NDArray[np.float64] = np.clip(np.stack([r, g, b], -1), 0, 1) * 255
    return decoded
