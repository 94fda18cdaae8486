"""Cleaning of joint tracks: removal of short outliers, and smoothing by local quadratic regression.

A parabola with Gaussian weights is fitted around every moment, from both sides, so nothing lags. Joints with more
confidence count more, lone outliers less. No fit reaches across a cut, across a long gap of the joint, or across the
moment in which a foot lands or leaves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from utils.people.pose import Poses

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

LONGEST_S = 0.11
"""Longest outlier, from the last good frame before to the first after: three frames at 30 per second."""
AWAY_LEG, BACK_LEG = 0.25, 0.1
"""An outlier moves at least the first (in leg lengths) away and returns within the second: no joint moves like that."""
DEVIATION_S, DEVIATION_STEPS = 0.045, 0.6
"""Standard deviation of the Gaussian weights; at least this part of the time from one measured frame to the next."""
REACH = 3.0
"""Neighbours farther away than this many standard deviations are left out."""
GAP_FRAMES = 4
"""Gaps of up to this many frames are filled."""
FILLED_IN = 0.02
"""Weight of a joint in a frame that was itself interpolated, relative to a measured one."""
LEAN, BEND = 0.02, 0.15
"""Ridge regularisation of the parabola's slope and curvature where there is little data to fit them to."""
OUTLIER = 3.0
"""A joint that misses its curve by this many times its usual misfit counts half."""
LEAST_MISFIT_PX = 0.5
"""Lower bound of the usual misfit."""


@dataclass(frozen=True)
class _Tracks:
    """Joint positions (n x 33 x 2), weights (n x 33), and which frames a fit may combine.

    Frames with equal numbers in `part` may be combined, and a part with an `edge` frame that directly follows it.
    """

    times_s: Values
    deviation_s: float
    points: Values
    weights: Values
    part: NDArray[np.int64]
    edge: Flags


def remove_outliers(poses: Poses, times_s: Values) -> Poses:
    """The poses without joints that jump away for a moment (to the other leg, into the background) and come back."""
    keypoints, confidence = poses.keypoints.copy(), poses.confidence.copy()
    leg_px = poses.leg_px()
    for step in range(2, len(poses)):
        pairs_within = np.flatnonzero(times_s[step:] - times_s[:-step] <= LONGEST_S)
        if not len(pairs_within):
            break
        for first in pairs_within:
            ends, between = keypoints[[first, first + step]], slice(first + 1, first + step)
            there_px = np.fmax(leg_px[first], leg_px[first + step])
            back = np.linalg.norm(ends[1] - ends[0], axis=-1) < BACK_LEG * there_px
            away = np.linalg.norm(keypoints[between] - ends.mean(axis=0), axis=-1) > AWAY_LEG * there_px
            outlier = back & away.any(axis=0)
            keypoints[between, outlier] = np.nan
            confidence[between, outlier] = 0
    return Poses(keypoints, confidence, poses.measured)


def smoothed(
    poses: Poses, times_s: Values, breaks: Sequence[int], edges: Mapping[int, Sequence[int]] | None = None
) -> Poses:
    """The poses with smoothed joints and short gaps filled.

    `breaks` are the first frames of shots; `edges` gives for a landmark the frames at which its contact begins or ends.
    """
    if not len(poses):
        return poses
    tracks = _tracks(poses, np.asarray(times_s, float), breaks, edges or {})
    known = np.isfinite(poses.keypoints[..., 0])
    fitted = _fitted(tracks, tracks.weights)
    fitted = _fitted(tracks, tracks.weights * _robust_weights(tracks, fitted, known))
    filled = _short_gaps(known, tracks.part)
    keypoints = np.where((known | filled)[..., None], fitted, np.nan).astype(np.float32)
    confidence = np.where(filled, _nearby(poses.confidence.astype(float)), poses.confidence)
    known_now = np.isfinite(keypoints[..., 0])
    return Poses(keypoints, np.where(known_now, confidence, 0).astype(np.float32), poses.measured)


def _tracks(poses: Poses, times_s: Values, breaks: Sequence[int], edges: Mapping[int, Sequence[int]]) -> _Tracks:
    """Weights, and the parts of the clip within which joints may be fitted together."""
    known = np.isfinite(poses.keypoints[..., 0])
    walls = _gap_ends(known)
    walls[[frame for frame in breaks if frame < len(poses)]] = True
    soft = np.zeros_like(walls)
    for landmark, frames in edges.items():
        soft[[frame for frame in frames if 0 <= frame < len(poses)], landmark] = True
    weights = np.where(known, np.maximum(poses.confidence, 1e-3) ** 2, 0.0)
    weights = weights * np.where(poses.measured, 1.0, FILLED_IN)[:, None]
    return _Tracks(
        times_s, _deviation_s(times_s[poses.measured]), np.nan_to_num(poses.keypoints.astype(float)), weights,
        np.cumsum(walls | soft, axis=0), soft & ~walls,
    )  # fmt: skip


