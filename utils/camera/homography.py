"""Robust homography fit: iteratively reweighted least squares, starting from a guess.

Points count less the farther they lie off (Geman-McClure weights). Unlike RANSAC, which picks samples of four points,
all points that agree contribute to the result, each by how well it agrees.
"""

import numpy as np
from numpy.typing import NDArray

from utils.image import Size
from utils.image.geometry import Matrix, Points, inverse, middle_of, moved, normal

Weights = NDArray[np.float64]

MAX_ROUNDS = 10
MIN_SCALE_PX, MAX_SCALE_PX = 0.5, 1.5
"""Bounds of the scale of the weights, which is otherwise 1.48 times the median residual."""
FIRST_MAX_SCALE_PX = 6.0
"""Upper bound of the scale in the first round, while the guess may be off; it halves from round to round."""
MIN_TOTAL_WEIGHT = 8.0
"""Least sum of all weights; with less the points do not determine a homography."""
SETTLED_PX = 1e-3
"""The fit has converged when no residual changes by more than this."""
DAMPING = 1e-2
"""Damping: how strongly an entry stays as it was where the points do not determine it, in points at the rim."""


def fitted(points: Points, there: Points, guess: Matrix, size: Size) -> Matrix | None:
    """The homography that moves `points` to `there` in a picture of `size`; None when too few points agree."""
    to_middle, px = inverse(middle_of(size)), max(size) / 2
    start, end = moved(to_middle, points), moved(to_middle, there)
    matrix = to_middle @ guess @ inverse(to_middle)
    squares, products = _normal_equations(start, end)
    residuals = _residuals_px(matrix, start, end, px)
    for bound_px in np.maximum(MAX_SCALE_PX, FIRST_MAX_SCALE_PX / 2.0 ** np.arange(MAX_ROUNDS)):
        weights = _weights(residuals, bound_px)
        if weights.sum() < MIN_TOTAL_WEIGHT:
            return None
        matrix = _solved(np.einsum("n,nk->k", weights, squares), np.einsum("n,nk->k", weights, products), matrix)
        before, residuals = residuals, _residuals_px(matrix, start, end, px)
        if np.abs(before - residuals).max() < SETTLED_PX:
            break
    return normal(inverse(to_middle) @ matrix @ to_middle)


def _solved(squares: Weights, products: Weights, before: Matrix) -> Matrix:
    """One damped least squares step: what the points do not determine stays as before."""
    entries = before.ravel()[:8] / before[2, 2]
    left = squares.reshape(8, 8)
    change = np.linalg.solve(left + DAMPING * np.eye(8), products - left @ entries)
    return np.append(entries + change, 1).reshape(3, 3)


def _weights(residuals_px: Weights, bound_px: float) -> Weights:
    """Geman-McClure weights: next to nothing for points that lie far off."""
    scale = np.clip(1.48 * np.median(residuals_px), MIN_SCALE_PX, bound_px)
    weights: Weights = (1 + (residuals_px / scale) ** 2) ** -2
    return weights


def _residuals_px(matrix: Matrix, start: Points, end: Points, px: float) -> Weights:
    """Distance of each moved point from where it should be; `px` converts from normalised coordinates."""
    residuals: Weights = px * np.linalg.norm(moved(matrix, start) - end, axis=1)
    return residuals


def _normal_equations(start: Points, end: Points) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each point's contribution (n x 64 and n x 8) to the normal equations of the matrix's first eight entries."""
    rows = np.zeros((len(start), 2, 8))
    rows[:, 0, 0:2] = rows[:, 1, 3:5] = start
    rows[:, 0, 2] = rows[:, 1, 5] = 1
    rows[:, :, 6:] = -end[:, :, None] * start[:, None]
    squares = np.swapaxes(rows, 1, 2) @ rows
    return squares.reshape(-1, 64), (end[:, None] @ rows)[:, 0]
