"""Where a picture is looked at, and where a clip is over time: faces where there are some, else what stands out in it.

What stands out is the spectral residual (Hou and Zhang 2007) times the gradient, a little weighted to the middle; over
time, points are averaged by a Gaussian, and never across a cut.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image.arrays import RGB

Values = NDArray[np.float64]
WIDE = 64
"""Width that a picture is looked at in."""
TOP_SHARE = 0.05
"""The share of a picture that stands out the most, and whose middle is taken."""
MIDDLE = 0.6
"""Standard deviation of the weight of the middle, as a share of the picture."""
PLAIN = 2.0
"""A picture with less contrast than this, in grey levels, has nothing that stands out."""


def focal_point(rgb: RGB) -> tuple[float, float]:
    """x and y, from 0 to 1, of what stands out in a picture; the middle where nothing does."""
    height, width = rgb.shape[:2]
    small_height = max(8, round(WIDE * height / width))
    grey = cv2.cvtColor(cv2.resize(rgb, (WIDE, small_height), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    values = grey.astype(np.float64)
    if values.std() < PLAIN:
        return 0.5, 0.5
    standing = _residual(values) * _gradient(values) * _middle(values.shape)
    weights = np.where(standing >= np.quantile(standing, 1 - TOP_SHARE), standing, 0.0)
    rows, columns = np.indices(values.shape)
    total = weights.sum()
    if total <= 0:
        return 0.5, 0.5
    x, y = float((weights * columns).sum() / total), float((weights * rows).sum() / total)
    return (x + 0.5) / values.shape[1], (y + 0.5) / values.shape[0]


def smoothed(
    points: Sequence[tuple[float, float]], times_s: Sequence[float], shots: Sequence[int], sigma_s: float
) -> Values:
    """Points, n x 2, averaged over time by a Gaussian among those of the same shot."""
    if not points:
        return np.zeros((0, 2))
    given, at, shot = np.array(points, np.float64), np.array(times_s, np.float64), np.array(shots)
    result = np.empty_like(given)
    for index in range(len(given)):
        near = slice(*np.searchsorted(at, [at[index] - 3 * sigma_s, at[index] + 3 * sigma_s + 1e-9]))
        weights = np.exp(-0.5 * ((at[near] - at[index]) / sigma_s) ** 2) * (shot[near] == shot[index])
        result[index] = (weights[:, None] * given[near]).sum(axis=0) / weights.sum()
    return result


def _residual(values: Values) -> Values:
    """What of the spectrum's logarithm differs from its neighbourhood, back in the picture."""
    spectrum = np.fft.fft2(values)
    size = np.log(np.abs(spectrum) + 1e-6)
    residual = size - cv2.blur(size, (3, 3))
    back = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    return np.asarray(cv2.GaussianBlur(back, (0, 0), 2.5))


def _gradient(values: Values) -> Values:
    """Its strength, in the neighbourhood."""
    dx, dy = cv2.Sobel(values, cv2.CV_64F, 1, 0), cv2.Sobel(values, cv2.CV_64F, 0, 1)
    return np.asarray(cv2.GaussianBlur(np.hypot(dx, dy), (0, 0), 2.5))


def _middle(shape: tuple[int, ...]) -> Values:
    rows, columns = (np.linspace(-1, 1, length) / (2 * MIDDLE) for length in shape[:2])
    return np.asarray(np.exp(-0.5 * (rows[:, None] ** 2 + columns[None] ** 2)))
