"""Drafts: maps of few frames, found in a fraction of the time, with what they do not know as their uncertainty."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np

from utils.align.alignment import Alignment, aligned
from utils.align.content import LEAST_FRAMES
from utils.align.features import glimpsed
from utils.align.keyframes import every, spread
from utils.align.labels import Label, labels_of
from utils.align.matching import Matching
from utils.align.moments import Moments
from utils.align.pair import Pair
from utils.align.placed import Placed, place, refined
from utils.align.placement import Placement
from utils.align.placing import NEXT, Refusal
from utils.align.proxies import Proxies
from utils.align.scan import scanned

KEYFRAMES, SPARSE = 60, 4
"""In about so many frames of each clip, evenly spread, a first map is found; and a finer one in every so many."""
GLIMPSED = (2, 4)
"""In how many frames of the foreground, and of the background, its scale is looked for."""
MOST_SWERVE, FAR_SHARE = 1.2, 0.08
"""How far time may run otherwise between two keyframes before it is taken for a jump; and what the way between two
frames that lie apart may mislead by, as a share of that."""
WHOLE_FRAME = 1 / np.sqrt(12)
"""The standard deviation of what is only known to a whole frame."""


def first_draft(
    background: Proxies, foreground: Proxies, matching: Matching, given: Placement | None = None
) -> Alignment:
    """The map that keyframes show; Refusal where they do not."""
    steps = _step(background), _step(foreground)
    pair, few = _few(background, foreground, steps, matching)
    found = pair.inside(given) if given else _first_placement(pair.background, pair.foreground)
    timed = pair.timed(found, few.anchors)
    if len(timed.path.matched) < LEAST_FRAMES:
        raise Refusal("Keyframes do not show the foreground.", NEXT)
    glance = pair.glance(timed, found)
    placed = Placed(found, found, glance.likeness, glance.off_frames)
    return _spread(aligned(pair, placed, replace(few, places="scale")), steps, len(foreground))


def sparse_draft(
    background: Proxies,
    foreground: Proxies,
    matching: Matching,
    start: Placement | None,
    check: Callable[[], None],
    *,
    stays: bool = False,
) -> Alignment:
    """The map that every fourth frame shows, from a placement that is about known, if any is, or that is given."""
    steps = SPARSE, SPARSE
    pair, few = _few(background, foreground, steps, matching)
    if start is None:
        placed = place(pair, replace(few, anchors={}), check)
    else:
        placed = Placed.given(pair, start) if stays else refined(pair, pair.inside(start), few, check)
    return _spread(aligned(pair, placed, few, check, stays=stays), steps, len(foreground))


def is_finer(background: Proxies, foreground: Proxies) -> bool:
    """Whether every fourth frame is more than the keyframes, and enough."""
    return max(_step(background), _step(foreground)) > SPARSE and len(foreground) >= LEAST_FRAMES * SPARSE


def _step(clip: Proxies) -> int:
    """Every how many frames one is a keyframe."""
    return max(1, len(clip) // KEYFRAMES)


def _few(background: Proxies, foreground: Proxies, steps: tuple[int, int], matching: Matching) -> tuple[Pair, Matching]:
    """Every so many frames of both clips, and what is asked of them."""
    anchors = {own // steps[1]: behind // steps[0] for own, behind in matching.anchors.items()}
    few = replace(matching, anchors=anchors)
    return Pair(every(background, steps[0]), every(foreground, steps[1]), few), few


def whole_frames(pair: Pair, placed: Placed, matching: Matching) -> Alignment:
    """The map that the path alone shows: for each frame the frame of the background that is most like it."""
    timed = pair.timed(placed.under, matching.anchors)
    matched = timed.path.frames >= 0
    moments = np.where(matched, timed.path.frames, np.nan)
    sigma = np.where(matched, np.hypot(WHOLE_FRAME, placed.off_frames), np.nan)
    labels = labels_of(timed.path, Moments(moments, sigma), timed.compared)
    return Alignment(pair.outside(placed.placement), moments, sigma, labels, placed.likeness)


def _first_placement(background: Proxies, foreground: Proxies) -> Placement:
    """Where the foreground lies, from pairs of keyframes that show one moment, once its scale is known."""
    own, theirs = spread(foreground, GLIMPSED[0]), spread(background, GLIMPSED[1])
    first = glimpsed(background, foreground, list(product(own, theirs)))
    if not first:
        raise Refusal("Keyframes have no features in common.", NEXT)
    scale = float(np.median([each.placement.scale for each in first[:3]]))
    places = scanned(background, foreground, scale, own)
    best = glimpsed(background, foreground, list(zip(own, places, strict=True)))
    return max((*best, *first), key=lambda each: each.agreeing).placement


def _spread(few: Alignment, steps: tuple[int, int], count: int) -> Alignment:
    """A map of every so many frames as one of all: in between time runs evenly, as far as it did not jump."""
    rows, wanted = np.arange(len(few.moments)) * steps[1], np.arange(count)
    after = np.searchsorted(rows, wanted).clip(1, max(1, len(rows) - 1))
    is_cut = np.array([label is Label.CUT for label in few.labels])
    ends = few.moments * steps[0]
    ways = np.diff(ends, prepend=ends[:1])
    is_cut |= np.abs(ways / max(float(np.nanmedian(ways[1:])), 1e-6) - 1) > MOST_SWERVE
    bends = np.abs(np.convolve(ends, (1, -2, 1), "same")) / 8  # how far a line may be off halfway
    bends[[0, -1]] = bends[[1, -2]]
    sigma = np.hypot(np.hypot(few.sigma, FAR_SHARE) * steps[0], np.nan_to_num(bends))
    share = (wanted - rows[after - 1]) / steps[1]
    moments = ends[after - 1] + share * (ends[after] - ends[after - 1])
    moments[is_cut[after] & (share > 0) & (share != 1)] = np.nan  # when exactly it jumped is not known yet
    off = np.maximum(sigma[after - 1], sigma[after])
    nearest = np.where(share < 0.5, after - 1, after)
    known = np.isfinite(moments)
    labels = tuple(few.labels[at] if fine else Label.NOTHING for at, fine in zip(nearest, known, strict=True))
    return replace(few, moments=moments, sigma=np.where(known, off, np.nan), labels=labels)
