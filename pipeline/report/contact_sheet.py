"""The contact sheet: pairs of small pictures, source above result, close enough to see the person."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from utils.camera.tracking import Mask
from utils.image import RGB, Box, Size, bounding_box
from utils.image.jpeg import write_jpeg

MOMENTS, COLUMNS = 12, 6
"""Pairs on the sheet, and in a row of it."""
TILE = Size(300, 400)
ROOM = 1.25
"""The height of the shown part, in heights of the person."""
FILL = 24
"""The grey of empty parts of the sheet."""
QUALITY = 88


@dataclass
class ContactSheet:
    """Collects frames at even steps through the clip; fed with every frame in order."""

    frames: int
    whole: bool
    """Whether the whole picture is shown, rather than the person."""
    _pairs: list[RGB] = field(default_factory=list)
    _box: Box | None = None

    def add(self, index: int, source: RGB, result: RGB, matte: Mask) -> None:
        """Take the next frame; a small copy is kept if it is one of the moments."""
        if index not in _moments(self.frames):
            return
        size = Size.of(source)
        self._box = _box_around(matte, size) or self._box
        box = Box(0, 0, *size) if self.whole or self._box is None else self._box
        self._pairs.append(np.concatenate([_tile(picture[box.slices]) for picture in (source, result)]))

    def write(self, path: Path) -> None:
        """Write the sheet as a JPEG: moments from left to right, `COLUMNS` in a row."""
        rows = [self._pairs[start : start + COLUMNS] for start in range(0, len(self._pairs), COLUMNS)]
        sheet = np.concatenate([_row(row, len(rows[0])) for row in rows])
        write_jpeg(path, sheet, QUALITY)


def _moments(frames: int) -> set[int]:
    """The indices of the frames on the sheet."""
    return set(np.linspace(0, frames - 1, min(MOMENTS, frames)).round().astype(int).tolist())


def _box_around(matte: Mask, size: Size) -> Box | None:
    """A box with a tile's aspect ratio and the person in its middle; None when nobody is there."""
    person = bounding_box(matte)
    if person is None:
        return None
    width, height = person.size
    tall = min(size.height_px, max(ROOM * height, ROOM * width * TILE.height_px / TILE.width_px))
    wide = min(size.width_px, tall * TILE.width_px / TILE.height_px)
    left = min(max(0, round(person.left + width / 2 - wide / 2)), size.width_px - round(wide))
    top = min(max(0, round(person.top + height / 2 - tall / 2)), size.height_px - round(tall))
    return Box(left, top, left + round(wide), top + round(tall))


def _tile(picture: RGB) -> RGB:
    """A picture scaled to fit a tile, on a grey ground."""
    width, height = Size.of(picture)
    size = Size.of(picture).scaled(scale := min(TILE.width_px / width, TILE.height_px / height))
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    tile = np.full((TILE.height_px, TILE.width_px, 3), FILL, np.uint8)
    top, left = (TILE.height_px - size[1]) // 2, (TILE.width_px - size[0]) // 2
    tile[top : top + size[1], left : left + size[0]] = cv2.resize(picture, size, interpolation=kind)
    return tile


def _row(pairs: Sequence[RGB], columns: int) -> RGB:
    blank = np.full_like(pairs[0], FILL)
    return np.concatenate([*pairs, *[blank] * (columns - len(pairs))], axis=1)
