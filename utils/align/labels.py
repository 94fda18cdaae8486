"""Labels: what is known of each frame's time, so that nothing is called sure that is not."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from utils.align.compared import Compared
from utils.align.moments import Moments
from utils.align.path import Costs, Frames, Path

STILL_SIGMA = 0.33
"""A moment that is less sure than this, in frames, is not known: hardly anything moves."""
MOVED_FRAMES, STILL_FRAMES, INDIFFERENT = 3, 9, 0.3
"""Moved by so many frames, a stretch of so many is hardly less like the background: by this part of what pairs differ
by."""
NEAR_STILL_FRAMES = 2
"""So many frames beside a still stretch belong to it: when it begins and ends is not known better."""
FARTHEST_FRAMES, AROUND_FRAMES, STRETCH_FRAMES = 600, 31, 512
"""How far away a repetition is looked for; how many frames around one are moved; how many are looked at at once."""
AS_GOOD, HILL = 0.1, 0.3
"""A stretch fits elsewhere, too, when it is unlike there by less than this share of what is usual far away, and when on
the way there it is unlike by more than that share: what moves slowly is not periodic."""


class Label(StrEnum):
    """What is known of a frame's time."""

    SURE = "sure"
    STILL = "static-ambiguous"
    PERIODIC = "periodic-ambiguous"
    NOTHING = "no-match"
    CUT = "cut"


def labels_of(path: Path, found: Moments, compared: Compared) -> tuple[Label, ...]:
    """The label of each frame of the foreground."""
    indifferent, elsewhere = np.zeros((2, len(path.frames)), bool)
    usual = compared.usual
    for start in range(0, len(path.frames), STRETCH_FRAMES):
        rows = slice(start, min(start + STRETCH_FRAMES, len(path.frames)))
        stretch = _Stretch.of(path, compared, rows)
        indifferent[rows], elsewhere[rows] = stretch.indifferent(), stretch.fits_elsewhere(usual)
    unmoved = (found.sigma > STILL_SIGMA) | indifferent
    still = np.convolve(unmoved, np.ones(2 * NEAR_STILL_FRAMES + 1), "same") > 0
    labels = np.full(len(path.frames), Label.SURE, object)
    labels[elsewhere & ~still] = Label.PERIODIC
    labels[still] = Label.STILL
    labels[path.jumps] = Label.CUT
    labels[~np.isfinite(found.moments)] = Label.NOTHING
    return tuple(Label(each) for each in labels)


def evened(found: Moments, labels: tuple[Label, ...], anchors: Mapping[int, int], last: int) -> Moments:
    """Moments that run evenly through still stretches, where any time in between would do, which their sigma says.

    They go through frames that are held; where nothing is known at one end, as fast as the clip does elsewhere.
    """
    moments, sigma = found.moments.copy(), found.sigma.copy()
    still = np.array([label is Label.STILL for label in labels])
    held = [index for index in anchors if still[index]]
    moments[held] = [anchors[index] for index in held]
    fixed = np.isfinite(moments) & ~still
    fixed[held] = True
    if not fixed.any():
        return found
    known = np.flatnonzero(fixed)
    steps = np.diff(moments[known]) / np.diff(known)
    usual = max(float(np.median(steps)), 0.0) if len(steps) else 1.0
    places = np.flatnonzero(still & ~fixed)
    for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1):
        if not len(run):
            continue
        before, after = known[known < run[0]][-1:], known[known > run[-1]][:1]
        ends = np.concatenate([before, after])
        moments[run] = np.interp(run, ends, moments[ends])
        if len(ends) == 1:
            moments[run] = np.clip(moments[ends] + usual * (run - ends), 0, last)
        room = float(np.ptp(moments[ends])) if len(ends) == 2 else float(len(run))
        sigma[run] = np.clip(sigma[run], room / np.sqrt(12), max(room, 1.0))
    return Moments(moments, sigma)


@dataclass(frozen=True)
class _Stretch:
    """Some frames of the foreground with those around them, and what their pairs with the background cost."""

    inner: slice
    """Those that are asked for, among the frames."""
    frames: Frames
    """The frame of the background for each, counted from the first one that is compared; -1 where none."""
    costs: Costs

    @classmethod
    def of(cls, path: Path, compared: Compared, rows: slice) -> "_Stretch":
        """The stretch of these rows."""
        first, stop = max(0, rows.start - AROUND_FRAMES), min(len(path.frames), rows.stop + AROUND_FRAMES)
        frames = path.frames[first:stop]
        shown = frames[frames >= 0]
        low, high = (int(shown.min()), int(shown.max())) if len(shown) else (0, 0)
        low, high = max(0, low - FARTHEST_FRAMES), high + FARTHEST_FRAMES + 1
        costs = compared.block(slice(first, stop), slice(low, high))
        return cls(slice(rows.start - first, rows.stop - first), np.where(frames >= 0, frames - low, -1), costs)

    def indifferent(self) -> NDArray[np.bool_]:
        """Where it makes no difference when the stretch around a frame is moved a little, either way."""
        more = self._more(MOVED_FRAMES * np.array([1, -1]), STILL_FRAMES)
        return np.asarray(np.fmin(*more.T) < INDIFFERENT)[self.inner]

    def fits_elsewhere(self, usual: float) -> NDArray[np.bool_]:
        """Where the frames around one fit as well when all of them are moved by the same number of frames."""
        fits = np.zeros(len(self.frames), bool)
        shifts = np.arange(1, min(FARTHEST_FRAMES, self.costs.shape[1]))
        for direction in (1, -1):
            more = self._more(direction * shifts, AROUND_FRAMES)
            hill = np.maximum.accumulate(np.nan_to_num(more), axis=1)
            fits |= ((more[:, 1:] < AS_GOOD * usual) & (hill[:, :-1] > HILL * usual)).any(axis=1)
        return fits[self.inner]

    def _more(self, shifts: Frames, around: int) -> NDArray[np.float64]:
        """What the frames around each one cost more when they are moved, frames x shifts; NaN where that is beyond."""
        matched, frames = self.frames >= 0, np.maximum(self.frames, 0)
        there = frames[:, None] + shifts
        inside = matched[:, None] & (there >= 0) & (there < self.costs.shape[1])
        moved = np.take_along_axis(self.costs, np.where(inside, there, 0), axis=1)
        own = np.take_along_axis(self.costs, frames[:, None], axis=1)
        total = np.where(inside, np.maximum(moved - own, 0), 0).astype(np.float64)
        around = min(around, len(total))
        counted = _summed(inside.astype(np.float64), around)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(counted >= 0.5 * around, _summed(total, around) / counted, np.nan)


def _summed(values: NDArray[np.float64], around: int) -> NDArray[np.float64]:
    """The sum of the rows around each, of so many."""
    before = (around - 1) // 2
    padded = np.pad(values, ((before + 1, around - 1 - before), (0, 0)))
    running = np.cumsum(padded, axis=0)
    return np.asarray(running[around:] - running[:-around])
