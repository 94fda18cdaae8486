"""Look sheet: one frame of a clip in several looks side by side, to choose one by."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np

from pipeline.engines.looks import LOOKS
from pipeline.preview.frame import FramePreview, preview_frame
from pipeline.stage import RunContext
from utils.errors import SettingsError
from utils.image import RGB, Box, Size
from utils.media.clip import Clip

TALL_PX, LABEL_PX, MOST_COLUMNS = 360, 28, 6
ROOM_SHARE = 0.12
"""The margin around the person, in shares of their height."""
SOURCE = "as filmed"


def looks_named(text: str) -> list[str]:
    """The looks of a text such as 'ink,noir', or of 'all'."""
    names = list(LOOKS) if text.strip() == "all" else [name.strip() for name in text.split(",")]
    for name in names:
        if name not in LOOKS:
            raise SettingsError(f"There is no look {name!r:.40}.", f"Give all, or some of: {', '.join(LOOKS)}.")
    return list(dict.fromkeys(names))


def preview_looks(clip: Clip, context: RunContext, at: float | None, looks: Iterable[str]) -> Iterator[FramePreview]:
    """Preview one frame in each look; the clip is looked at once for all of them."""
    for look in looks:
        yield preview_frame(clip, replace(context, settings={**context.settings, "generate.look": look}), at)


def look_sheet(looks: Sequence[str], previews: Sequence[FramePreview]) -> RGB:
    """The frame as it was filmed and in each look, cut to the person where there is one, with their names."""
    first = previews[0]
    part = _around(first.box, Size.of(first.before)).slices
    named = [(SOURCE, first.before), *zip(looks, (preview.after for preview in previews), strict=True)]
    tiles = [_tile(name, picture[part]) for name, picture in named]
    columns = min(MOST_COLUMNS, len(tiles))
    empty = np.full_like(tiles[0], 255)
    tiles += [empty] * (-len(tiles) % columns)
    return np.concatenate([np.concatenate(tiles[n : n + columns], axis=1) for n in range(0, len(tiles), columns)])


def _around(box: Box | None, size: Size) -> Box:
    """A person's box with a margin; the whole picture without one."""
    return box.grown(round(ROOM_SHARE * box.size.height_px), size) if box else Box(0, 0, *size)


def _tile(name: str, picture: RGB) -> RGB:
    """A picture of the tiles' height with its name below."""
    size = Size.of(picture)
    small = cv2.resize(picture, size.scaled(TALL_PX / size.height_px), interpolation=cv2.INTER_AREA)
    label = np.full((LABEL_PX, small.shape[1], 3), 255, np.uint8)
    cv2.putText(label, name, (6, 19), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (40, 40, 40), 1, cv2.LINE_AA)
    return np.concatenate([small, label])
