"""3 x 3 matrices that move pixels. A pixel's coordinates are those of its centre; the first one's is (0, 0)."""

import numpy as np
from numpy.typing import NDArray

from utils.image import Size

Matrix = NDArray[np.float64]
"""3 x 3, or a stack of them: n x 3 x 3."""

Points = NDArray[np.float64]
"""n x 2, x to the right and y down, in pixels."""


def moved(matrix: Matrix, points: Points) -> Points:
    """Points through one matrix, or each through its own of a stack."""
    homogeneous = np.concatenate([points, np.ones((*points.shape[:-1], 1))], axis=-1)
    through = np.squeeze(matrix @ homogeneous[..., None], -1)
    result: Points = through[..., :2] / through[..., 2:]
    return result


def normal(matrix: Matrix) -> Matrix:
    """The same move with 1 in the last corner."""
    result: Matrix = matrix / matrix[..., 2:, 2:]
    return result


def inverse(matrix: Matrix) -> Matrix:
    """The way back."""
    return normal(np.linalg.inv(matrix))


def shift(x_px: float, y_px: float) -> Matrix:
    """A move to the right and down."""
    return np.array([[1, 0, x_px], [0, 1, y_px], [0, 0, 1]], float)


def resize(source: Size, target: Size) -> Matrix:
    """From the pixels of one size of a picture to those of another: edges meet edges, not centres centres."""
    x, y = target.width_px / source.width_px, target.height_px / source.height_px
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]], float)


def corners(size: Size) -> Points:
    """The centres of the four corner pixels."""
    right, bottom = size.width_px - 1, size.height_px - 1
    return np.array([[0, 0], [right, 0], [right, bottom], [0, bottom]], float)


def middle_of(size: Size) -> Matrix:
    """From coordinates of about one around the middle of a picture to its pixels."""
    half = max(size) / 2
    return np.array([[half, 0, (size.width_px - 1) / 2], [0, half, (size.height_px - 1) / 2], [0, 0, 1]], float)


def nearest_similarity(matrices: Matrix, size: Size) -> Matrix:
    """Of n x 3 x 3, the shift, turn and zoom nearest to what each does to the corners of a picture."""
    middle = middle_of(size)
    local = inverse(middle) @ matrices @ middle
    points = moved(inverse(middle), corners(size))
    there = np.stack([moved(local, np.broadcast_to(point, (len(matrices), 2))) for point in points], 1)
    centre, points = there.mean(axis=1), points - points.mean(axis=0)
    away = there - centre[:, None]
    spread = (points**2).sum()
    along = (away * points).sum(axis=(1, 2)) / spread
    across = (away[..., 1] * points[:, 0] - away[..., 0] * points[:, 1]).sum(axis=1) / spread
    result = np.broadcast_to(np.eye(3), matrices.shape).copy()
    result[:, :2, 0] = np.stack([along, across], 1)
    result[:, :2, 1] = np.stack([-across, along], 1)
    result[:, :2, 2] = centre
    return normal(middle @ result @ inverse(middle))
