"""Joins windows: a colour map that undoes an engine's colour drift, and a blend over the frames that two share."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.compiled import kernel
from utils.flow import Flow, fetched, flow_pair
from utils.image import RGB

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Mask = NDArray[np.uint8]

SAMPLES_PER_FRAME = 4000
MIN_SAMPLES = 400
"""With fewer sampled pixels no colour map is fitted."""
PRIOR = 0.001
"""Ridge regularisation: colour variance (range 0..1) below which the ring does not determine a channel's gain."""
FIT_ROUNDS = 6
"""Rounds of the fit; after each, outliers are dropped."""
NOISE_LEVELS = 0.75
"""A correction whose root mean square is below this many levels is noise; colours then stay as they are."""
MAX_SLOPE_CHANGE = 0.3
"""Largest change of any coefficient of the colour matrix."""

ALIGN_LEVELS = 6
"""Pictures that differ by fewer levels than this everywhere are not aligned by optical flow."""
GHOST_LEVELS = 22.0, 44.0
"""Differences of aligned pictures at which mixing begins to show ghosts, and at which one picture is used alone."""
BROAD_SHARE = 0.06
"""A difference broader than this share of the height is one of colour, which mixes without ghosts."""


@dataclass
class ColourLock:
    """Maps a window's colours so that its ring (which the engine was to leave unchanged) matches the source.

    The map is affine in RGB and regularised towards identity. Drift is mostly a gain and an offset per channel, which
    is not linear in Lab; the ring may lack the person's colours, so what it does not determine stays as it is. Use it
    only for engines that leave the ring unchanged: it would undo the style of a restyled ring.
    """

    map: Doubles | None = None
    """Affine map, 3 x 4, in levels; None leaves colours as they are."""
    _generated: list[Doubles] = field(default_factory=list)
    _source: list[Doubles] = field(default_factory=list)

    def observe(self, generated: RGB, source: RGB, ring: Mask) -> None:
        """Sample one of the window's frames; `ring` (h x w) is not 0 where both should match. Ten frames are plenty."""
        rows, columns = np.nonzero(ring)
        chosen = slice(None, None, max(1, -(-len(rows) // SAMPLES_PER_FRAME)))
        at = rows[chosen], columns[chosen]
        usable = ((generated[at] > 2) & (generated[at] < 253) & (source[at] > 2) & (source[at] < 253)).all(axis=1)
        self._generated.append(generated[at][usable] / 255.0)
        self._source.append(source[at][usable] / 255.0)

    def solve(self) -> bool:
        """Fit the map to the samples and drop them; False when colours stay as they are."""
        generated = np.concatenate(self._generated) if self._generated else np.zeros((0, 3))
        source = np.concatenate(self._source) if self._source else np.zeros((0, 3))
        self._generated, self._source = [], []
        self.map = _fitted_map(generated, source) if len(generated) >= MIN_SAMPLES else None
        return self.map is not None

    def apply(self, picture: RGB) -> RGB:
        """The picture with corrected colours; the very same object when there is nothing to correct."""
        if self.map is None:
            return picture
        result: RGB = cv2.transform(picture, self.map)
        return result


def overlap_shares(frames: int) -> Doubles:
    """The later window's share in each frame that two windows share: a cosine ramp that reaches neither 0 nor 1."""
    if frames < 0:
        raise ValueError(f"an overlap of {frames} frames")
    times = np.arange(1, frames + 1) / (frames + 1)
    shares: Doubles = (1 - np.cos(np.pi * times)) / 2
    return shares


def blend(before: RGB, after: RGB, share: float, flows: tuple[Flow, Flow] | None = None) -> RGB:
    """Blend two windows' versions of one frame; `share` (0..1) is that of the later one.

    Both are warped towards each other according to their shares, then mixed in linear light. Where they still differ
    too much, each pixel comes from one of them alone. `flows` lead from `before` to `after` and back.
    """
    if before.shape != after.shape:
        raise ValueError(f"a blend of {before.shape} and {after.shape}")
    if share <= 0 or share >= 1:
        return before if share <= 0 else after
    difference = cv2.absdiff(before, after)
    if not difference.any():
        return before
    if flows is not None or difference.max() >= ALIGN_LEVELS:
        forward, backward = flows or _flows(before, after)
        before, after = _warped_towards(before, backward, share), _warped_towards(after, forward, 1 - share)
    return mixed(before, after, _shares(before, after, share))


def _fitted_map(generated: Doubles, source: Doubles) -> Doubles | None:
    """The affine map by least squares with outliers removed; None when there is nothing to correct."""
    columns = np.column_stack([generated - 0.5, np.ones(len(generated))])
    target = source - generated
    inliers = np.ones(len(generated), bool)
    for _ in range(FIT_ROUNDS):
        chosen = columns[inliers]
        prior = PRIOR * inliers.sum() * np.diag([1.0, 1.0, 1.0, 0.0])
        coefficients = np.linalg.solve(chosen.T @ chosen + prior, chosen.T @ target[inliers])
        coefficients[:3] = np.clip(coefficients[:3], -MAX_SLOPE_CHANGE, MAX_SLOPE_CHANGE)
        misses = np.abs(target - columns @ coefficients).max(axis=1)
        inliers = misses <= 2.5 * np.median(misses) + 1 / 255
    moves = columns[inliers] @ coefficients * 255
    if np.sqrt((moves**2).mean()) < NOISE_LEVELS:
        return None
    slopes = np.eye(3) + coefficients[:3].T
    result: Doubles = np.column_stack([slopes, 255 * (coefficients[3] - 0.5 * coefficients[:3].sum(axis=0))])
    return result


def _flows(before: RGB, after: RGB) -> tuple[Flow, Flow]:
    greys = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (before, after)]
    return flow_pair(greys[0], greys[1])


def _warped_towards(picture: RGB, flow: Flow, part: float) -> RGB:
    """A picture warped part of the way towards the other one; `flow` leads from the other to it."""
    trusted = cv2.GaussianBlur(cv2.erode(flow.valid.astype(np.float32), np.ones((5, 5))), (0, 0), 2)
    vectors = cv2.multiply(flow.vectors, cv2.merge([trusted * np.float32(part)] * 2))
    return fetched(picture, vectors, sharp=True)


def _shares(before: RGB, after: RGB, share: float) -> Floats:
    """The later picture's share per pixel: `share` where both are alike, 0 or 1 where they are not."""
    result: Floats = share + ghosting(before, after) * np.float32((share >= 0.5) - share)
    return result


def ghosting(before: RGB, after: RGB) -> Floats:
    """How much a mix of two pictures would show both at once, 0 to 1 per pixel."""
    change = cv2.subtract(after, before, dtype=cv2.CV_32F)
    height, width = change.shape[:2]
    small = cv2.resize(change, (max(width // 4, 1), max(height // 4, 1)), interpolation=cv2.INTER_AREA)
    broad = cv2.resize(cv2.GaussianBlur(small, (0, 0), max(BROAD_SHARE * height / 4, 1)), (width, height))
    difference = cv2.GaussianBlur(cv2.absdiff(change, broad).max(axis=2), (0, 0), 3)
    low, high = GHOST_LEVELS
    result: Floats = np.clip((difference - low) / (high - low), 0, 1)
    return result


def mixed(before: RGB, after: RGB, shares: Floats) -> RGB:
    """Mix in linear light by the later picture's share per pixel; what is equal stays exactly the same."""
    result = np.empty_like(before)
    _mix(before, after, shares, (_LINEAR, _ENCODED), result)
    return result


@kernel
def _mix(before: RGB, after: RGB, shares: Floats, tables: tuple[Floats, NDArray[np.uint8]], out: RGB) -> None:
    """Mix each pixel by way of the tables to linear light and back."""
    linear, encoded = tables
    for y in range(shares.shape[0]):
        for x in range(shares.shape[1]):
            for c in range(3):
                bright = linear[before[y, x, c]]
                mixed = bright + shares[y, x] * (linear[after[y, x, c]] - bright)
                out[y, x, c] = encoded[int(np.rint(mixed))]


def _linear(encoded: Doubles) -> Doubles:
    """sRGB to linear light, 0..1."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _encoded(linear: Doubles) -> Doubles:
    """Linear light to sRGB, 0..1."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


_LINEAR: Floats = np.rint(65535 * _linear(np.arange(256) / 255)).astype(np.float32)
_ENCODED: NDArray[np.uint8] = np.rint(255 * _encoded(np.arange(65536) / 65535)).astype(np.uint8)
