"""Preview grid: one frame of a clip in several looks and from several seeds side by side, to choose one by."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import ceil
from typing import Any

import cv2
import numpy as np

from pipeline.engines.base import Engine
from pipeline.engines.looks import LOOKS, is_here
from pipeline.engines.weights import named
from pipeline.preview.frame import FramePreview, preview_frame
from pipeline.stage import RunContext
from utils.errors import SettingsError
from utils.image import RGB, Box, Size
from utils.media.clip import Clip

TALL_PX, LABEL_PX, MOST_COLUMNS = 360, 28, 6
LABEL_SCALE, INDENT_PX = 0.5, 6
ROOM_SHARE = 0.12
"""The margin around the person, in shares of their height."""
SOURCE = "as filmed"
SEEDS = 2**32


@dataclass(frozen=True)
class Variation:
    """A look and a seed that differ from those of other cells; None leaves them as the settings have them."""

    look: str | None = None
    seed: int | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that it changes."""
        named = {"generate.look": self.look, "generate.seed": self.seed}
        return {name: value for name, value in named.items() if value is not None}

    @property
    def label(self) -> str:
        """What stands below its cell."""
        return ", ".join(filter(None, [self.look, None if self.seed is None else f"seed {self.seed}"]))

    @property
    def file_name(self) -> str:
        """What a file of its own is called, without suffix."""
        return self.label.replace(", ", "-").replace(" ", "-")


def variations(engine: Engine, settings: Mapping[str, Any], looks: str | None, seeds: int | None) -> list[Variation]:
    """Every look of a text such as 'ink,noir' with so many seeds, counted on from that of the settings.

    'all' means those that can be painted on this machine.
    """
    if looks and "generate.look" not in engine.settings:
        raise SettingsError(f"The engine {engine.name} has no looks.", "Compare seeds instead: --seeds 4.")
    first = int(settings["generate.seed"])
    numbers: list[int | None] = [(first + number) % SEEDS for number in range(seeds)] if seeds else [None]
    names: list[str | None] = [*_named(looks)] if looks else [None]
    return [Variation(look, seed) for look, seed in product(names, numbers)]


def _named(looks: str) -> list[str]:
    names = (
        [name for name in LOOKS if is_here(name)]
        if looks.strip() == "all"
        else [name.strip() for name in looks.split(",")]
    )
    for name in names:
        if name not in LOOKS:
            raise SettingsError(f"There is no look {name!r:.40}.", f"Give all, or some of: {', '.join(LOOKS)}.")
    return list(dict.fromkeys(names))


def previews(clip: Clip, context: RunContext, at: float | None, chosen: Iterable[Variation]) -> Iterator[FramePreview]:
    """Preview one frame in each variation; the clip is looked at once, and an engine opened once, for all of them."""
    settings = {**context.settings, **named(context.settings["generate.engine"], context.settings)}
    for each in chosen:
        yield preview_frame(clip, replace(context, settings={**settings, **each.settings}), at)


def sheet(chosen: Sequence[Variation], found: Sequence[FramePreview]) -> RGB:
    """The frame as it was filmed and in each variation, cut to the person where there is one, with their labels.

    Where looks and seeds are many, each look has a row, and each seed a column.
    """
    part = _around(found[0].box, Size.of(found[0].before)).slices
    tiles = [_tile(each.label, preview.after[part]) for each, preview in zip(chosen, found, strict=True)]
    source, seeds = _tile(SOURCE, found[0].before[part]), len({each.seed for each in chosen})
    empty = np.full_like(source, 255)
    if 1 < seeds < len(chosen):
        rows = [[empty, *tiles[start : start + seeds]] for start in range(0, len(tiles), seeds)]
        rows[0][0] = source
    else:
        tiles = [source, *tiles]
        columns = ceil(len(tiles) / ceil(len(tiles) / MOST_COLUMNS))
        tiles += [empty] * (-len(tiles) % columns)
        rows = [tiles[start : start + columns] for start in range(0, len(tiles), columns)]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows])


def _around(box: Box | None, size: Size) -> Box:
    """A person's box with a margin; the whole picture without one."""
    return box.grown(round(ROOM_SHARE * box.size.height_px), size) if box else Box(0, 0, *size)


def _tile(label: str, picture: RGB) -> RGB:
    """A picture of the tiles' height with its label below, as large as there is room for it."""
    size = Size.of(picture)
    small = cv2.resize(picture, size.scaled(TALL_PX / size.height_px), interpolation=cv2.INTER_AREA)
    below = np.full((LABEL_PX, small.shape[1], 3), 255, np.uint8)
    (wide_px, _), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, LABEL_SCALE, 1)
    scale = LABEL_SCALE * min(1.0, (small.shape[1] - 2 * INDENT_PX) / max(1, wide_px))
    cv2.putText(below, label, (INDENT_PX, 19), cv2.FONT_HERSHEY_SIMPLEX, scale, (40, 40, 40), 1, cv2.LINE_AA)
    return np.concatenate([small, below])
