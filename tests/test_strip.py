"""Strips: any stretch of a long run comes back bit for bit."""

from pathlib import Path

import numpy as np
import pytest

from utils.media.chunk import CHUNK_FRAMES, Pictures, read_strip, write_strip
from utils.media.timebase import Span

COUNT = 2 * CHUNK_FRAMES + 7


def picture(index: int) -> Pictures:
    return np.random.default_rng(index).integers(0, 255, (18, 22), dtype=np.uint8)


@pytest.fixture(scope="module")
def strip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("strip")
    assert write_strip(folder, "matte", map(picture, range(COUNT))) == COUNT
    return folder


@pytest.mark.parametrize(
    "span",
    [
        Span(0, COUNT),
        Span(0, 1),
        Span(5, 5),
        Span(CHUNK_FRAMES - 1, CHUNK_FRAMES + 1),
        Span(CHUNK_FRAMES, 2 * CHUNK_FRAMES),
        Span(COUNT - 1, COUNT),
    ],
    ids=str,
)
def test_any_stretch_is_what_was_written(strip: Path, span: Span) -> None:
    read = list(read_strip(strip, "matte", COUNT, span))
    assert len(read) == len(span)
    assert all((found == picture(index)).all() for index, found in zip(span, read, strict=True))


def test_scattered_ones_too(strip: Path) -> None:
    wanted = [0, 3, CHUNK_FRAMES - 1, CHUNK_FRAMES, COUNT - 2]
    read = list(read_strip(strip, "matte", COUNT, wanted))
    assert all((found == picture(index)).all() for index, found in zip(wanted, read, strict=True))


def test_beyond_the_end_is_a_mistake(strip: Path) -> None:
    with pytest.raises(ValueError, match="of a strip"):
        list(read_strip(strip, "matte", COUNT, Span(0, COUNT + 1)))


def test_nothing_is_a_strip_too(tmp_path: Path) -> None:
    assert write_strip(tmp_path, "matte", []) == 0 and not list(tmp_path.iterdir())
