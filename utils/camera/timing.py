"""Timestamps that lie: frames whose motion does not fit the time that their timestamps claim.

A recorder that stamps frames late, twice or backwards films evenly all the same: the path of the camera is smooth in
even time, and jumps in the time that is stamped. At a true variable rate it is the other way round. Intervals of an
unusual length are judged by which of the two times predicts each frame better from the frames around it.
"""

import numpy as np
from numpy.typing import NDArray

from utils.image import Size
from utils.image.geometry import Matrix, inverse, middle_of, nearest_similarity, normal, shift_turn_zoom

Doubles = NDArray[np.float64]

USUAL_SHARE = 0.25
"""An interval is unusual when it differs from the usual one by more than this share."""
IMPOSSIBLE_SHARE = 0.2
"""No camera takes two frames within this share of the usual interval: stamps around them are believed on evidence."""
NEAR = 4
"""Unusual intervals with fewer others between them are judged together."""
MIN_EVIDENCE = 6.0
"""Evidence from which on timestamps are not believed: the logarithm of how much likelier even frames are."""
LEAST_RESIDUAL = 2e-4
"""Residuals below this, in half pictures, are noise."""
LEAST_GAP = 0.1
"""Frames nearer in time than this share of the usual interval count as this far apart."""
STENCIL = (-2, -1, 1, 2)
"""The frames around one from which it is predicted."""


def mistimed(steps: Matrix, times_s: Doubles, size: Size) -> tuple[int, ...]:
    """The frames of one shot whose time since the frame before is not what the timestamps say, judged by the motion.

    Where the camera hardly moves there is no evidence, and timestamps are believed.
    """
    intervals_s = np.diff(times_s)
    if len(intervals_s) < 2 * len(STENCIL):
        return ()
    usual_s = float(np.median(intervals_s))
    if usual_s < IMPOSSIBLE_SHARE * intervals_s.mean():
        usual_s = float(intervals_s.mean())
    lengths = intervals_s / usual_s
    unusual = np.flatnonzero(np.abs(lengths - 1) > USUAL_SHARE)
    if not len(unusual):
        return ()
    evidence = _evidence(_track(steps, size), lengths)
    if evidence[unusual].sum() > MIN_EVIDENCE * max(1.0, np.sqrt(len(unusual))):
        return tuple((unusual + 1).tolist())
    found: list[int] = []
    for group in np.split(unusual, np.flatnonzero(np.diff(unusual) > NEAR) + 1):
        is_possible = lengths[group].min() > IMPOSSIBLE_SHARE
        if evidence[group].sum() > (MIN_EVIDENCE if is_possible else -MIN_EVIDENCE):
            found += (group + 1).tolist()
    return tuple(found)


def _track(steps: Matrix, size: Size) -> Doubles:
    """The camera's way, n x 4: right, down, rotation and zoom, in half pictures, summed from its steps."""
    middle = middle_of(size)
    forth = normal(inverse(middle) @ nearest_similarity(inverse(steps), size) @ middle)
    return np.cumsum(shift_turn_zoom(forth), axis=0)


def _evidence(track: Doubles, lengths: Doubles) -> Doubles:
    """For each interval, by how much likelier its frames are if they are even than if the timestamps are right.

    Residuals have long tails, as shake has: Student's t distribution with 3 degrees of freedom, in the scale of the
    residuals of the better of the two.
    """
    times = np.concatenate([[0.0], np.cumsum(np.maximum(lengths, LEAST_GAP))])
    stamped, even = (_residuals(track, each) for each in (times, np.arange(len(track), dtype=float)))
    scale = np.minimum(*(1.48 * np.median(np.abs(each), axis=0) for each in (stamped, even))) + LEAST_RESIDUAL
    losses = [2 * np.log1p((each / scale) ** 2 / 3).sum(axis=1) for each in (stamped, even)]
    of_frames = np.zeros(len(track))
    of_frames[2:-2] = losses[0] - losses[1]
    return np.asarray((of_frames[:-1] + of_frames[1:]) / 2)


def _residuals(track: Doubles, times: Doubles) -> Doubles:
    """How far each frame, except two at each end, lies from the cubic through the frames around it: (n - 4) x 4."""
    count = len(track) - 4
    at = times[2 : 2 + count]
    near = [times[2 + offset : 2 + offset + count] for offset in STENCIL]
    predicted = np.zeros((count, track.shape[1]))
    for this, offset in enumerate(STENCIL):
        others = [each for index, each in enumerate(near) if index != this]
        weight = np.prod([(at - other) / (near[this] - other) for other in others], axis=0)
        predicted += weight[:, None] * track[2 + offset : 2 + offset + count]
    return np.asarray(track[2 : 2 + count] - predicted)
