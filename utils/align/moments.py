"""Moments: the time of each frame of a foreground to a part of a frame of the background, and how sure that is.

A temporal Lucas-Kanade: a frame is projected on the way from one frame of the background to the next. How sure that is
follows from how far two halves of the picture disagree, and from how far the background moves there beyond its noise.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from utils.align.fingerprints import Fingerprints, Prints
from utils.align.path import Path

Values = NDArray[np.float64]
MOST_STEPS = 4
BEYOND, ENDING_FRAMES = 0.15, 12
"""How far before the first and behind the last frame of the background a moment may lie, for nothing is known of more;
and the frames next to an end that show how time runs towards it."""
SIGMA_TIMES, LEAST_SIGMA = 1.7, 0.01
"""What both halves have in common does not show in their difference; on clips whose truth is known errors are so much
larger."""
MOST_DIFFERENCE = 20.0
SIGNAL_FRAMES, HALVES_FRAMES = 5, 15
"""Over how many frames the way of the background, and the difference of halves, are averaged."""


@dataclass(frozen=True)
class Moments:
    """For each frame of the foreground its moment, in frames of the background; NaN where it shows nothing of it."""

    moments: Values
    sigma: Values
    """Standard deviation of each, in frames of the background."""


def moments_of(path: Path, prints: Fingerprints) -> Moments:
    """The moments near a path."""
    background, foreground = prints.units
    half = prints.half
    moments, places, apart = (
        np.full(len(foreground), np.nan),
        np.zeros(len(foreground), np.int64),
        np.zeros(len(foreground)),
    )
    for index in path.matched:
        moments[index], places[index] = _projected(foreground[index], background, int(path.frames[index]))
        one, other = (_share(foreground[index], background, int(places[index]), part) for part in (half, ~half))
        apart[index] = np.clip(one - other, -MOST_DIFFERENCE, MOST_DIFFERENCE)
    moments = _within(moments, len(background) - 1)
    ways, signal = (each[places] for each in _ways(background))
    differing = np.sqrt(_averaged(apart * apart, HALVES_FRAMES)) / 2
    usual = float(np.median((np.abs(apart) * ways)[path.matched])) / 2 if len(path.matched) else 1.0
    noise = np.maximum(differing * ways, usual)  # as a distance: where nothing moves, halves do not differ either
    sigma = np.hypot(LEAST_SIGMA, SIGMA_TIMES * noise / np.maximum(signal, 1e-9))
    sigma = np.minimum(sigma, len(background))
    return Moments(moments, np.where(np.isfinite(moments), sigma, np.nan))


def _projected(frame: Prints, background: Prints, at: int) -> tuple[float, int]:
    """The moment of a frame near a frame of the background, and that frame.

    The way there leads from the frame before to the one after: noise of the frame itself is no part of it, which would
    pull moments forward.
    """
    share = _share(frame, background, at)
    for _ in range(MOST_STEPS):
        step = int(share > 0.5) - int(share < -0.5)
        if not step or not 0 <= at + step < len(background):
            break
        beside = _share(frame, background, at + step)
        if beside * step < -0.5:  # half way between the two, of which each points to the other
            return (2 * at + step + share + beside) / 2, at
        at, share = at + step, beside
    return at + float(np.clip(share, -1.0, 1.0)), at


def _within(moments: Values, last: int) -> Values:
    """Moments without those beyond either end of the background, which by themselves seem to be at the end."""
    known = np.flatnonzero(np.isfinite(moments))
    beyond = (moments < -BEYOND) | (moments > last + BEYOND)
    for run, outward in ((known[::-1][:ENDING_FRAMES], 1), (known[:ENDING_FRAMES], -1)):
        at_end = moments[run] * outward > (last if outward > 0 else 0) - 0.5
        inner = run[~at_end]
        if len(inner) < 3 or not at_end.any():
            continue
        slope, start = np.polyfit(inner, moments[inner], 1)
        going = start + slope * run[at_end]
        beyond[run[at_end]] |= (going > last + BEYOND) if outward > 0 else (going < -BEYOND)
    return np.where(beyond, np.nan, moments)


def _share(frame: Prints, background: Prints, at: int, part: NDArray[np.bool_] | None = None) -> float:
    """How far a frame is from one of the background, as a share of the way to the next; by a part of the pixels."""
    before, after = max(at - 1, 0), min(at + 1, len(background) - 1)
    way = (background[after] - background[before]) / np.float32(after - before)
    away = frame - background[at]
    if part is not None:
        way, away = way[part], away[part]
    return float(away @ way) / max(float(way @ way), 1e-9)


def _ways(background: Prints) -> tuple[Values, Values]:
    """How far the background goes around each frame, for each step, and how far beyond its noise.

    Where it moves evenly, differences between neighbouring ways are its noise; where nothing moves, ways are, too.
    """
    steps = np.diff(background, axis=0)
    wide = (steps[1:] + steps[:-1]) / 2
    ways = np.concatenate([steps[:1], wide, steps[-1:]])
    lengths = (ways.astype(np.float64) ** 2).sum(axis=1)
    bends = (np.diff(steps, axis=0).astype(np.float64) ** 2).sum(axis=1) / 12
    noise = np.concatenate([bends[:1], bends, bends[-1:]])
    beyond = np.maximum(_averaged(lengths, SIGNAL_FRAMES) - _averaged(noise, SIGNAL_FRAMES), 0)
    return np.sqrt(lengths), np.sqrt(beyond)


def _averaged(values: Values, frames: int) -> Values:
    kernel = np.ones(min(frames, len(values)))
    return np.convolve(values, kernel, "same") / np.convolve(np.ones(len(values)), kernel, "same")
