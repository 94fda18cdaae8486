"""The homography that most points agree on, from a guess: points that lie off count the less the farther off they lie.

Unlike a vote between samples of four points, all points that agree share in the result, each by how well it agrees.
"""

import numpy as np
from numpy.typing import NDArray

from utils.image import Size
from utils.image.geometry import Matrix, Points, inverse, middle_of, moved, normal

Weights = NDArray[np.float64]

ROUNDS = 10
LEAST_PX, MOST_PX = 0.5, 1.5
"""How far a point that agrees lies off: half of the points say how far, within these bounds."""
FIRST_PX = 6.0
"""The upper bound while the guess may be off; it halves from round to round."""
ENOUGH = 8.0
"""The weight of all points; less determines nothing."""
SETTLED_PX = 1e-3
HOLD = 1e-2
"""As much as this share of a point at the rim: how strongly a matrix stays where the points do not tell."""


def fitted(points: Points, there: Points, guess: Matrix, size: Size) -> Matrix | None:
    """Moves `points` to where they are in a picture of `size`; None when too few of them agree."""
    to_middle, px = inverse(middle_of(size)), max(size) / 2
    start, end = moved(to_middle, points), moved(to_middle, there)
    matrix = to_middle @ guess @ inverse(to_middle)
    squares, products = _equations(start, end)
    off = _off_px(matrix, start, end, px)
    for bound_px in np.maximum(MOST_PX, FIRST_PX / 2.0 ** np.arange(ROUNDS)):
        weights = _weights(off, bound_px)
        if weights.sum() < ENOUGH:
            return None
        matrix = _solved(np.einsum("n,nk->k", weights, squares), np.einsum("n,nk->k", weights, products), matrix)
        before, off = off, _off_px(matrix, start, end, px)
        if np.abs(before - off).max() < SETTLED_PX:
            break
    return normal(inverse(to_middle) @ matrix @ to_middle)


def _solved(squares: Weights, products: Weights, before: Matrix) -> Matrix:
    """The best matrix for these weights; in what the points do not tell it stays as before."""
    entries = before.ravel()[:8] / before[2, 2]
    left = squares.reshape(8, 8)
    change = np.linalg.solve(left + HOLD * np.eye(8), products - left @ entries)
    return np.append(entries + change, 1).reshape(3, 3)


def _weights(off_px: Weights, bound_px: float) -> Weights:
    """Geman's and McClure's: next to nothing for what lies far off."""
    scale = np.clip(1.48 * np.median(off_px), LEAST_PX, bound_px)
    weights: Weights = (1 + (off_px / scale) ** 2) ** -2
    return weights


def _off_px(matrix: Matrix, start: Points, end: Points, px: float) -> Weights:
    off: Weights = px * np.linalg.norm(moved(matrix, start) - end, axis=1)
    return off


def _equations(start: Points, end: Points) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What each point says of the first eight entries of the matrix: n x 64 and n x 8 parts of normal equations."""
    rows = np.zeros((len(start), 2, 8))
    rows[:, 0, 0:2] = rows[:, 1, 3:5] = start
    rows[:, 0, 2] = rows[:, 1, 5] = 1
    rows[:, :, 6:] = -end[:, :, None] * start[:, None]
    squares = np.swapaxes(rows, 1, 2) @ rows
    return squares.reshape(-1, 64), (end[:, None] @ rows)[:, 0]
