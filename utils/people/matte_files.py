"""Mattes of a clip on disk: one file with the non-empty box of each matte, deflated, and a table of their positions."""

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from utils.camera.tracking import Mask
from utils.errors import UnreadableClip
from utils.image import Box, Size, bounding_box

DATA, TABLE = "mattes.bin", "mattes.npy"
"""Names of the two files: the deflated boxes, and one row (bytes, left, top, right, bottom) per matte."""
LEVEL = 1
"""zlib level: the fastest."""


def write_mattes(folder: Path, mattes: Iterable[Mask]) -> list[Box | None]:
    """Write mattes into a folder one by one; returns the non-empty box of each, None where a matte is empty."""
    boxes: list[Box | None] = []
    lengths: list[int] = []
    with (folder / DATA).open("wb") as file:
        for matte in mattes:
            box = bounding_box(matte)
            lengths.append(file.write(zlib.compress(matte[box.slices].tobytes(), LEVEL)) if box else 0)
            boxes.append(box)
    table = [(length, *(box or (0, 0, 0, 0))) for length, box in zip(lengths, boxes, strict=True)]
    np.save(folder / TABLE, np.array(table, np.int64).reshape(-1, 5))
    return boxes


def read_mattes(folder: Path, size: Size, wanted: Iterable[int]) -> Iterator[Mask]:
    """Read the mattes of the frames `wanted`, each at the size of the whole picture."""
    table = np.load(folder / TABLE)
    starts = np.concatenate([[0], np.cumsum(table[:, 0])])
    with (folder / DATA).open("rb") as file:
        for index in wanted:
            matte = np.zeros((size.height_px, size.width_px), np.uint8)
            length, *sides = table[index].tolist()
            if length:
                box = Box(*sides)
                file.seek(int(starts[index]))
                matte[box.slices] = _inflated(file.read(length), box)
            yield matte


def _inflated(data: bytes, box: Box) -> Mask:
    """One matte's box from its deflated bytes."""
    try:
        flat = np.frombuffer(zlib.decompress(data), np.uint8)
    except zlib.error as error:
        raise UnreadableClip(
            "A kept matte is damaged.", "Run `python -m pipeline cache verify` and try again."
        ) from error
    return flat.reshape(box.size.height_px, box.size.width_px)
