"""Rolling: overlapping stretches are read as if each were read alone, and decoding goes on where it was."""

from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from utils.image import Size
from utils.media.timebase import Span
from utils.media.video import Frame, Rolling


class Counting:
    """Frames that say their index, and how often they were decoded."""

    size = Size(4, 2)

    def __init__(self, count: int) -> None:
        self.count, self.starts, self.decoded = count, 0, 0

    def __len__(self) -> int:
        return self.count

    def read(self, wanted: Iterable[int]) -> Iterator[Frame]:
        self.starts += 1
        for index in wanted:
            self.decoded += 1
            yield Frame(index, index, np.full((2, 4, 3), index, np.uint8))


def indices(frames: Iterable[Frame]) -> list[int]:
    return [int(frame.rgb[0, 0, 0]) for frame in frames]


def test_overlapping_stretches_decode_every_frame_once() -> None:
    source = Counting(100)
    rolling = Rolling(source, keep=6)
    for span in (Span(0, 40), Span(39, 40), Span(35, 70), Span(64, 65), Span(65, 100)):
        assert indices(rolling.read(span)) == list(span)
    assert (source.starts, source.decoded) == (1, 100)


@pytest.mark.parametrize("wanted", [[50, 51], [3, 4], [10, 40, 41], [99], [0]])
def test_anything_else_starts_afresh_and_is_right(wanted: list[int]) -> None:
    rolling = Rolling(Counting(100), keep=4)
    assert indices(rolling.read(Span(10, 30))) == list(range(10, 30))
    assert indices(rolling.read(wanted)) == wanted
    assert indices(rolling.read(Span(20, 25))) == list(range(20, 25))


def test_a_reader_that_stops_early_leaves_it_usable() -> None:
    rolling = Rolling(Counting(30), keep=3)
    frames = rolling.read(Span(0, 30))
    assert [next(frames).index for _ in range(5)] == [0, 1, 2, 3, 4]
    assert indices(rolling.read(Span(3, 8))) == [3, 4, 5, 6, 7]
