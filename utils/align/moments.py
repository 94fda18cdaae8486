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
LEAST_GAP = 0.1
"""Times of frames that lie nearer to one another are mistakes."""
BEYOND, ENDING_FRAMES = 0.15, 12
"""How far before the first and behind the last frame of the background a moment may lie, for nothing is known of more;
and the frames next to an end that show how time runs towards it."""
SIGMA_TIMES, LEAST_SIGMA = 1.5, 0.01
"""What both halves have in common does not show in their difference; on clips whose truth is known errors are so much
larger."""
LASTING_SHARE = 0.06
"""How much of a difference that lasts from frame to frame, such as that of a look or of a coarse encoding, may pull all
moments one way, which halves do not show."""
MOST_DIFFERENCE = 20.0
SIGNAL_FRAMES, HALVES_FRAMES = 5, 15
"""Over how many frames the way of the background, and the difference of halves, are averaged."""


@dataclass(frozen=True)
class Moments:
    """For each frame of the foreground its moment, in frames of the background; NaN where it shows nothing of it."""

    moments: Values
    sigma: Values
    """Standard deviation of each, in frames of the background."""

    def without(self, frames: NDArray[np.bool_]) -> "Moments":
        """Those of all but some frames."""
        return Moments(np.where(frames, np.nan, self.moments), np.where(frames, np.nan, self.sigma))


def moments_of(path: Path, prints: Fingerprints, clock: Values) -> Moments:
    """The moments near a path; the clock says when frames of the background are shown, in usual frames."""
    clips, half = _Clips(prints.theirs, prints.own, clock), prints.grid.half
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
    ways, signal = (each[places] for each in clips.ways())
    differing = np.abs(apart) * ways / 2  # as a distance: where nothing moves, halves do not differ either
    usual = float(np.median(differing[matched])) if len(matched) else 1.0
    noise = np.maximum(np.sqrt(_averaged(differing**2, HALVES_FRAMES)), usual)
    lasting = clips.lasting(matched, places[matched], moments)
    away = np.hypot(SIGMA_TIMES * noise, LASTING_SHARE * lasting)
    sigma = np.minimum(np.hypot(LEAST_SIGMA, away / np.maximum(signal, 1e-9)), len(clips.theirs))
    return Moments(moments, np.where(np.isfinite(moments), sigma, np.nan))


def moments_near(path: Path, prints: Fingerprints, clock: Values, rows: Frames) -> Values:
    """The moments of some frames that match, without what is known of them."""
    return _Clips(prints.theirs, prints.own, clock).projected(rows, path.frames[rows])[0]


