"""Stills: a contact sheet of the result, each moment before above after, close enough to see the person."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from utils.camera.tracking import Mask
from utils.image import RGB, Box, Size
from utils.image.jpeg import write_jpeg

MOMENTS, COLUMNS = 12, 6
TILE = Size(300, 400)
ROOM = 1.25
"""Around the person, in their own heights."""
FILL = 24
QUALITY = 88


@dataclass
class Stills:
    """Fed with finished frames; keeps a few, at even steps through the clip."""

    frames: int
    whole: bool
    """Whether the whole picture is shown, rather than the person."""
    _pairs: list[RGB] = field(default_factory=list)
    _box: Box | None = None

    def add(self, index: int, source: RGB, result: RGB, matte: Mask) -> None:
        """One frame, of which it may keep a small copy."""
        if index not in _wanted(self.frames):
            return
        size = Size.of(source)
        self._box = _around(matte, size) or self._box
        box = Box(0, 0, *size) if self.whole or self._box is None else self._box
        self._pairs.append(np.concatenate([_tile(each[box.slices]) for each in (source, result)]))

    def write(self, path: Path) -> None:
        """As one JPEG: moments from left to right, `COLUMNS` in a row."""
        rows = [self._pairs[start : start + COLUMNS] for start in range(0, len(self._pairs), COLUMNS)]
        sheet = np.concatenate([_row(row, len(rows[0])) for row in rows])
        write_jpeg(path, sheet, QUALITY)


def _wanted(frames: int) -> set[int]:
    return set(np.linspace(0, frames - 1, min(MOMENTS, frames)).round().astype(int).tolist())


def _around(matte: Mask, size: Size) -> Box | None:
    """A part in the form of a tile with the person in its middle; None when nobody is there."""
    x, y, width, height = cv2.boundingRect(matte)
    if not width:
        return None
    tall = min(size.height_px, max(ROOM * height, ROOM * width * TILE.height_px / TILE.width_px))
    wide = min(size.width_px, tall * TILE.width_px / TILE.height_px)
    left = min(max(0, round(x + width / 2 - wide / 2)), size.width_px - round(wide))
    top = min(max(0, round(y + height / 2 - tall / 2)), size.height_px - round(tall))
    return Box(left, top, left + round(wide), top + round(tall))


def _tile(picture: RGB) -> RGB:
    """A picture in a tile, as large as it fits."""
    height, width = picture.shape[:2]
    scale = min(TILE.width_px / width, TILE.height_px / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    tile = np.full((TILE.height_px, TILE.width_px, 3), FILL, np.uint8)
    top, left = (TILE.height_px - size[1]) // 2, (TILE.width_px - size[0]) // 2
    tile[top : top + size[1], left : left + size[0]] = cv2.resize(picture, size, interpolation=kind)
    return tile


def _row(pairs: Sequence[RGB], columns: int) -> RGB:
    blank = np.full_like(pairs[0], FILL)
    return np.concatenate([*pairs, *[blank] * (columns - len(pairs))], axis=1)
