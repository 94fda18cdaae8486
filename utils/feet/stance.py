"""Segments the track of a point into stances, in which it stands still, and movement, by dynamic programming."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from utils.media.timebase import Span

Doubles = NDArray[np.float64]

LONGEST_S = 4.0
"""Longest segment; a longer stance is found in pieces, which are then joined."""
ENTRY_S = 0.08
"""Cost of beginning a stance, in seconds of movement; it suppresses shorter rests."""
NOISE = 2.5
"""Factor on the frame-to-frame noise: joints jitter more slowly than that, so it underestimates their noise."""
SAME_PLACE = 2.0
"""Neighbouring stances closer than this many strays are one."""
CERTAIN_S = 0.25
"""Two neighbouring stances both longer than this are kept; a shorter one is joint drift before the foot leaves."""


def stances(track: Doubles, times_s: Doubles, stray_px: Doubles, leave: float) -> list[Span]:
    """Spans in which a track (n x 2 px, all known) stands still: the segmentation with the least cost.

    A moving frame costs its duration; a standing frame costs as much at a distance of one `stray_px` from its segment's
    mean, and less (quadratically) nearer to it. Frames at the ends more than `leave` strays off are cut away.
    """
    if len(track) < 2:
        return []
    smooth = median_filter(track, (3, 1), mode="nearest")
    stray_px = np.hypot(stray_px, NOISE * _noise_px(track))
    spans = _joined(_cheapest(smooth, times_s, stray_px), smooth, stray_px, np.gradient(times_s))
    return [_trimmed(span, smooth, leave * stray_px) for span in spans]


def _cheapest(track: Doubles, times_s: Doubles, stray_px: Doubles) -> list[Span]:
    """The standing segments of least cost, by dynamic programming over the end of the last segment."""
    count = len(track)
    duration_s = np.gradient(times_s)
    sums = _PrefixSums.of(track - track.mean(axis=0), duration_s / stray_px**2)
    reach = max(2, int(np.searchsorted(times_s - times_s[0], LONGEST_S)))
    best, entered = np.zeros(count + 1), np.full(count + 1, -1)
    for stop in range(1, count + 1):
        best[stop] = best[stop - 1] + duration_s[stop - 1]
        start = max(0, stop - reach)
        costs = best[start:stop] + sums.spread(start, stop) + ENTRY_S
        cheapest = int(np.argmin(costs))
        if costs[cheapest] < best[stop]:
            best[stop], entered[stop] = costs[cheapest], start + cheapest
    return _read_back(entered)


class _PrefixSums:
    """Prefix sums of weighted points, which give the spread of any segment in constant time."""

    def __init__(self, weight: Doubles, first: Doubles, second: Doubles) -> None:
        self._weight, self._first, self._second = weight, first, second

    @classmethod
    def of(cls, points: Doubles, weights: Doubles) -> "_PrefixSums":
        rows = np.column_stack([weights, points * weights[:, None], (points**2).sum(axis=1) * weights])
        sums = np.concatenate([np.zeros((1, 4)), np.cumsum(rows, axis=0)])
        return cls(sums[:, 0], sums[:, 1:3], sums[:, 3])

    def spread(self, start: int, stop: int) -> Doubles:
        """Weighted sum of squares about the mean, for the segments from each of start .. stop - 1 up to stop."""
        weight = self._weight[stop] - self._weight[start:stop]
        first = self._first[stop] - self._first[start:stop]
        second = self._second[stop] - self._second[start:stop]
        spread: Doubles = np.maximum(second - (first**2).sum(axis=1) / weight, 0)
        return spread


def _noise_px(track: Doubles) -> float:
    """How much a track trembles from frame to frame, per axis."""
    if len(track) < 5:
        return 0.0
    bends = np.diff(track, 2, axis=0)
    return float(1.4826 * np.median(np.abs(bends)) / np.sqrt(6))


def _read_back(entered: NDArray[np.int_]) -> list[Span]:
    """The segments, read back from the last to the first."""
    spans, stop = [], len(entered) - 1
    while stop > 0:
        if entered[stop] >= 0:
            spans.append(Span(int(entered[stop]), stop))
            stop = int(entered[stop])
        else:
            stop -= 1
    return spans[::-1]


def _joined(spans: list[Span], track: Doubles, stray_px: Doubles, duration_s: Doubles) -> list[Span]:
    """Join neighbouring stances at one place; of two at different places a short one was movement."""
    joined: list[Span] = []
    for span in spans:
        if not joined or span.start - joined[-1].stop > 1:
            joined.append(span)
            continue
        last = joined.pop()
        apart_px = np.linalg.norm(_median_position(track, span) - _median_position(track, last))
        if apart_px < SAME_PLACE * stray_px[span.start]:
            joined.append(Span(last.start, span.stop))
        elif all(duration_s[each.start : each.stop].sum() > CERTAIN_S for each in (last, span)):
            joined += [last, span]
        else:
            joined.append(max(last, span, key=len))
    return joined


def _trimmed(span: Span, track: Doubles, reach_px: Doubles) -> Span:
    """The span without frames at its ends that lie off the place of the stance."""
    far = (
        np.linalg.norm(track[span.start : span.stop] - _median_position(track, span), axis=1)
        > reach_px[span.start : span.stop]
    )
    near = np.flatnonzero(~far)
    return (
        Span(span.start + int(near[0]), span.start + int(near[-1]) + 1) if len(near) else Span(span.start, span.start)
    )


def _median_position(track: Doubles, span: Span) -> Doubles:
    """Median position during a span."""
    middle: Doubles = np.median(track[span.start : span.stop], axis=0)
    return middle
