"""Carries painted corrections of a matte through a clip, from the frame that they were painted in to both sides.

Each painted surface is followed by itself. From one picture to the next:

1. Optical flow leads the surface to where it is now.
2. Near its edge, each pixel is judged anew by its colour: as often in the surface as in its surroundings, or not.
3. A guided filter puts the edge onto the edge in the picture.

A surface ends at a cut, and when it is out of sight. Where two meet, the one painted nearer in time counts.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from utils.flow import Search, fetched, flow_one_way
from utils.image import RGB, Box, Size, bounding_box
from utils.media.timebase import Span
from utils.people.matte import fitted
from utils.people.strokes import Signed

Plane = NDArray[np.float32]
ReadPictures = Callable[[Span], Iterable[RGB]]
"""Reads the pictures of a span of frames, all of one size."""

LONGEST_PX = 640
"""The longer side of pictures in which surfaces are followed."""
FLOW_PX = 480
"""The longer side of the part of a picture in which flow is measured; a longer one is reduced."""
MARGIN_SHARE, LEAST_MARGIN_PX = 0.06, 24
"""Room around a surface in which it is followed, as a share of the picture's longer side."""
UNSURE_PX = 0.8
"""Standard deviation of the Gaussian that makes the edge unsure after a step of flow."""
COLOUR_WEIGHT, MOST_ODDS = 0.7, 3.0
"""How much the colour of a pixel counts beside flow, and the largest logarithm of its odds."""
BINS = 16
"""Number of bins of a colour histogram along each of L, a and b."""
HISTOGRAM_SIGMA = 0.7
"""Standard deviation, in bins, of the Gaussian that smooths a histogram."""
FRESH_SHARE = 0.1
"""How much of a surface's remembered colours each picture replaces; the painted ones are kept beside them."""
EDGE_SHARE, LEAST_EDGE_PX = 0.02, 2.0
"""Radius of the guided filter, as a share of the surface's size."""
GONE_SHARE = 0.12
"""When less than this share of a painted surface is left, it is out of sight."""
LEAST_SURFACE_PX = 4
MOST_SURFACES = 24
"""In a frame; when more are painted, they are followed together."""
BLOCK_FRAMES = 24
"""How many pictures are held at once while a surface is followed backwards."""


@dataclass
class Carried:
    """The corrections of each frame of a clip, in little memory."""

    _kept: dict[int, list[tuple[int, Box, bytes]]] = field(default_factory=dict)
    """For each frame: how far away it was painted, and the deflated part of the picture that it covers."""

    def add(self, index: int, distance: int, signed: Signed) -> None:
        """Keep a correction of a frame that was painted `distance` frames away."""
        box = bounding_box((signed != 0).view(np.uint8))
        if box is not None:
            data = zlib.compress(np.ascontiguousarray(signed[box.slices]).tobytes(), 1)
            self._kept.setdefault(index, []).append((distance, box, data))

    def at(self, index: int, size: Size) -> Signed | None:
        """The correction of a frame, in pictures of the size they were followed in; None where there is none."""
        if index not in self._kept:
            return None
        result = np.zeros((size.height_px, size.width_px), np.int8)
        for _, box, data in sorted(self._kept[index], reverse=True, key=lambda kept: kept[0]):
            signed = np.frombuffer(zlib.decompress(data), np.int8).reshape(box.size.height_px, box.size.width_px)
            part = result[box.slices]
            part[signed != 0] = signed[signed != 0]
        return result

    @property
    def frames(self) -> list[int]:
        """The frames that are corrected."""
        return sorted(self._kept)


class _Surface:
    """A painted surface that is followed from picture to picture."""

    def __init__(self, painted: Plane, rgb: RGB) -> None:
        """`painted` is 1 in the surface and 0 elsewhere."""
        self._mask, self._rgb = painted, rgb
        self._area_px = float(painted.sum())
        box = bounding_box((painted > 0).view(np.uint8)) or Box.of(rgb)
        self._edge_px = max(LEAST_EDGE_PX, EDGE_SHARE * max(box.size))
        self._painted_colours = self._colours = _histogram(_bins(rgb), painted)

    def step(self, rgb: RGB) -> Plane | None:
        """Where the surface is in the next picture, 0 to 1; None when it is out of sight."""
        whole = Size.of(rgb)
        inside = bounding_box((self._mask > 0.3).view(np.uint8))
        if inside is None:
            return None
        part = inside.grown(max(LEAST_MARGIN_PX, round(MARGIN_SHARE * max(whole))), whole)
        before, after = (np.ascontiguousarray(picture[part.slices]) for picture in (self._rgb, rgb))
        mask = np.ascontiguousarray(self._mask[part.slices])
        there, bins = _led(mask, before, after), _bins(after)
        there = _judged(there, self._odds(_bins(before), mask)[bins])
        there = fitted(there, after, self._edge_px).astype(np.float32) / 255
        self._colours = (1 - FRESH_SHARE) * self._colours + FRESH_SHARE * _histogram(bins, there)
        self._mask, self._rgb = np.zeros(rgb.shape[:2], np.float32), rgb
        self._mask[part.slices] = there
        return None if there.sum() < GONE_SHARE * self._area_px else self._mask

    def _odds(self, bins: NDArray[np.int32], mask: Plane) -> Plane:
        """For each colour the logarithm of how much more often it is in the surface than around it."""
        near_px = 2 * round(2 * self._edge_px + 6) + 1
        around = cv2.dilate(mask, np.ones((near_px, near_px), np.uint8)) - cv2.dilate(mask, np.ones((3, 3), np.uint8))
        surroundings = _histogram(bins, np.clip(around, 0, 1))
        surface = (self._painted_colours + self._colours) / 2
        odds: Plane = np.log((surface + 1e-4) / (surroundings + 1e-4))
        return np.clip(odds, -MOST_ODDS, MOST_ODDS).astype(np.float32)


