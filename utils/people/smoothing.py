"""Steady tracks of joints: each is fitted with a short curve around every moment, from both sides, so nothing lags.

What the model was surer of counts more; what stands out alone counts less. No fit reaches across a cut, across a
stretch in which the joint is missing, or across the moment in which a foot lands or leaves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from utils.people.pose import Poses

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

DEVIATION_S, DEVIATION_STEPS = 0.045, 0.6
"""Of the bell that weighs neighbours; at least this part of the time from one measured frame to the next."""
REACH = 3.0
"""Deviations that are looked at."""
GAP_FRAMES = 4
"""Missing stretches up to this long are filled."""
FILLED_IN = 0.02
"""What a joint counts that was itself filled in between measured frames."""
LEAN, BEND = 0.02, 0.15
"""Hold the curve's slope and bend back where there is little to fit them to."""
OUTLIER = 3.0
"""Times the usual misfit: counts half."""
LEAST_MISFIT_PX = 0.5


@dataclass(frozen=True)
class _Tracks:
    """n x 33 weights, and which frames may be seen from which: equal numbers of `part`, and an `edge` just ahead."""

    times_s: Values
    deviation_s: float
    points: Values
    weights: Values
    part: NDArray[np.int64]
    edge: Flags


def smoothed(
    poses: Poses, times_s: Values, breaks: Sequence[int], edges: Mapping[int, Sequence[int]] | None = None
) -> Poses:
    """The same poses, steadier, with short gaps filled.

    `breaks` are first frames of shots; `edges` of a landmark are the frames at which its contact begins or ends.
    """
    if not len(poses):
        return poses
    tracks = _tracks(poses, np.asarray(times_s, float), breaks, edges or {})
    known = np.isfinite(poses.keypoints[..., 0])
    fitted = _fitted(tracks, tracks.weights)
    fitted = _fitted(tracks, tracks.weights * _trust(tracks, fitted, known))
    filled = _short_gaps(known, tracks.part)
    keypoints = np.where((known | filled)[..., None], fitted, np.nan).astype(np.float32)
    confidence = np.where(filled, _nearby(poses.confidence.astype(float)), poses.confidence)
    there = np.isfinite(keypoints[..., 0])
    return Poses(keypoints, np.where(there, confidence, 0).astype(np.float32), poses.measured)


def _tracks(poses: Poses, times_s: Values, breaks: Sequence[int], edges: Mapping[int, Sequence[int]]) -> _Tracks:
    """What may be fitted with what."""
    known = np.isfinite(poses.keypoints[..., 0])
    walls = _after_long_gaps(known)
    walls[[each for each in breaks if each < len(poses)]] = True
    soft = np.zeros_like(walls)
    for landmark, frames in edges.items():
        soft[[each for each in frames if 0 <= each < len(poses)], landmark] = True
    weights = np.where(known, np.maximum(poses.confidence, 1e-3) ** 2, 0.0)
    weights = weights * np.where(poses.measured, 1.0, FILLED_IN)[:, None]
    return _Tracks(
        times_s, _deviation_s(times_s[poses.measured]), np.nan_to_num(poses.keypoints.astype(float)), weights,
        np.cumsum(walls | soft, axis=0), soft & ~walls,
    )  # fmt: skip


def _deviation_s(measured_s: Values) -> float:
    """As short as the measured frames allow."""
    step_s = float(np.median(np.diff(measured_s))) if len(measured_s) > 1 else 0.0
    return max(DEVIATION_S, DEVIATION_STEPS * step_s)


def _after_long_gaps(known: Flags) -> Flags:
    """Marks the first frame in which a joint is back after it was missing for too long."""
    walls = np.zeros_like(known)
    missing = np.zeros(known.shape[1], int)
    for index, row in enumerate(known):
        walls[index] = row & (missing > GAP_FRAMES)
        missing = np.where(row, 0, missing + 1)
    return walls


def _short_gaps(known: Flags, part: NDArray[np.int64]) -> Flags:
    """Missing joints with known ones of the same part close before and after."""
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
    """The curve around each moment, read at that moment: n x 33 x 2 px; NaN where nothing is near."""
    sums = np.zeros((5, *weights.shape))
    ahead = np.zeros((3, *tracks.points.shape))
    for here, there in _pairs(tracks.times_s, REACH * tracks.deviation_s):
        offset = ((tracks.times_s[there] - tracks.times_s[here]) / tracks.deviation_s)[:, None]
        weight = np.exp(-0.5 * offset**2) * weights[there] * _seen(tracks, here, there)
        for power in range(5):
            sums[power, here] += weight * offset**power
        for power in range(3):
            ahead[power, here] += (weight * offset**power)[..., None] * tracks.points[there]
    return _solved(sums, ahead)


def _pairs(times_s: Values, reach_s: float) -> Iterator[tuple[slice, slice]]:
    """Frames and their neighbours at each distance, in turn, as far as the bell reaches anywhere."""
    count = len(times_s)
    for step in range(count):
        if step and (times_s[step:] - times_s[:-step]).min() > reach_s:
            return
        yield slice(0, count - step), slice(step, count)
        if step:
            yield slice(step, count), slice(0, count - step)


def _seen(tracks: _Tracks, here: slice, there: slice) -> Flags:
    """Whether the joint's neighbour may be used: of the same part, or the very edge at its end."""
    ahead = tracks.part[there] - tracks.part[here]
    seen: Flags = (ahead == 0) | ((ahead == 1) & tracks.edge[there])
    return seen


def _solved(sums: Values, ahead: Values) -> Values:
    """Weighted parabolas: the value in the middle of each."""
    s0, s1, s2, s3, s4 = sums
    slope, bend = s2 + LEAN * s0, s4 + BEND * s0
    c0, c1, c2 = slope * bend - s3 * s3, s2 * s3 - s1 * bend, s1 * s3 - s2 * slope
    determinant = np.maximum(s0 * c0 + s1 * c1 + s2 * c2, 1e-30)
    value = (c0[..., None] * ahead[0] + c1[..., None] * ahead[1] + c2[..., None] * ahead[2]) / determinant[..., None]
    result: Values = np.where((sums[0] > 1e-6)[..., None], value, np.nan)
    return result


def _trust(tracks: _Tracks, fitted: Values, known: Flags) -> Values:
    """Less for a joint that lies off its own curve by more than it usually does."""
    misfit = np.where(known, np.linalg.norm(fitted - tracks.points, axis=-1), np.nan)
    usual = np.array([np.nanmedian(each) if np.isfinite(each).any() else 0.0 for each in misfit.T])
    times = np.nan_to_num(misfit) / (OUTLIER * np.maximum(usual, LEAST_MISFIT_PX))
    trust: Values = 1 / (1 + times**2)
    return trust


def _nearby(confidence: Values) -> Values:
    """Half of the best confidence within a gap's reach: what was filled in is known less well."""
    best = confidence.copy()
    for step in range(1, GAP_FRAMES + 1):
        best[step:] = np.maximum(best[step:], confidence[:-step])
        best[:-step] = np.maximum(best[:-step], confidence[step:])
    return best / 2