@dataclass(frozen=True)
class _Clips:
    """The vectors of both clips, between which frames are projected."""

    theirs: Vectors
    own: Vectors
    clock: Values

    def projected(self, rows: Frames, frames: Frames) -> tuple[Values, Frames]:
        """The moments of frames near frames of the background, and the latter.

        The way there leads from the frame before to the one after: noise of the frame itself is no part of it, which
        would pull moments forward.
        """
        at, share = frames.copy(), self.shares(rows, frames)
        times, moving = np.full(len(rows), np.nan), np.arange(len(rows))
        for _ in range(MOST_STEPS):
            onward = np.sign(share[moving]).astype(np.int64)
            beside = np.clip(at[moving] + onward, 0, len(self.theirs) - 1)
            gap = np.abs(self.clock[beside] - self.clock[at[moving]])
            nearer = (gap > 0) & (np.abs(share[moving]) > gap / 2)
            moving, onward, beside, gap = (each[nearer] for each in (moving, onward, beside, gap))
            if not len(moving):
                break
            back = self.shares(rows[moving], beside)
            between = back * onward < -gap / 2  # half way between the two, of which each points to the other
            halfway = moving[between]
            here, there = self.clock[at[halfway]] + share[halfway], self.clock[beside[between]] + back[between]
            times[halfway] = (here + there) / 2
            moving, beside, back = moving[~between], beside[~between], back[~between]
            at[moving], share[moving] = beside, back
        times = np.where(np.isnan(times), self.clock[at] + np.clip(share, -1.0, 1.0), times)
        return self._moments(times), at

    def _moments(self, times: Values) -> Values:
        """Times as frames, also a little beyond either end."""
        last = len(self.clock) - 1
        inside = np.interp(times, self.clock, np.arange(last + 1))
        return np.asarray(inside + np.minimum(times - self.clock[0], 0) + np.maximum(times - self.clock[last], 0))

    def shares(self, rows: Frames, at: Frames, part: NDArray[np.bool_] | None = None) -> Values:
        """How far frames are from frames of the background in time, in usual frames; seen by a part of the pixels."""
        found = [self._shares(rows[start : start + BLOCK], at[start : start + BLOCK], part)
                 for start in range(0, len(rows), BLOCK)]  # fmt: skip
        return np.concatenate(found) if found else np.zeros(0)

    def _shares(self, rows: Frames, at: Frames, part: NDArray[np.bool_] | None) -> Values:
        before, after = np.maximum(at - 1, 0), np.minimum(at + 1, len(self.theirs) - 1)
        way = (self.theirs[after] - self.theirs[before]) / self._between(before, after)[:, None]
        away = self.own[rows] - self.theirs[at]
        if part is not None:
            way, away = way[:, part], away[:, part]
        along, lengths = (np.einsum("np,np->n", way, each).astype(np.float64) for each in (away, way))
        return np.asarray(along / np.maximum(lengths, 1e-9), np.float64)

    def lasting(self, rows: Frames, at: Frames, moments: Values) -> Values:
        """For each frame of the foreground how far, as a distance, it lies off the way of the background for long."""
        power = np.zeros(len(self.own))
        for start in range(0, len(rows), BLOCK):
            few = slice(start, start + BLOCK + 1)
            off = self._off(rows[few], at[few], moments)
            alike = np.einsum("np,np->n", off[1:], off[:-1])
            power[rows[few][:-1]] = alike
        power[rows[-1:]] = power[rows[-2:-1]]
        return np.asarray(np.sqrt(np.maximum(_averaged(power, HALVES_FRAMES), 0)))

    def _off(self, rows: Frames, at: Frames, moments: Values) -> NDArray[np.float32]:
        """What is left of frames when the background at their moments is taken away."""
        before, after = np.maximum(at - 1, 0), np.minimum(at + 1, len(self.theirs) - 1)
        share = np.clip(np.nan_to_num(moments[rows] - at), -1, 1) / np.maximum(after - before, 1)
        way = self.theirs[after] - self.theirs[before]
        return np.asarray(self.own[rows] - self.theirs[at] - share.astype(np.float32)[:, None] * way)

    def _between(self, before: Frames, after: Frames) -> NDArray[np.float32]:
        return np.maximum(self.clock[after] - self.clock[before], LEAST_GAP).astype(np.float32)

    def ways(self) -> tuple[Values, Values]:
        """How far the background goes around each frame in a usual frame's time, and how far beyond its noise.

        Where it moves evenly, differences between neighbouring ways are its noise; where nothing moves, ways are, too.
        """
        lengths, noise = np.zeros((2, len(self.theirs)))
        last = len(self.theirs) - 1
        for start in range(0, last + 1, BLOCK):
            middle = np.arange(start, min(start + BLOCK, last + 1))
            before, after = np.maximum(middle - 1, 0), np.minimum(middle + 1, last)
            theirs = [self.theirs[each] for each in (before, middle, after)]
            ways = (theirs[2] - theirs[0]) / self._between(before, after)[:, None]
            bends = theirs[0] + theirs[2] - 2 * theirs[1]
            lengths[middle], noise[middle] = (np.einsum("np,np->n", each, each) for each in (ways, bends))
        noise[[0, -1]] = noise[[1, -2]]
        beyond = np.maximum(_averaged(lengths, SIGNAL_FRAMES) - _averaged(noise / 12, SIGNAL_FRAMES), 0)
        return np.sqrt(lengths), np.sqrt(beyond)


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


def _averaged(values: Values, frames: int) -> Values:
    kernel = np.ones(min(frames, len(values)))
    return np.convolve(values, kernel, "same") / np.convolve(np.ones(len(values)), kernel, "same")
