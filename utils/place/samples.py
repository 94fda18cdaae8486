"""Samples: frames of a shot warped into its mosaic, with each pixel's distance from the person; exposure gains."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image import RGB, Box, Size
from utils.image.geometry import shift
from utils.media.video import FrameSource
from utils.place.masked_median import Layer, Mask
from utils.place.mosaic import Mosaic

Pixels = NDArray[np.uint8]
"""n x 3 levels."""
Mattes = Callable[[Sequence[int]], Iterable[Mask]]
"""Gives the person's mattes (H x W, 0..255) of the given ascending frames."""

LEVELS = 32
"""Quantisation of the distance from the person: 0 is the person, `LEVELS` is FAR_HEIGHTS and more."""
FAR_HEIGHTS = 1.2
"""Distance, in heights of the person, beyond which hardly any shadow reaches."""
GROW_SHARE = 0.004
"""Margin around a matte that counts as the person, as a share of the picture's height."""
SMALL = 4
"""Reduction at which distances, gains and shadows are computed."""
DARK, BRIGHT = 16.0, 240.0
"""Only levels in between follow the exposure."""
PIXELS_ENOUGH = 12_000
"""Number of pixels that determines the exposure to a thousandth."""
NEAR = 3
"""Distance level below which the person may change the light."""
NEIGHBOURS = (1, 4, 16)
"""Each sample's exposure is compared with the samples this many places later."""


@dataclass(frozen=True)
class Sample:
    """One frame warped into the mosaic, at full size and `SMALL` times smaller."""

    index: int
    full: Layer
    small: Layer


def gather(mosaic: Mosaic, wanted: Sequence[int], frames: FrameSource, mattes: Mattes) -> Iterator[Sample]:
    """The samples of the frames `wanted`, each resampled once."""
    for frame, matte in zip(frames.read(wanted), mattes(wanted), strict=True):
        yield _warped(mosaic, frame.index, frame.rgb, matte)


def _warped(mosaic: Mosaic, index: int, rgb: RGB, matte: Mask) -> Sample:
    """A frame warped into the mosaic."""
    size = Size.of(rgb)
    box = mosaic.box(index, size)
    move = shift(-box.left, -box.top) @ mosaic.matrices[index]
    if mosaic.scale < 0.7:
        rgb = cv2.GaussianBlur(rgb, (0, 0), 0.4 / mosaic.scale)
    picture = cv2.warpPerspective(rgb, move, box.size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    away = cv2.warpPerspective(_distance_levels(matte), move, box.size, flags=cv2.INTER_NEAREST)
    full = Layer(box, picture, away)
    return Sample(index, full, _smaller(full))


def _smaller(layer: Layer) -> Layer:
    """A layer on the mosaic's coarse grid: the cells wholly inside it, each with the distance of its nearest pixel."""
    box = layer.box
    cells = Box(-(-box.left // SMALL), -(-box.top // SMALL), box.right // SMALL, box.bottom // SMALL)
    part = layer.inside(Box(*(SMALL * each for each in cells)))
    columns, rows = cells.size
    away = layer.away[part].reshape(rows, SMALL, columns, SMALL).min(axis=(1, 3))
    return Layer(cells, cv2.resize(layer.picture[part], cells.size, interpolation=cv2.INTER_AREA), away)


def _distance_levels(matte: Mask) -> Mask:
    """Quantised distance from the person for each pixel of a frame; 0 on the person."""
    height, width = matte.shape
    person = (matte > 8).astype(np.uint8)
    if not person.any():
        return np.full(matte.shape, LEVELS, np.uint8)
    grow = 2 * max(1, round(GROW_SHARE * height)) + 1
    grown = cv2.dilate(person, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (grow, grow)))
    coarse = Size(-(-width // SMALL), -(-height // SMALL))
    small = cv2.resize(person, coarse, interpolation=cv2.INTER_AREA)
    rows = np.flatnonzero(person.any(axis=1))
    far_px = FAR_HEIGHTS * max(float(np.ptp(rows)), 0.1 * height) / SMALL
    distance = cv2.distanceTransform((small == 0).astype(np.uint8), cv2.DIST_L2, 3)
    level = np.clip(1 + distance / far_px * LEVELS, 1, LEVELS).astype(np.uint8)
    away: Mask = np.where(grown > 0, 0, cv2.resize(level, (width, height), interpolation=cv2.INTER_NEAREST))
    return away


def excluding(sample: Sample, hidden: NDArray[np.bool_]) -> Sample:
    """The sample with the pixels marked in `hidden` (on the small grid) excluded."""
    cells = sample.small.box
    away = sample.full.away.copy()
    part = away[sample.full.inside(Box(*(SMALL * each for each in cells)))]
    part[np.repeat(np.repeat(hidden, SMALL, axis=0), SMALL, axis=1)] = 0
    small = replace(sample.small, away=np.where(hidden, 0, sample.small.away).astype(np.uint8))
    return Sample(sample.index, replace(sample.full, away=away), small)


def exposure_gains(samples: Sequence[Sample]) -> NDArray[np.float32]:
    """Gains (n x 3) of each sample's red, green and blue that bring all samples to their average exposure.

    Each sample is compared with some later ones where both see the background; the gains are the least squares
    solution over all pairs.
    """
    count = len(samples)
    rows, goals = [np.full(count, 1e-3 / count)], [np.zeros(3)]
    for step in NEIGHBOURS:
        for first in range(count - step):
            comparison = _ratio(samples[first].small, samples[first + step].small)
            if comparison is not None:
                ratio, weight = comparison
                row = np.zeros(count)
                row[first], row[first + step] = weight, -weight
                rows.append(row)
                goals.append(weight * ratio)
    logs = np.linalg.lstsq(np.array(rows), np.array(goals), rcond=None)[0]
    gains: NDArray[np.float32] = np.exp(logs - logs.mean(axis=0)).astype(np.float32)
    return gains


def _ratio(one: Layer, other: Layer) -> tuple[NDArray[np.float64], float] | None:
    """log(other / one) of each channel where both see the background, and the weight of that equation."""
    both = one.box & other.box
    if not all(both.size):
        return None
    here, there = one.inside(both), other.inside(both)
    clear = (one.away[here] > NEAR) & (other.away[there] > NEAR)
    found = log_ratio(one.picture[here][clear], other.picture[there][clear])
    return None if found is None else (found, float(np.sqrt(clear.sum())))


def log_ratio(one: Pixels, other: Pixels) -> NDArray[np.float64] | None:
    """log(other / one) per channel of n x 3 levels that show the same surfaces; None when too few are usable."""
    step = max(1, len(one) // PIXELS_ENOUGH)
    one, other = one[::step], other[::step]
    usable = ((one > DARK) & (one < BRIGHT) & (other > DARK) & (other < BRIGHT)).all(axis=1)
    if usable.sum() < 64:
        return None
    before, after = one[usable].astype(np.float64), other[usable].astype(np.float64)
    logs = np.log(after / before)
    middle = np.median(logs, axis=0)
    near = (np.abs(logs - middle) < 0.06).all(axis=1)
    if near.sum() < 32:
        return np.asarray(middle)
    return np.asarray(np.log(after[near].sum(axis=0) / before[near].sum(axis=0)))