def carried(
    painted: Mapping[int, Signed], shots: Iterable[Span], read: ReadPictures, step: Callable[[], None] = lambda: None
) -> Carried:
    """Carry what is painted in some frames through their shots; `step` is called after each frame followed."""
    result = Carried()
    for shot in shots:
        for index in (index for index in painted if shot.start <= index < shot.stop):
            for sign, surface in _surfaces(painted[index]):
                for at, mask in _followed(surface, index, shot, read):
                    result.add(at, abs(at - index), (sign * np.where(mask > 0.5, mask, 0)).astype(np.int8))
                    step()
    return result


def _surfaces(painted: Signed) -> Iterator[tuple[int, Plane]]:
    """The separate surfaces of a painted frame, each with its sign: 127 or -127."""
    for sign in (127, -127):
        mask = (np.sign(painted) == np.sign(sign)).view(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        if count - 1 > MOST_SURFACES:
            yield sign, mask.astype(np.float32)
            continue
        for number in range(1, count):
            if stats[number, cv2.CC_STAT_AREA] >= LEAST_SURFACE_PX:
                yield sign, (labels == number).astype(np.float32)


def _followed(surface: Plane, index: int, shot: Span, read: ReadPictures) -> Iterator[tuple[int, Plane]]:
    """A surface in its own frame, in the frames after it, and in those before it."""
    yield index, surface
    for indices, pictures in (
        (range(index, shot.stop), iter(read(Span(index, shot.stop)))),
        (range(index, shot.start - 1, -1), _backwards(Span(shot.start, index + 1), read)),
    ):
        follower: _Surface | None = None
        for at, (before, after) in zip(indices[1:], pairwise(pictures), strict=True):
            follower = follower or _Surface(surface, before)
            mask = follower.step(after)
            if mask is None:
                break
            yield at, mask


def _backwards(span: Span, read: ReadPictures) -> Iterator[RGB]:
    """The pictures of a span from its last to its first, a block at a time."""
    for stop in range(span.stop, span.start, -BLOCK_FRAMES):
        yield from reversed(list(read(Span(max(span.start, stop - BLOCK_FRAMES), stop))))


def _led(mask: Plane, before: RGB, after: RGB) -> Plane:
    """A mask led by optical flow from one picture to the next, its edge a little unsure."""
    grey_before, grey_after = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (before, after))
    shrink = max(1, -(-max(Size.of(after)) // FLOW_PX))
    flow = flow_one_way(grey_after, grey_before, search=Search("medium", shrink))
    result: Plane = cv2.GaussianBlur(fetched(mask, flow.vectors), (0, 0), UNSURE_PX)
    return result


def _judged(mask: Plane, odds: Plane) -> Plane:
    """A mask whose unsure pixels are judged by the odds of their colours (Bayes' rule)."""
    sure = np.clip(mask, 0.003, 0.997)
    logits = np.log(sure / (1 - sure)) + COLOUR_WEIGHT * cv2.blur(odds, (3, 3))
    result: Plane = 1 / (1 + np.exp(-logits))
    return result


def _bins(rgb: RGB) -> NDArray[np.int32]:
    """The number of each pixel's bin in a colour histogram."""
    lab = (cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.int32) * BINS) >> 8
    result: NDArray[np.int32] = (lab[..., 0] * BINS + lab[..., 1]) * BINS + lab[..., 2]
    return result


def _histogram(bins: NDArray[np.int32], weights: Plane) -> Plane:
    """A smoothed colour histogram; sums to 1."""
    counts = np.bincount(bins.ravel(), weights.ravel(), BINS**3).reshape(BINS, BINS, BINS)
    smooth = gaussian_filter(counts.astype(np.float32), HISTOGRAM_SIGMA, mode="constant").ravel()
    result: Plane = smooth / max(1e-6, float(smooth.sum()))
    return result
