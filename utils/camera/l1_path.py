"""L1-optimal camera path: like a camera on a tripod it stands still, pans at constant speed or accelerates evenly.

Among all paths near the Gaussian-smoothed one it has the least sum of absolute speed, acceleration and jerk; in the
minimum of such an L1 norm most terms are exactly zero. It is found by linear programming, separately for the two
shifts, the rotation and the zoom, as a correction of the smoothed path.
"""

import numpy as np
from numpy.typing import NDArray

from utils.image import Size
from utils.image.geometry import Matrix, inverse, middle_of, normal, shift_turn_zoom, steps_after

Track = NDArray[np.float64]

WEIGHTS = (0.1, 2.0, 20.0, 200.0)
"""Weights of distance from the smoothed path, speed, acceleration, jerk. Less weight on distance shortens pans."""
SHIFT_REACH, TURN_REACH, ZOOM_REACH = 0.06, 0.03, 0.03
"""Largest distance from the smoothed path: in half pictures, radians, and as a share."""
MIN_FRAMES = 8
"""Shots of fewer frames keep the smoothed path."""


def l1_optimal(steps: Matrix, steady: Matrix, size: Size) -> Matrix:
    """The L1-optimal frame -> stable picture (n x 3 x 3), from the camera's steps and the smoothed path."""
    if len(steps) < MIN_FRAMES:
        return steady
    middle = middle_of(size)
    track = _summed_track(inverse(middle) @ steps_after(steps, steady) @ middle)
    reaches = (SHIFT_REACH, SHIFT_REACH, TURN_REACH, ZOOM_REACH)
    optimal = [_minimised(track, reach) for track, reach in zip(track.T, reaches, strict=True)]
    correction = track - np.stack(optimal, 1)
    return normal(middle @ _similarity(correction) @ inverse(middle) @ steady)


def _summed_track(steps: Matrix) -> Track:
    """The smoothed camera's track, n x (right, down, turn, zoom): its steps, summed."""
    return np.concatenate([np.zeros((1, 4)), np.cumsum(shift_turn_zoom(normal(steps[1:])), 0)])


def _minimised(track: Track, reach: float) -> Track:
    """Linear program: the track within `reach` of the given one, and equal at both ends, with the least L1 cost."""
    from scipy import sparse
    from scipy.optimize import linprog  # takes half a second, which only this path needs

    count = len(track)
    free = np.full(count, reach)
    free[[0, -1]] = 0
    steps = [sparse.eye(count, format="csr")]
    while len(steps) < len(WEIGHTS):
        steps.append(steps[-1][1:] - steps[-1][:-1])
    rows = sparse.vstack(steps, format="csr")
    costs = [np.full(step.shape[0], weight) for weight, step in zip(WEIGHTS, steps, strict=True)]
    slack = sparse.eye(rows.shape[0], format="csr")
    there = np.concatenate([track, np.zeros(rows.shape[0] - count)])
    bounds = [*zip(track - free, track + free, strict=True), *[(0, None)] * rows.shape[0]]
    solution = linprog(
        np.concatenate([np.zeros(count), *costs]),
        A_ub=sparse.bmat([[rows, -slack], [-rows, -slack]], format="csr"),
        b_ub=np.concatenate([there, -there]),
        bounds=bounds,
        method="highs",
    )
    best: Track = solution.x[:count] if solution.success else track
    return best


def _similarity(moves: Track) -> Matrix:
    """Similarity matrices (n x 3 x 3) of moves (n x right, down, turn, zoom)."""
    right, down, turn, zoom = moves.T
    along, across = np.exp(zoom) * np.cos(turn), np.exp(zoom) * np.sin(turn)
    result = np.broadcast_to(np.eye(3), (len(moves), 3, 3)).copy()
    result[:, :2, 0] = np.stack([along, across], 1)
    result[:, :2, 1] = np.stack([-across, along], 1)
    result[:, :2, 2] = np.stack([right, down], 1)
    return result
