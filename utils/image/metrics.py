"""Quality metrics of a result, each defined once.

Pictures are uint8 or float32 RGB in 0..255, masks are boolean. Colours are compared in CIELAB by CIE76 (the distance in
Lab, as OpenCV computes it from sRGB in float): about 1 can just be seen, 2.3 is noticed, 10 is another colour.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.flow import Flags, Flow, warped
from utils.image import RGB, Size
from utils.image.geometry import Matrix, corners, moved

Picture = RGB | NDArray[np.float32]
Floats = NDArray[np.float32]
PEAK = 255.0


def lab(picture: Picture) -> Floats:
    """CIELAB: L 0..100, a and b about -128..127."""
    result: Floats = cv2.cvtColor(picture.astype(np.float32) / np.float32(PEAK), cv2.COLOR_RGB2Lab)
    return result


def delta_e(a: Picture, b: Picture) -> Floats:
    """CIE76 colour difference of every pixel."""
    result: Floats = np.linalg.norm(lab(a) - lab(b), axis=-1)
    return result


def mean_square(a: Picture, b: Picture, mask: Flags | None = None) -> float:
    """Mean squared difference over pixels and channels, in levels squared; NaN where the mask is empty."""
    squares = (a.astype(np.float32) - b.astype(np.float32)) ** 2
    chosen = squares if mask is None else squares[mask]
    return float(chosen.mean(dtype=np.float64)) if chosen.size else float("nan")


def psnr_db(a: Picture, b: Picture, mask: Flags | None = None) -> float:
    """Peak signal to noise of the masked pixels, dB; infinite where they are equal."""
    error = mean_square(a, b, mask)
    return float("inf") if error == 0 else float(10 * np.log10(PEAK**2 / error))


def ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Structural similarity of two planes by Gaussian windows of 1.5 px (Wang and others, 2004); 1 if equal.

    As there, planes are reduced so that their shorter side has some 256 px, which is how people see them.
    """
    part = max(1, round(min(a.shape) / 256))
    size = max(1, a.shape[1] // part), max(1, a.shape[0] // part)
    one, two = (cv2.resize(plane.astype(np.float32), size, interpolation=cv2.INTER_AREA) for plane in (a, b))

    def mean(values: Floats) -> Floats:
        return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5), np.float32)

    first, second = mean(one), mean(two)
    spread = mean(one * one) - first**2, mean(two * two) - second**2, mean(one * two) - first * second
    light, contrast = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    above = (2 * first * second + light) * (2 * spread[2] + contrast)
    below = (first**2 + second**2 + light) * (spread[0] + spread[1] + contrast)
    return float((above / below).mean(dtype=np.float64))


def edit_magnitude(result: Picture, source: Picture, mask: Flags) -> float:
    """Size of the edit: mean colour difference (Delta E) to the source inside the matte. No edit scores 0."""
    return _mean(delta_e(result, source)[mask])


def warp_error(now: Picture, then: Picture, flow: Flow, mask: Flags) -> float:
    """Warp error of two frames: mean squared difference along the motion inside the matte, levels squared.

    `flow` is the source's, from the frame of `now` to that of `then`; pixels that it cannot follow are left out.
    """
    return mean_square(warped(then.astype(np.float32), flow), now, mask & flow.valid)


def warp_ratio(results: Sequence[float], sources: Sequence[float]) -> float:
    """Mean warp error of the result over that of the source: 1 means as steady as the source."""
    below = float(np.nanmean(sources))
    return float(np.nanmean(results)) / below if below > 0 else float("nan")


def seam_ratio(errors: Sequence[float], joins: Sequence[int]) -> float:
    """Mean warp error at the joins over the median elsewhere; `errors[i]` is that of frame i against the one before."""
    values = np.asarray(errors, float)
    at = np.zeros(len(values), bool)
    at[list(joins)] = True
    if np.isnan(values[at]).all() or np.isnan(values[~at]).all():
        return float("nan")
    usual = float(np.nanmedian(values[~at]))
    return float(np.nanmean(values[at])) / usual if usual > 0 else float("nan")


@dataclass
class Flicker:
    """Flicker: mean absolute change of brightness from frame to frame, in levels, where the picture should stand still.

    The pictures are added in order and are registered to each other already.
    """

    _last: Floats | None = None
    _changes: list[float] = field(default_factory=list)

    def add(self, picture: Picture, mask: Flags) -> None:
        """Add the next frame; `mask` marks where it should stand still."""
        grey = cv2.cvtColor(picture.astype(np.float32), cv2.COLOR_RGB2GRAY)
        if self._last is not None and mask.any():
            self._changes.append(float(np.abs(grey - self._last)[mask].mean()))
        self._last = grey

    def over_a_gap(self) -> "Flicker":
        """This measurement, going on without a comparison of the next frame with the last one."""
        return Flicker(None, self._changes)

    @property
    def level(self) -> float:
        """Flicker in levels per frame; NaN before the second frame."""
        return _mean(np.array(self._changes))


@dataclass
class MeanColour:
    """The mean Lab colour of a region over the frames of one window."""

    _sum: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    _count: int = 0

    def add(self, picture: Picture, mask: Flags) -> None:
        """Add the masked pixels of one frame."""
        if mask.any():
            self._sum += lab(picture[mask][None])[0].sum(axis=0, dtype=np.float64)
            self._count += int(mask.sum())

    @property
    def value(self) -> NDArray[np.float64]:
        """L, a, b; NaN when nothing was added."""
        result: NDArray[np.float64] = self._sum / self._count if self._count else np.full(3, np.nan)
        return result


def colour_drift(first: MeanColour, other: MeanColour) -> float:
    """Colour drift of a window: distance of its mean colour from the first window's, Delta E."""
    return float(np.linalg.norm(first.value - other.value))


def jerk_px(steps: Matrix, size: Size) -> float:
    """Jerk of a camera, px per frame cubed: root mean square of the third difference of position.

    It is measured at the corners of the picture's middle half, from the steps (frame -> the frame before) around each
    frame alone, so that it also holds for a camera that travels.
    """
    if len(steps) < 4:
        return 0.0
    middle = (np.array(size) - 1) / 2
    points = np.broadcast_to(middle + (corners(size) - middle) / 2, (len(steps) - 3, 4, 2))
    before, next_, last = (steps[first : len(steps) - 3 + first, None] for first in (1, 2, 3))
    jerks = moved(next_ @ last, points) - 3 * moved(next_, points) + 3 * points - moved(np.linalg.inv(before), points)
    return float(np.sqrt((jerks**2).mean()))


def _mean(values: Floats | NDArray[np.float64]) -> float:
    return float(values.mean(dtype=np.float64)) if values.size else float("nan")
