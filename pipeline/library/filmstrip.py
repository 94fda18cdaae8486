"""Film strip: small pictures of frames of a clip in one JPEG, by which people choose a moment of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from utils.errors import ClipError
from utils.guarded_child import MOST_ANSWER_BYTES
from utils.untrusted_json import UntrustedJson, read_object

if TYPE_CHECKING:
    from utils.image import RGB, Size
    from utils.media.clip import Clip

PICTURE, ABOUT = "strip.jpg", "strip.json"
MOST_TILES, COLUMNS, LONGEST_PX = 96, 12, 160
QUALITY = 80
DECODED_PIXELS = 2_000_000_000
"""The most that is decoded for evenly spread frames; of longer clips key frames are taken instead."""


@dataclass(frozen=True)
class FilmStrip:
    """The indices of the frames that are shown, row by row, and the size of each tile."""

    frames: tuple[int, ...]
    columns: int
    width_px: int
    height_px: int

    @classmethod
    def read(cls, folder: Path) -> FilmStrip | None:
        """The strip in the folder of a clip; None if there is none that can be read."""
        try:
            about = read_object((folder / ABOUT).read_bytes(), MOST_ANSWER_BYTES)
            frames, sizes = about["frames"], [about[name] for name in ("columns", "width_px", "height_px")]
        except (OSError, UntrustedJson, KeyError):
            return None
        numbers = [*frames, *sizes] if isinstance(frames, list) else [None]
        if not frames or not all(isinstance(each, int) and each >= 0 for each in numbers):
            return None
        return cls(tuple(frames), *sizes)


class NoFilmStrip(ClipError):
    """The frames of a clip could not be shown in time."""

    def __init__(self) -> None:
        super().__init__("The small pictures of this clip could not be made.", "Choose the moment by its time.")


def write_film_strip(clip: Clip, folder: Path) -> None:
    """Write the strip of a clip into a folder; what says that it is there is written last."""
    import cv2

    from utils.atomic_file import write_atomically
    from utils.image.jpeg import jpeg
    from utils.media.video import ClipFrames

    frames, size = shown_frames(clip), _tile_size(clip.size)
    tiles = (frame.rgb for frame in ClipFrames.of(clip, size).read(frames))
    rows = [cv2.hconcat(row) for row in _rows(tiles, size)]
    write_atomically(folder / PICTURE, jpeg(cv2.vconcat(rows), QUALITY), durable=False)
    about = asdict(FilmStrip(tuple(frames), COLUMNS, *size))
    write_atomically(folder / ABOUT, json.dumps(about), durable=False)


def shown_frames(clip: Clip) -> list[int]:
    """Evenly spread frames; key frames where it would take too long to decode all that lies between."""
    spread = list(range(len(clip)))
    if len(clip) * clip.size.area_px > DECODED_PIXELS and clip.seekable and len(clip.keys) > 1:
        spread = list(clip.keys)
    last, count = len(spread) - 1, min(MOST_TILES, len(spread))
    return [spread[round(number * last / max(1, count - 1))] for number in range(count)]


def _tile_size(size: Size) -> Size:
    return size.scaled(min(1.0, LONGEST_PX / max(size)))


def _rows(tiles: Iterator[RGB], size: Size) -> Iterator[list[RGB]]:
    """The tiles in rows of COLUMNS; the last one is filled up with black."""
    import numpy as np

    black = np.zeros((size.height_px, size.width_px, 3), np.uint8)
    row: list[RGB] = []
    for tile in tiles:
        row.append(tile)
        if len(row) == COLUMNS:
            yield row
            row = []
    if row:
        yield row + [black] * (COLUMNS - len(row))
