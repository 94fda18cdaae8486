"""Joins windows: a colour map for each that undoes an engine's drift, and a blend over the frames that two share."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.flow import Flow, fetched, flow_pair
from utils.image import RGB

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Mask = NDArray[np.uint8]

SAMPLES_PER_FRAME = 4000
LEAST_SAMPLES = 400
PRIOR = 0.001
"""Variance of a colour, the whole range being 1, below which a ring does not say how that colour's gain changed."""
ROUNDS = 6
NOISE_LEVELS = 0.75
"""A ring whose colours are off by less than this on the whole is as it should be."""
MOST_SLOPE = 0.3
"""No channel's share in another changes by more than this."""

FOLLOWED_LEVELS = 6
"""Pictures that differ by less than this everywhere need no aligning."""
GHOST_LEVELS = 22.0, 44.0
"""Where aligned pictures still differ by so much, mixing begins to show two of everything, and wholly does."""
BROAD_SHARE = 0.06
"""Of the height: a difference broader than this is one of colour, which mixes well."""


@dataclass
class ColourLock:
    """Maps a window's colours so that its ring, which the engine was to leave alone, looks as in the source.

    The map is affine in RGB, held towards identity: an engine's drift is mostly a gain and an offset of each channel,
    which bends in Lab; and what a ring of few colours cannot tell stays as it is, for the person's colours need not
    be among them. Only for engines that do leave the ring alone: a restyled ring would have its style undone.
    """

    map: Doubles | None = None
    """3 x 4 in levels; None leaves colours as they are."""
    _generated: list[Doubles] = field(default_factory=list)
    _source: list[Doubles] = field(default_factory=list)

    def observe(self, generated: RGB, source: RGB, ring: Mask) -> None:
        """One of the window's frames; `ring` (h x w) is not 0 where both should be alike. Ten frames are plenty."""
        rows, columns = np.nonzero(ring)
        chosen = slice(None, None, max(1, -(-len(rows) // SAMPLES_PER_FRAME)))
        at = rows[chosen], columns[chosen]
        usable = ((generated[at] > 2) & (generated[at] < 253) & (source[at] > 2) & (source[at] < 253)).all(axis=1)
        self._generated.append(generated[at][usable] / 255.0)
        self._source.append(source[at][usable] / 255.0)

    def solve(self) -> bool:
        """Find the map from what was observed, and forget that; false when colours stay as they are."""
        seen = np.concatenate(self._generated) if self._generated else np.zeros((0, 3))
        meant = np.concatenate(self._source) if self._source else np.zeros((0, 3))
        self._generated, self._source = [], []
        self.map = _fitted(seen, meant) if len(seen) >= LEAST_SAMPLES else None
        return self.map is not None

    def apply(self, picture: RGB) -> RGB:
        """The picture with the window's colours put right; the same picture when nothing was wrong."""
        if self.map is None:
            return picture
        result: RGB = cv2.transform(picture, self.map)
        return result


def overlap_shares(frames: int) -> Doubles:
    """Of the later window in each of the frames that two windows share: a cosine ease that reaches neither 0 nor 1."""
    if frames < 0:
        raise ValueError(f"an overlap of {frames} frames")
    times = np.arange(1, frames + 1) / (frames + 1)
    shares: Doubles = (1 - np.cos(np.pi * times)) / 2
    return shares


def blend(before: RGB, after: RGB, share: float, flows: tuple[Flow, Flow] | None = None) -> RGB:
    """One frame as two windows made it, joined: `share` (0..1) of the later one.

    Both are moved towards each other as far as their share says, then mixed in linear light; where they still
    differ too much to be mixed, each pixel comes from one of them. `flows` lead from `before` to `after` and back.
    """
    if before.shape != after.shape:
        raise ValueError(f"a blend of {before.shape} and {after.shape}")
    if share <= 0 or share >= 1:
        return before if share <= 0 else after
    apart = cv2.absdiff(before, after)
    if not apart.any():
        return before
    if flows is not None or apart.max() >= FOLLOWED_LEVELS:
        forward, backward = flows or _flows(before, after)
        before, after = _moved(before, backward, share), _moved(after, forward, 1 - share)
    return _mixed(before, after, _shares(before, after, share))


def _fitted(seen: Doubles, meant: Doubles) -> Doubles | None:
    """3 x 4 in levels, by least squares without what does not agree; None when there is nothing to put right."""
    columns = np.column_stack([seen - 0.5, np.ones(len(seen))])
    target = meant - seen
    trusted = np.ones(len(seen), bool)
    for _ in range(ROUNDS):
        chosen = columns[trusted]
        prior = PRIOR * trusted.sum() * np.diag([1.0, 1.0, 1.0, 0.0])
        found = np.linalg.solve(chosen.T @ chosen + prior, chosen.T @ target[trusted])
        found[:3] = np.clip(found[:3], -MOST_SLOPE, MOST_SLOPE)
        misses = np.abs(target - columns @ found).max(axis=1)
        trusted = misses <= 2.5 * np.median(misses) + 1 / 255
    moves = columns[trusted] @ found * 255
    if np.sqrt((moves**2).mean()) < NOISE_LEVELS:
        return None
    slopes = np.eye(3) + found[:3].T
    result: Doubles = np.column_stack([slopes, 255 * (found[3] - 0.5 * found[:3].sum(axis=0))])
    return result


def _flows(before: RGB, after: RGB) -> tuple[Flow, Flow]:
    greys = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (before, after)]
    return flow_pair(greys[0], greys[1])


def _moved(picture: RGB, flow: Flow, part: float) -> RGB:
    """A picture moved part of its way towards where the other has the same thing; `flow` leads from the other to it."""
    trusted = cv2.GaussianBlur(cv2.erode(flow.valid.astype(np.float32), np.ones((5, 5))), (0, 0), 2)
    vectors = cv2.multiply(flow.vectors, cv2.merge([trusted * np.float32(part)] * 2))
    return fetched(picture, vectors, sharp=True)


def _shares(before: RGB, after: RGB, share: float) -> Floats:
    """Of the later picture, per pixel: `share` where they are alike, all or nothing where they are not."""
    change = cv2.subtract(after, before, dtype=cv2.CV_32F)
    height, width = change.shape[:2]
    small = cv2.resize(change, (max(width // 4, 1), max(height // 4, 1)), interpolation=cv2.INTER_AREA)
    broad = cv2.resize(cv2.GaussianBlur(small, (0, 0), max(BROAD_SHARE * height / 4, 1)), (width, height))
    apart = cv2.GaussianBlur(cv2.absdiff(change, broad).max(axis=2), (0, 0), 3)
    low, high = GHOST_LEVELS
    unlike = np.clip((apart - low) / (high - low), 0, 1)
    result: Floats = share + unlike * np.float32((share >= 0.5) - share)
    return result


def _mixed(before: RGB, after: RGB, shares: Floats) -> RGB:
    """In linear light, and exactly what both are where they are equal."""
    bright = _LINEAR[before]
    mixed = bright + shares[..., None] * (_LINEAR[after] - bright)
    return _ENCODED[np.rint(mixed).astype(np.uint16)]


def _linear(encoded: Doubles) -> Doubles:
    """From sRGB to light, 0..1."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _encoded(linear: Doubles) -> Doubles:
    """From light to sRGB, 0..1."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


_LINEAR: Floats = np.rint(65535 * _linear(np.arange(256) / 255)).astype(np.float32)
_ENCODED: NDArray[np.uint8] = np.rint(255 * _encoded(np.arange(65536) / 65535)).astype(np.uint8)
