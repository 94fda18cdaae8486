"""Moments: the time of each frame of a foreground to a part of a frame of the background, and how sure that is.

A temporal Lucas-Kanade: a frame is projected on the way from one frame of the background to the next. How sure that is
follows from how far two halves of the picture disagree, and from how far the background moves there beyond its noise.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from utils.align.fingerprints import Fingerprints, Vectors
from utils.align.path import Frames, Path

Values = NDArray[np.float64]
MOST_STEPS, BLOCK = 4, 256
"""How many frames beside the path a moment may lie; how many frames are projected at once."""
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
    clips, half = _Clips(prints.theirs, prints.own), prints.half
    matched = path.matched
    moments, places, apart = (
        np.full(len(clips.own), np.nan),
        np.zeros(len(clips.own), np.int64),
        np.zeros(len(clips.own)),
    )
    moments[matched], places[matched] = clips.projected(matched, path.frames[matched])
    one, other = (clips.shares(matched, places[matched], part) for part in (half, ~half))
    apart[matched] = np.clip(one - other, -MOST_DIFFERENCE, MOST_DIFFERENCE)
    moments = _within(moments, len(clips.theirs) - 1)
    ways, signal = (each[places] for each in _ways(clips.theirs))
    differing = np.sqrt(_averaged(apart * apart, HALVES_FRAMES)) / 2
    usual = float(np.median((np.abs(apart) * ways)[matched])) / 2 if len(matched) else 1.0
    noise = np.maximum(differing * ways, usual)  # as a distance: where nothing moves, halves do not differ either
    sigma = np.hypot(LEAST_SIGMA, SIGMA_TIMES * noise / np.maximum(signal, 1e-9))
    sigma = np.minimum(sigma, len(clips.theirs))
    return Moments(moments, np.where(np.isfinite(moments), sigma, np.nan))


def moments_near(path: Path, prints: Fingerprints, rows: Frames) -> Values:
    """The moments of some frames that match, without what is known of them."""
    return _Clips(prints.theirs, prints.own).projected(rows, path.frames[rows])[0]


@dataclass(frozen=True)
class _Clips:
    """The vectors of both clips, between which frames are projected."""

    theirs: Vectors
    own: Vectors

    def projected(self, rows: Frames, frames: Frames) -> tuple[Values, Frames]:
        """The moments of frames near frames of the background, and the latter.

        The way there leads from the frame before to the one after: noise of the frame itself is no part of it, which
        would pull moments forward.
        """
        at, share = frames.copy(), self.shares(rows, frames)
        moments, moving = np.full(len(rows), np.nan), np.arange(len(rows))
        for _ in range(MOST_STEPS):
            step = (share[moving] > 0.5).astype(np.int64) - (share[moving] < -0.5)
            inside = (step != 0) & (at[moving] + step >= 0) & (at[moving] + step < len(self.theirs))
            moving, step = moving[inside], step[inside]
            if not len(moving):
                break
            beside = self.shares(rows[moving], at[moving] + step)
            between = beside * step < -0.5  # half way between the two, of which each points to the other
            halfway = moving[between]
            moments[halfway] = (2 * at[halfway] + step[between] + share[halfway] + beside[between]) / 2
            moving, step, beside = moving[~between], step[~between], beside[~between]
            at[moving], share[moving] = at[moving] + step, beside
        return np.where(np.isnan(moments), at + np.clip(share, -1.0, 1.0), moments), at

    def shares(self, rows: Frames, at: Frames, part: NDArray[np.bool_] | None = None) -> Values:
        """How far frames are from frames of the background, as shares of the way to the next."""
        found = [self._shares(rows[start : start + BLOCK], at[start : start + BLOCK], part)
                 for start in range(0, len(rows), BLOCK)]  # fmt: skip
        return np.concatenate(found) if found else np.zeros(0)

    def _shares(self, rows: Frames, at: Frames, part: NDArray[np.bool_] | None) -> Values:
        before, after = np.maximum(at - 1, 0), np.minimum(at + 1, len(self.theirs) - 1)
        way = (self.theirs[after] - self.theirs[before]) / (after - before).astype(np.float32)[:, None]
        away = self.own[rows] - self.theirs[at]
        if part is not None:
            way, away = way[:, part], away[:, part]
        along, lengths = (np.einsum("np,np->n", way, each).astype(np.float64) for each in (away, way))
        return np.asarray(along / np.maximum(lengths, 1e-9), np.float64)


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


def _ways(background: Vectors) -> tuple[Values, Values]:
    """How far the background goes around each frame, for each step, and how far beyond its noise.

    Where it moves evenly, differences between neighbouring ways are its noise; where nothing moves, ways are, too.
    """
    lengths, noise = np.zeros((2, len(background)))
    last = len(background) - 1
    for start in range(0, len(background), BLOCK):
        stop = min(start + BLOCK, last + 1)
        first = max(start - 1, 0)
        steps = np.diff(background[slice(first, stop + 1)], axis=0)  # step k leads from frame first + k
        if start == 0:
            steps = np.concatenate([steps[:1], steps])
        if stop == last + 1:
            steps = np.concatenate([steps, steps[-1:]])
        ways, bends = (steps[1:] + steps[:-1]) / 2, np.diff(steps, axis=0)
        lengths[start:stop], noise[start:stop] = (np.einsum("np,np->n", each, each) for each in (ways, bends))
    noise[[0, -1]] = noise[[1, -2]]
    noise /= 12
    beyond = np.maximum(_averaged(lengths, SIGNAL_FRAMES) - _averaged(noise, SIGNAL_FRAMES), 0)
    return np.sqrt(lengths), np.sqrt(beyond)


def _averaged(values: Values, frames: int) -> Values:
    kernel = np.ones(min(frames, len(values)))
    return np.convolve(values, kernel, "same") / np.convolve(np.ones(len(values)), kernel, "same")