def _deviation_s(measured_s: Values) -> float:
    """Standard deviation of the Gaussian weights, as short as the distance of the measured frames allows."""
    step_s = float(np.median(np.diff(measured_s))) if len(measured_s) > 1 else 0.0
    return max(DEVIATION_S, DEVIATION_STEPS * step_s)


def _gap_ends(known: Flags) -> Flags:
    """Marks the first frame with a joint after a gap that is too long to be filled."""
    ends = np.zeros_like(known)
    missing = np.zeros(known.shape[1], int)
    for index, row in enumerate(known):
        ends[index] = row & (missing > GAP_FRAMES)
        missing = np.where(row, 0, missing + 1)
    return ends


def _short_gaps(known: Flags, part: NDArray[np.int64]) -> Flags:
    """Marks missing joints that have known ones of the same part close before and after."""
    count = len(known)
    numbers = np.arange(count)[:, None]
    before = np.maximum.accumulate(np.where(known, numbers, -1), axis=0)
    after = np.minimum.accumulate(np.where(known, numbers, count)[::-1], axis=0)[::-1]
    inside = (before >= 0) & (after < count) & (after - before <= GAP_FRAMES + 1)
    ends = np.clip(before, 0, None), np.clip(after, None, count - 1)
    same = np.take_along_axis(part, ends[0], axis=0) == np.take_along_axis(part, ends[1], axis=0)
    gaps: Flags = ~known & inside & same
    return gaps


def _fitted(tracks: _Tracks, weights: Values) -> Values:
    """Local quadratic regression at every frame: n x 33 x 2 px; NaN where no neighbour is near."""
    sums = np.zeros((5, *weights.shape))
    moments = np.zeros((3, *tracks.points.shape))
    for here, there in _neighbour_slices(tracks.times_s, REACH * tracks.deviation_s):
        offset = ((tracks.times_s[there] - tracks.times_s[here]) / tracks.deviation_s)[:, None]
        weight = np.exp(-0.5 * offset**2) * weights[there] * _usable(tracks, here, there)
        for power in range(5):
            sums[power, here] += weight * offset**power
        for power in range(3):
            moments[power, here] += (weight * offset**power)[..., None] * tracks.points[there]
    return _solved(sums, moments)


def _neighbour_slices(times_s: Values, reach_s: float) -> Iterator[tuple[slice, slice]]:
    """Slices of frames and of their neighbours at distance 0, 1, 2, ... until every pair is beyond `reach_s`."""
    count = len(times_s)
    for step in range(count):
        if step and (times_s[step:] - times_s[:-step]).min() > reach_s:
            return
        yield slice(0, count - step), slice(step, count)
        if step:
            yield slice(step, count), slice(0, count - step)


def _usable(tracks: _Tracks, here: slice, there: slice) -> Flags:
    """Marks the joints whose neighbour may be used: in the same part, or the edge frame at its end."""
    parts_ahead = tracks.part[there] - tracks.part[here]
    usable: Flags = (parts_ahead == 0) | ((parts_ahead == 1) & tracks.edge[there])
    return usable


def _solved(sums: Values, moments: Values) -> Values:
    """Solve the normal equations of the weighted parabolas: the value of each at its own frame."""
    s0, s1, s2, s3, s4 = sums
    slope, bend = s2 + LEAN * s0, s4 + BEND * s0
    c0, c1, c2 = slope * bend - s3 * s3, s2 * s3 - s1 * bend, s1 * s3 - s2 * slope
    determinant = np.maximum(s0 * c0 + s1 * c1 + s2 * c2, 1e-30)
    value = (c0[..., None] * moments[0] + c1[..., None] * moments[1] + c2[..., None] * moments[2]) / determinant[
        ..., None
    ]
    result: Values = np.where((sums[0] > 1e-6)[..., None], value, np.nan)
    return result


def _robust_weights(tracks: _Tracks, fitted: Values, known: Flags) -> Values:
    """Robust weights: less for a joint that misses its curve by more than it usually does."""
    misfit = np.where(known, np.linalg.norm(fitted - tracks.points, axis=-1), np.nan)
    usual = np.array([np.nanmedian(joint) if np.isfinite(joint).any() else 0.0 for joint in misfit.T])
    times = np.nan_to_num(misfit) / (OUTLIER * np.maximum(usual, LEAST_MISFIT_PX))
    weights: Values = 1 / (1 + times**2)
    return weights


def _nearby(confidence: Values) -> Values:
    """Half of the best confidence within GAP_FRAMES: a filled joint is known less well."""
    best = confidence.copy()
    for step in range(1, GAP_FRAMES + 1):
        best[step:] = np.maximum(best[step:], confidence[:-step])
        best[:-step] = np.maximum(best[:-step], confidence[step:])
    return best / 2
