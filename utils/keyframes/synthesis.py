"""A frame painted after one key: its pixels are put together from patches of the key that look like it in the source.

What the flow carries over is only the first guess. Patches are compared by the source's colours and the matte, and
then by the painting too, so that its texture holds together; and they may come from anywhere near, so that what the
flow lost behind an arm, or what the key shows at another size, is found as well.
"""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.flow import fetched
from utils.image import RGB, Size, at_size
from utils.keyframes.motion import Match
from utils.keyframes.patches import Expected, Nearest, Packed, Places

Floats = NDArray[np.float32]
Mask = NDArray[np.uint8]
Flags = NDArray[np.bool_]

MATTE_SHARE = 0.5
"""How much the matte counts where patches are compared, beside the source's colours."""
PAINTED_SHARE = 0.3
"""How much the painting counts beside them."""
DISTANCE_COST = 20
"""What a px² of distance from where the flow leads costs where it is sure; a tenth of it where it is not."""
MOST_DISTANCE_PX = 20
REACH_SHARE = 1 / 16
"""How far patches are looked for at random, as a share of the picture's height."""
PASSES = ((2, 4), (1, 3), (1, 3))
"""By how much the pictures are reduced in each pass, and the rounds of its search."""
ALIKE_COST = 25 * 75.0
"""What a patch costs that counts half as much as one that is the same, where patches are put together."""

SURE, LEAST_SURE_PX = 0.3, 200
"""How sure the flow is of pixels by which the size is judged, and how many of them there must be."""
LEAST_GROWTH, MOST_GROWTH = 0.03, 4.0
"""A difference in size below which a key is taken as it is, and the most that it is enlarged."""

LIGHT_PX = 8.0
"""Radius within which it is measured how a painting follows the source's brightness."""
LIGHT_NOISE = 60.0
"""Variance of the source, in levels squared, at which half of that counts."""
LEAST_EXPOSURE, MOST_EXPOSURE = 0.01, 2.0
"""A change of exposure between a key and a frame that is left alone, and the largest that is followed."""
CLIPPED = 250
"""Levels from here on say nothing about exposure, nor do those as near to black."""
MOST_RELIT = 40.0
"""The most levels by which a pixel is lightened or darkened."""
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Seen:
    """What the source shows in a frame, and how much of each pixel is the subject (0..255)."""

    rgb: RGB
    subject: Mask

    @property
    def size(self) -> Size:
        return Size.of(self.rgb)

    def resized(self, size: Size) -> "Seen":
        return self if size == self.size else Seen(at_size(self.rgb, size), at_size(self.subject, size))


@dataclass(frozen=True)
class Key:
    """A key frame: what the source shows, the same frame painted, and how the painting follows the source's light.

    `light` (h x w x 3) is by how many levels the painting becomes brighter where the source does so by one.
    """

    seen: Seen
    painted: RGB
    light: Floats

    @classmethod
    def of(cls, seen: Seen, painted: RGB) -> "Key":
        return cls(seen, painted, _light(seen.rgb, painted))

    def exposed(self, gains: Floats) -> "Key":
        """The key with each channel of the source brighter by a factor; the painting keeps the exposure it has."""
        if np.abs(gains - 1).max() < LEAST_EXPOSURE:
            return self
        source = np.rint(np.clip(self.seen.rgb * gains, 0, 255)).astype(np.uint8)
        return replace(self, seen=replace(self.seen, rgb=source))

    def resized(self, size: Size) -> "Key":
        if size == self.seen.size:
            return self
        return Key(self.seen.resized(size), at_size(self.painted, size), at_size(self.light, size))


@dataclass(frozen=True)
class Proposal:
    """A frame as it may be painted (h x w x 3), and the source's frame made from the same places of the same key.

    How far the second is from what the source really shows says how well the first one fits.
    """

    painted: Floats
    source: Floats


def carried(key: Key, match: Match) -> Proposal:
    """The frame as the flow carries the key over."""
    vectors = match.resized(key.seen.size).vectors
    painted, source = (fetched(each, vectors, sharp=True) for each in (key.painted, key.seen.rgb))
    return Proposal(painted.astype(np.float32), source.astype(np.float32))


def synthesised(key: Key, frame: Seen, match: Match, region: Flags, seed: int) -> Proposal:
    """The frame put together from patches of the key; outside the region it is as the flow carries it over."""
    start = carried(key, match)
    if not region.any():
        return start
    key = key.resized(key.seen.size.scaled(_growth(match, frame.subject)))
    found: Nearest | None = None
    painted = start.painted
    for number, (part, rounds) in enumerate(PASSES):
        level = _Level.of(key, frame, match, region, part)
        found = level.found(found, painted if number else None, rounds, seed + number)
        if number < len(PASSES) - 1:
            painted = at_size(found.voted(level.key.painted.astype(np.float32), ALIKE_COST), frame.size)
    assert found is not None
    made = found.voted(np.concatenate([key.painted, key.seen.rgb, key.light], 2), ALIKE_COST)
    painted, source, light = made[..., :3], made[..., 3:6], made[..., 6:]
    painted = painted + relit(light, frame.rgb - source)
    inside = region[..., None]
    return Proposal(np.where(inside, painted, start.painted), np.where(inside, source, start.source))


