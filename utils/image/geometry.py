"""3 x 3 homographies on pixel coordinates. A pixel's coordinates are those of its centre; the first one is (0, 0)."""

import numpy as np
from numpy.typing import NDArray

from utils.image import Size

Matrix = NDArray[np.float64]
"""3 x 3, or a stack of them: n x 3 x 3."""

Points = NDArray[np.float64]
"""n x 2, x to the right and y down, in pixels."""


def moved(matrix: Matrix, points: Points) -> Points:
    """Points transformed by one matrix, or each by its own matrix of a stack."""
    homogeneous = np.concatenate([points, np.ones((*points.shape[:-1], 1))], axis=-1)
    through = np.squeeze(matrix @ homogeneous[..., None], -1)
    result: Points = through[..., :2] / through[..., 2:]
    return result


def normal(matrix: Matrix) -> Matrix:
    """The matrix scaled so that its last element is 1."""
    result: Matrix = matrix / matrix[..., 2:, 2:]
    return result


def inverse(matrix: Matrix) -> Matrix:
    """The inverse homography, normalised."""
    return normal(np.linalg.inv(matrix))


def steps(matrices: Matrix) -> Matrix:
    """Frame -> the frame before (n x 3 x 3), of frames that each lead into one picture; the first has the identity."""
    return np.concatenate([np.eye(3)[None], normal(inverse(matrices[:-1]) @ matrices[1:])])


def steps_after(steps: Matrix, moves: Matrix) -> Matrix:
    """Steps from frame to frame as they are after each frame was moved by its own matrix."""
    return np.concatenate([np.eye(3)[None], normal(moves[:-1] @ steps[1:] @ inverse(moves[1:]))])


def shift(x_px: float, y_px: float) -> Matrix:
    """Translation to the right and down."""
    return np.array([[1, 0, x_px], [0, 1, y_px], [0, 0, 1]], float)


def resize(source: Size, target: Size) -> Matrix:
    """Scaling from pixels of one picture size to those of another; the pictures' edges coincide, not pixel centres."""
    x, y = target.width_px / source.width_px, target.height_px / source.height_px
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]], float)


def corners(size: Size) -> Points:
    """Coordinates of the four corner pixels."""
    right, bottom = size.width_px - 1, size.height_px - 1
    return np.array([[0, 0], [right, 0], [right, bottom], [0, bottom]], float)


def shift_turn_zoom(similarities: Matrix) -> NDArray[np.float64]:
    """What similarities do, n x 4: shift to the right and down, turn, and the logarithm of the zoom."""
    right, down = similarities[:, 0, 2], similarities[:, 1, 2]
    along, across = similarities[:, 0, 0], similarities[:, 1, 0]
    return np.stack([right, down, np.arctan2(across, along), np.log(np.hypot(along, across))], axis=1)


def stretch(matrix: Matrix, size: Size) -> float:
    """By how much the edges of the picture change their length at most; infinite if a corner gets behind the camera."""
    before = corners(size)
    if (np.column_stack([before, np.ones(4)]) @ matrix[2] <= 0).any():
        return float("inf")
    lengths = [np.linalg.norm(np.roll(each, -1, axis=0) - each, axis=1) for each in (before, moved(matrix, before))]
    ratios = lengths[1] / np.maximum(lengths[0], 1e-9)
    return float(max(ratios.max(), 1 / max(ratios.min(), 1e-9)))


def middle_of(size: Size) -> Matrix:
    """Matrix from normalised coordinates (about -1 to 1, around the picture's middle) to pixels."""
    half = max(size) / 2
    return np.array([[half, 0, (size.width_px - 1) / 2], [0, half, (size.height_px - 1) / 2], [0, 0, 1]], float)


def nearest_similarity(matrices: Matrix, size: Size) -> Matrix:
    """The similarity (shift, rotation, zoom) nearest to each homography in its effect on the picture's corners."""
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
