"""Labels: what is known of each frame's time, so that nothing is called sure that is not."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from utils.align.moments import Moments
from utils.align.path import Costs, Path

STILL_SIGMA = 0.33
"""A moment that is less sure than this, in frames, is not known: hardly anything moves."""
MOVED_FRAMES, STILL_FRAMES, INDIFFERENT = 3, 9, 0.3
"""Moved by so many frames, a stretch of so many is hardly less like the background: by this part of what pairs differ
by."""
NEAR_STILL_FRAMES = 2
"""So many frames beside a still stretch belong to it: when it begins and ends is not known better."""
FARTHEST_FRAMES, AROUND_FRAMES = 600, 31
"""How far away a repetition is looked for, and the length of the stretches that are compared."""
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


def labels_of(path: Path, found: Moments, costs: Costs) -> tuple[Label, ...]:
    """The label of each frame of the foreground."""
    unmoved = (found.sigma > STILL_SIGMA) | _indifferent(path, costs)
    still = np.convolve(unmoved, np.ones(2 * NEAR_STILL_FRAMES + 1), "same") > 0
    periodic = _fits_elsewhere(path, costs) & ~still
    labels = np.full(len(path.frames), Label.SURE, object)
    labels[periodic] = Label.PERIODIC
    labels[still] = Label.STILL
    labels[path.jumps] = Label.CUT
    labels[~np.isfinite(found.moments)] = Label.NOTHING
    return tuple(Label(each) for each in labels)


def evened(found: Moments, labels: tuple[Label, ...]) -> Moments:
    """Moments that run evenly through still stretches, where any time in between would do, which their sigma says."""
    moments, sigma = found.moments.copy(), found.sigma.copy()
    still = np.array([label is Label.STILL for label in labels])
    fixed = np.isfinite(moments) & ~still
    if not fixed.any():
        return found
    places = np.flatnonzero(still)
    for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1):
        if not len(run):
            continue
        before, after = np.flatnonzero(fixed[: run[0]])[-1:], run[-1] + 1 + np.flatnonzero(fixed[run[-1] + 1 :])[:1]
        ends = np.concatenate([before, after])
        moments[run] = np.interp(run, ends, moments[ends])
        room = float(np.ptp(moments[ends])) if len(ends) == 2 else float(len(run))
        sigma[run] = np.clip(sigma[run], room / np.sqrt(12), max(room, 1.0))
    return Moments(moments, sigma)


def _indifferent(path: Path, costs: Costs) -> NDArray[np.bool_]:
    """Where it makes no difference when the stretch around a frame is moved a little, either way."""
    more = [_more(path, costs, direction * MOVED_FRAMES, STILL_FRAMES) for direction in (1, -1)]
    return np.asarray(np.fmin(*more) < INDIFFERENT)


def _fits_elsewhere(path: Path, costs: Costs) -> NDArray[np.bool_]:
    """Where the frames around one fit as well when all of them are moved by the same number of frames."""
    usual = max(float(np.median(costs)) - float(np.median(costs.min(axis=1))), 1e-6)
    fits = np.zeros(len(path.frames), bool)
    for direction in (1, -1):
        hill = np.zeros(len(path.frames))
        for shift in range(1, min(FARTHEST_FRAMES, costs.shape[1])):
            more = _more(path, costs, direction * shift)
            known = np.isfinite(more)
            fits |= known & (more < AS_GOOD * usual) & (hill > HILL * usual)
            hill[known] = np.maximum(hill[known], more[known])
    return fits


def _more(path: Path, costs: Costs, shift: int, around: int = AROUND_FRAMES) -> NDArray[np.float64]:
    """What the stretch around each frame costs more when it is moved; NaN where it leaves the background."""
    matched = path.matched
    there = path.frames[matched] + shift
    inside = (there >= 0) & (there < costs.shape[1])
    total, count = np.zeros((2, len(path.frames)))
    at = matched[inside]
    total[at] = np.maximum(costs[at, there[inside]] - costs[at, path.frames[at]], 0)
    count[at] = 1
    kernel = np.ones(min(around, len(total)))
    counted = np.convolve(count, kernel, "same")
    with np.errstate(invalid="ignore"):
        return np.where(counted >= 0.5 * len(kernel), np.convolve(total, kernel, "same") / counted, np.nan)