@dataclass(frozen=True)
class _Level:
    """A key, a frame, and where the frame is expected in the key, all reduced by the same whole number."""

    key: Key
    frame: Seen
    expected: Expected
    region: Flags

    @classmethod
    def of(cls, key: Key, frame: Seen, match: Match, region: Flags, part: int) -> "_Level":
        size, key_size = frame.size.scaled(1 / part), key.seen.size.scaled(1 / part)
        match = match.resized(size)
        columns, rows = np.meshgrid(*(np.arange(side, dtype=np.float32) + 0.5 for side in size))
        there = np.stack([rows + match.vectors[..., 1], columns + match.vectors[..., 0]], 2)
        there = there * np.array(key_size[::-1], np.float32) / np.array(size[::-1], np.float32) - 0.5
        places = np.clip(np.rint(there), 0, np.array(key_size[::-1]) - 1).astype(np.int32)
        weight = np.rint(DISTANCE_COST * part**2 * (0.1 + 0.9 * match.sure)).astype(np.int32)
        inside = at_size(region.astype(np.uint8), size) > 0
        expected = Expected(places, weight, MOST_DISTANCE_PX // part)
        return cls(key.resized(key_size), frame.resized(size), expected, inside)

    def found(self, before: Nearest | None, painted: Floats | None, rounds: int, seed: int) -> Nearest:
        """The nearest patches, from those of a level before or from where the flow leads."""
        here = _packed(self.frame, painted)
        there = _packed(self.key.seen, None if painted is None else self.key.painted)
        places = self.expected.places if before is None else self._finer(before.places)
        reach_px = max(4, round(REACH_SHARE * self.frame.size.height_px))
        return Nearest.at(places, self.region).improved(here, there, self.expected, rounds, reach_px, seed)

    def _finer(self, places: Places) -> Places:
        """Places that were found in pictures of half the size, or of this one."""
        height, width = self.region.shape
        if places.shape[:2] == (height, width):
            return places
        rows, columns = np.arange(height)[:, None], np.arange(width)
        coarse = places[np.minimum(rows // 2, len(places) - 1), np.minimum(columns // 2, places.shape[1] - 1)]
        within = np.stack(np.broadcast_arrays(rows % 2, columns % 2), 2)
        most = np.array(self.key.seen.size[::-1]) - 1
        return np.asarray(np.clip(2 * coarse + within, 0, most), np.int32)


def _packed(seen: Seen, painted: RGB | Floats | None) -> Packed:
    """What patches are compared by."""
    channels: list[NDArray[Any]] = [*cv2.split(cv2.cvtColor(seen.rgb, cv2.COLOR_RGB2LAB))]
    channels.append(seen.subject * np.float32(MATTE_SHARE))
    if painted is not None:
        channels += [np.float32(PAINTED_SHARE) * each for each in cv2.split(painted)]
    return Packed.of(channels)


def _growth(match: Match, subject: Mask) -> float:
    """How much larger the subject is in the frame than in the key, by the flow where it is sure; 1 if it hardly is."""
    inside = cv2.resize(subject, match.size, interpolation=cv2.INTER_AREA) > 127
    rows, columns = np.nonzero(inside & (match.sure > SURE))
    if len(rows) < LEAST_SURE_PX:
        return 1.0
    here = np.stack([columns, rows], 1).astype(np.float32)
    there = here + match.vectors[rows, columns]
    spreads = [float(np.linalg.norm(each - each.mean(axis=0), axis=1).mean()) for each in (here, there)]
    growth = float(np.clip(spreads[0] / max(spreads[1], 1e-6), 1 / MOST_GROWTH, MOST_GROWTH))
    return growth if abs(growth - 1) > LEAST_GROWTH else 1.0


def exposure(key: Key, frame: Seen, match: Match) -> Floats:
    """By which factor each channel of the source is brighter in a frame than in a key, where the flow is sure."""
    there = fetched(at_size(key.seen.rgb, match.size), match.vectors).astype(np.float32)
    here = at_size(frame.rgb, match.size).astype(np.float32)
    usable = (match.sure > SURE) & (np.maximum(here, there).max(axis=2) < CLIPPED) & (there.min(axis=2) > 255 - CLIPPED)
    if usable.sum() < LEAST_SURE_PX:
        return np.ones(3, np.float32)
    gains = here[usable].mean(axis=0) / there[usable].mean(axis=0)
    return np.asarray(np.clip(gains, 1 / MOST_EXPOSURE, MOST_EXPOSURE), np.float32)


def relit(light: Floats, brighter: Floats) -> Floats:
    """By how much a painting changes where the source becomes brighter (h x w x 3)."""
    return np.clip(light * (brighter @ LUMA)[..., None], -MOST_RELIT, MOST_RELIT)


def _light(source: RGB, painted: RGB) -> Floats:
    """By how many levels a painting becomes brighter where its source does so by one, as far as it follows at all.

    The slope of a local linear fit, times the share of the painting's variance that it explains.
    """

    def mean(values: Floats) -> Floats:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), LIGHT_PX), np.float32)

    bright, paint = source.astype(np.float32) @ LUMA, painted.astype(np.float32)
    middle, paint_middle = mean(bright), mean(paint)
    spread = np.maximum(mean(bright * bright) - middle * middle, 1)[..., None]
    paint_spread = np.maximum(mean(paint * paint) - paint_middle * paint_middle, 1)
    together = mean(paint * bright[..., None]) - paint_middle * middle[..., None]
    explained = np.minimum(together * together / (spread * paint_spread), 1)
    return np.asarray(np.clip(explained * together / (spread + LIGHT_NOISE), -2, 2), np.float32)
