"""Matched frames: frames of the foreground beside what the background shows at their moments, for people to compare.

Six of them are those that may be furthest off, six are drawn at random, and the others lie evenly over the clip.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Literal

import cv2
import numpy as np

from pipeline.align.drift import Drift
from pipeline.align.time_map import TimeMap
from utils.align.labels import Label
from utils.align.placement import between_middles
from utils.digest import canonical_json, digest_bytes
from utils.image import RGB, Size
from utils.media.clip import Clip
from utils.media.video import ClipFrames

Why = Literal["worst", "random", ""]
WORST, RANDOM, EVEN = 6, 6, 36
APART = 24
"""The worst frames are so many parts of the clip apart, for neighbours show the same."""
SEED = 0
TILE_PX = 320
NO_PICTURE = 40
"""The grey where the background has no pixels."""


@dataclass(frozen=True)
class MatchedFrame:
    """A frame of the foreground, and what the background shows at its moment; None where nothing matches."""

    index: int
    foreground: RGB
    background: RGB | None

    @property
    def behind(self) -> RGB:
        """What the background shows; grey where that is nothing."""
        return self.background if self.background is not None else np.full_like(self.foreground, NO_PICTURE)


@dataclass(frozen=True)
class Picked:
    """Which frames of the foreground are shown, each with the reason; in the order of time."""

    why: dict[int, Why]

    @classmethod
    def of(cls, found: TimeMap, drift: Drift) -> "Picked":
        """The worst by what their drift and twice its sigma may be, random ones, and even steps between them.

        Where time is ambiguous anyhow, a frame is among the worst only if there are too few others.
        """
        matched, count = found.matched(), len(found.moments)
        off = np.abs(drift.residual_s) + 2 * drift.sigma_s
        worst: list[int] = []
        claimed = [label in (Label.SURE, Label.CUT) for label in found.labels]
        for index in sorted(matched.tolist(), key=lambda index: (not claimed[index], -off[index], index)):
            if len(worst) < WORST and all(abs(index - other) * APART >= count for other in worst):
                worst.append(index)
        rest = [index for index in matched.tolist() if index not in worst]
        drawn = np.random.default_rng(SEED).permutation(len(rest))[:RANDOM]
        even = np.linspace(0, count - 1, min(EVEN, count)).round().astype(int)
        why: dict[int, Why] = dict.fromkeys(even.tolist(), "")
        why |= dict.fromkeys([rest[place] for place in drawn], "random") | dict.fromkeys(worst, "worst")
        return cls({index: why[index] for index in sorted(why)})

    def of_kind(self, why: Why) -> list[int]:
        """The frames that are shown for this reason."""
        return [index for index, reason in self.why.items() if reason == why]


@dataclass(frozen=True)
class MatchedFrames:
    """Pictures of both clips for chosen frames of the foreground, drawn when asked for."""

    background: Clip
    foreground: Clip
    map: TimeMap
    picked: Picked
    longest_px: int = TILE_PX
    """The longer side of a picture."""

    @property
    def digest(self) -> str:
        """Digest of everything that the pictures depend on."""
        clips = [self.background.digest, self.foreground.digest]
        return digest_bytes(
            canonical_json([*clips, self.map.to_json(), list(self.picked.why.items()), self.longest_px])
        )

    @cached_property
    def tile(self) -> Size:
        """The size of a picture: that of the foreground, reduced."""
        size = self.foreground.size
        return size.scaled(min(1.0, self.longest_px / max(size)))

    def pictures(self, check: Callable[[], None] = lambda: None) -> Iterator[MatchedFrame]:
        """Each frame with the nearest frame of the background; both clips are read once, in order."""
        behind = self._backgrounds(check)
        for frame in ClipFrames.of(self.foreground, self.tile).read(list(self.picked.why)):
            check()
            yield MatchedFrame(frame.index, frame.rgb, behind.get(frame.index))

    def _backgrounds(self, check: Callable[[], None]) -> dict[int, RGB]:
        wanted = defaultdict[int, list[int]](list)
        for index in self.picked.why:
            if np.isfinite(self.map.moments[index]):
                wanted[int(np.clip(np.rint(self.map.moments[index]), 0, len(self.background) - 1))].append(index)
        found: dict[int, RGB] = {}
        for frame in ClipFrames.of(self.background).read(sorted(wanted)):
            check()
            found |= dict.fromkeys(wanted[frame.index], self._part(frame.rgb))
        return found

    def _part(self, picture: RGB) -> RGB:
        """The part of a background's picture that the foreground covers."""
        place, tile = self.map.placement, self.tile
        step = place.scale * self.foreground.size.width_px / tile.width_px
        fine = max(1, ceil(step))  # then averaged: one step would leave pixels out
        size = Size(fine * tile.width_px, fine * tile.height_px)
        steps = [whole / part for whole, part in zip(self.foreground.size, size, strict=True)]
        matrix = between_middles(place.matrix * np.array([*steps, 1.0]))
        flags, beyond = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, (NO_PICTURE,) * 3
        cut = cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=beyond)
        return np.asarray(cv2.resize(cut, tile, interpolation=cv2.INTER_AREA), np.uint8)
