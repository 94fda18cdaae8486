"""Small clips for tests of films: numbered frames that can be told apart after encoding."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from utils.image import Size
from utils.media.clip import Clip
from utils.media.colour import samples
from utils.media.intake import probe
from utils.media.write import ClipWriter, Encoding, Shape

SIZE = Size(320, 180)
BITS, CELL_PX = 12, 20
CLEAR = Encoding(crf=8, preset="ultrafast", threads=2)


def numbered(index: int, size: Size = SIZE) -> NDArray[np.uint8]:
    """A soft picture whose lower rows spell the number of the frame in black and white cells."""
    height, width = size.height_px, size.width_px
    across = np.linspace(60, 180, width)[None] + np.linspace(0, 40, height)[:, None]
    picture = np.repeat(across[..., None], 3, axis=2).astype(np.uint8)
    picture[..., 2] = 255 - picture[..., 2]
    for bit in range(BITS):
        level = 235 if index >> bit & 1 else 20
        picture[-CELL_PX:, bit * CELL_PX : (bit + 1) * CELL_PX] = level
    return picture


def clip(
    path: Path, frames: int, rate: Fraction = Fraction(30), *, size: Size = SIZE, pts: Sequence[int] | None = None
) -> Clip:
    """Numbered frames at a rate, or at these times in ms."""
    shape = Shape.steady(size, rate)
    if pts is not None:
        shape = Shape(size, rate, Fraction(1, 1000), shape.colour)
    with ClipWriter(path, shape, CLEAR) as writer:
        for index in range(frames):
            writer.write(numbered(index, size), index if pts is None else pts[index])
    return probe(path)


def number_of(luma: NDArray[np.uint8]) -> int:
    """The number that a picture's cells spell."""
    row = luma[-CELL_PX // 2]
    return sum(1 << bit for bit in range(BITS) if row[bit * CELL_PX + CELL_PX // 2] > 128)


def numbers(path: Path) -> list[int]:
    """The numbers of all frames of a file."""
    with av.open(str(path)) as container:
        return [number_of(samples(frame.planes[0])) for frame in container.decode(video=0)]
