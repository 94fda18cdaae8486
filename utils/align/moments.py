"""Moments: the time of each frame of a foreground to a part of a frame of the background, and how sure that is.

A temporal Lucas-Kanade: a frame is projected on the way of the background at the two frames around it, and lies between
them in proportion. How sure that is follows from how far two halves of the picture disagree, from how far the
background moves there beyond its noise, and from how far blocks of the picture are apart for long.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from utils.align.fingerprints import Fingerprints, Vectors
from utils.align.path import Frames, Path
from utils.align.smoothing import smoothed

Values = NDArray[np.float64]
MOST_STEPS, BLOCK = 4, 256
"""How many frames beside the path a moment may lie; how many frames are projected at once."""
LEAST_GAP = 0.1
"""Times of frames that lie nearer to one another are mistakes."""
BEYOND, ENDING_FRAMES = 0.5, 12
"""How far before the first and behind the last frame of the background a moment may lie, for nothing is known of more;
and the frames next to an end that show how time runs towards it."""
SIGMA_TIMES, LEAST_SIGMA = 1.4, 0.005
"""What both halves have in common does not show in their difference; on clips whose truth is known errors are so much
larger."""
MOST_UNEQUAL = 2.5
"""Where the ways at two frames make them so many times nearer or farther apart than they are, the background turns."""
LEAST_GAIN = 0.1
"""How much of what a frame of the background shows is in a frame of the foreground, at least."""
BLOCKS_SHARE = 0.1
"""How much of how far blocks of the picture are apart may be the same in all of them, which halves do not show."""
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
    matched, frames = path.matched, len(clips.own)
    moments, places, differing = np.full(frames, np.nan), np.zeros(frames, np.int64), np.zeros(frames)
    moments[matched], places[matched] = clips.projected(matched, path.frames[matched])
    moments = _within(moments, len(clips.theirs) - 1)
    ways, signal = (each[places] for each in clips.ways())
    one, other = (clips.shares(matched, places[matched], part) for part in (half, ~half))
    between = np.minimum(np.abs(one - other), MOST_DIFFERENCE)
    differing[matched] = between * ways[matched] / 2  # as a distance: where nothing moves, halves do not differ either
    usual = float(np.median(differing[matched])) if len(matched) else 1.0
    noise = np.maximum(np.sqrt(_averaged(differing**2, HALVES_FRAMES)), usual)
    blocks = clips.apart(matched, places[matched], moments, prints.grid.blocks)
    moments, noise = smoothed(moments, SIGMA_TIMES * noise / np.maximum(signal, 1e-9), path.jumps)
    sigma = np.minimum(np.hypot(np.hypot(LEAST_SIGMA, noise), BLOCKS_SHARE * blocks), len(clips.theirs))
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

        A moment is looked at from the two frames of the background around it. Noise, blur and what a look changed let
        it seem nearer to either, by the same share: that cancels when the two are set in proportion.
        """
        at, share = frames.copy(), self.shares(rows, frames)
        times, moving = self.clock[at] + np.clip(share, -1.0, 1.0), np.arange(len(rows))
        for _ in range(MOST_STEPS):
            onward = np.where(share[moving] < 0, -1, 1)
            beside = np.clip(at[moving] + onward, 0, len(self.theirs) - 1)
            gap = np.abs(self.clock[beside] - self.clock[at[moving]])
            moving, onward, beside, gap = (each[gap > 0] for each in (moving, onward, beside, gap))
            if not len(moving):
                break
            ahead, behind = share[moving] * onward, -self.shares(rows[moving], beside) * onward
            between, beyond = behind > 0, (behind <= 0) & (ahead > gap / 2)
            part = ahead / np.maximum(ahead + behind, 1e-9)
            turning = between & (np.abs(np.log(np.maximum(ahead + behind, 1e-9) / gap)) > np.log(MOST_UNEQUAL))
            part[turning] = self._straight(rows[moving[turning]], at[moving[turning]], beside[turning])
            done = moving[between]
            times[done] = self.clock[at[done]] + (onward * gap * part)[between]
            nearer = between & (part > 0.5)
            at[moving[nearer]] = beside[nearer]
            moving, beside = moving[beyond], beside[beyond]
            at[moving], share[moving] = beside, (-behind * onward)[beyond]
            times[moving] = self.clock[beside] + np.clip(share[moving], -1.0, 1.0)
        return self._moments(times), at

    def _straight(self, rows: Frames, at: Frames, beside: Frames) -> Values:
        """Which part of the straight way from one frame of the background to another frames have gone, from 0 to 1."""
        way = self.theirs[beside] - self.theirs[at]
        gone = self.own[rows] - self.theirs[at]
        return np.asarray(np.clip(_products(gone, way) / np.maximum(_products(way, way), 1e-12), 0.0, 1.0))

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
        """The least squares of a frame in its neighbour of the background and the way there, for a share and a gain."""
        own, near, way = self.own[rows], self.theirs[at], self._way(at)
        if part is not None:
            own, near, way = own[:, part], near[:, part], way[:, part]
        products = ((own, near), (own, way), (near, near), (near, way), (way, way))
        alike, along, whole, across, lengths = (_products(*each) for each in products)
        gain = np.maximum(alike * lengths - along * across, LEAST_GAIN * whole * lengths)
        return np.asarray((along * whole - alike * across) / np.maximum(gain, 1e-12))

    def apart(self, rows: Frames, at: Frames, moments: Values, blocks: NDArray[np.float32]) -> Values:
        """For each frame of the foreground how many frames apart its blocks are for long, as standard deviation.

        What two frames beside one another have in common is no noise: encoders renew some blocks late, and looks move
        what they draw.
        """
        power, weight = np.zeros((2, len(self.own)))
        for start in range(0, len(rows), BLOCK):
            few = slice(start, start + BLOCK + 1)
            off, way = self._off(rows[few], at[few], moments), self._way(at[few])
            lengths = (way * way) @ blocks
            off -= (_products(off, way) / np.maximum(_products(way, way), 1e-12)).astype(np.float32)[:, None] * way
            along, mean = (off * way) @ blocks, np.maximum((lengths[1:] + lengths[:-1]) / 2, 1e-12)
            done = rows[few][:-1]
            power[done], weight[done] = (along[1:] * along[:-1] / mean).sum(axis=1), mean.sum(axis=1)
        shares = _averaged(power, HALVES_FRAMES) / np.maximum(_averaged(weight, HALVES_FRAMES), 1e-12)
        return np.asarray(np.sqrt(np.maximum(shares, 0)))

    def _off(self, rows: Frames, at: Frames, moments: Values) -> NDArray[np.float32]:
        """What is left of frames when the background at their moments is taken away."""
        before, after = np.maximum(at - 1, 0), np.minimum(at + 1, len(self.theirs) - 1)
        share = np.clip(np.nan_to_num(moments[rows] - at), -1, 1) / np.maximum(after - before, 1)
        way = self.theirs[after] - self.theirs[before]
        return np.asarray(self.own[rows] - self.theirs[at] - share.astype(np.float32)[:, None] * way)

    def _way(self, at: Frames) -> NDArray[np.float32]:
        """The way from the frame before to the one after, in a usual frame's time.

        Noise of the frame itself is no part of it, which would pull moments to one side.
        """
        before, after = np.maximum(at - 1, 0), np.minimum(at + 1, len(self.theirs) - 1)
        return np.asarray((self.theirs[after] - self.theirs[before]) / self._between(before, after)[:, None])

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


def _products(one: NDArray[np.float32], other: NDArray[np.float32]) -> Values:
    """The scalar products of vectors."""
    return np.asarray(np.einsum("np,np->n", one, other), np.float64)


def _averaged(values: Values, frames: int) -> Values:
    kernel = np.ones(min(frames, len(values)))
    return np.convolve(values, kernel, "same") / np.convolve(np.ones(len(values)), kernel, "same")
