"""The path that a tripod would have taken: still, turning at an even pace, or speeding up evenly, and little else.

An L1-optimal path: of those near the averaged one, the one with the least sum of speed, acceleration and jerk. A sum of
absolute values is least where most of them are nothing at all. It is found by linear programming, for the two shifts,
the turn and the zoom apart, as what is added to an already averaged camera.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from utils.image import Size
from utils.image.geometry import Matrix, inverse, middle_of, normal

Track = NDArray[np.float64]

WEIGHTS = (0.1, 2.0, 20.0, 200.0)
"""Of distance from the averaged path, speed, acceleration and jerk. With less weight on distance pans get shorter."""
SHIFT_REACH, TURN_REACH, ZOOM_REACH = 0.06, 0.03, 0.03
"""How far from the averaged path: in half pictures, radians, and as a share."""
SHORTEST = 8


def on_tripod(cameras: Matrix, steady: Matrix, size: Size) -> Matrix:
    """Frame -> stable picture, n x 3 x 3, from the measured camera and the averaged frame -> stable picture."""
    if len(cameras) < SHORTEST:
        return steady
    middle = middle_of(size)
    calm = inverse(middle) @ cameras @ inverse(steady) @ middle
    walked = _walked(calm)
    reaches = (SHIFT_REACH, SHIFT_REACH, TURN_REACH, ZOOM_REACH)
    wanted = [_least(track, reach) for track, reach in zip(walked.T, reaches, strict=True)]
    away = walked - np.stack(wanted, 1)
    return normal(middle @ _similarity(away) @ inverse(middle) @ steady)


def _walked(calm: Matrix) -> Track:
    """Where the averaged camera went: n x (right, down, turn, zoom), added up from one frame to the next."""
    steps = normal(inverse(calm[:-1]) @ calm[1:])
    turn = np.arctan2(steps[:, 1, 0], steps[:, 0, 0])
    zoom = np.log(np.hypot(steps[:, 0, 0], steps[:, 1, 0]))
    moves = np.stack([steps[:, 0, 2], steps[:, 1, 2], turn, zoom], 1)
    return np.concatenate([np.zeros((1, 4)), np.cumsum(moves, 0)])


def _least(track: Track, reach: float) -> Track:
    """The track within reach of another, from its start to its end, that has the least speed, acceleration and jerk."""
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
    found = linprog(
        np.concatenate([np.zeros(count), *costs]),
        A_ub=sparse.bmat([[rows, -slack], [-rows, -slack]], format="csr"),
        b_ub=np.concatenate([there, -there]),
        bounds=bounds,
        method="highs",
    )
    best: Track = found.x[:count] if found.success else track
    return best


def _similarity(moves: Track) -> Matrix:
    """n x 3 x 3 of n x (right, down, turn, zoom)."""
    right, down, turn, zoom = moves.T
    along, across = np.exp(zoom) * np.cos(turn), np.exp(zoom) * np.sin(turn)
    result = np.broadcast_to(np.eye(3), (len(moves), 3, 3)).copy()
    result[:, :2, 0] = np.stack([along, across], 1)
    result[:, :2, 1] = np.stack([-across, along], 1)
    result[:, :2, 2] = np.stack([right, down], 1)
    return result
