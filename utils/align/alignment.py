"""The alignment of two clips: a placement, the times that follow from it, then both together until they agree."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from utils.align.features import candidates
from utils.align.fingerprints import Fingerprints
from utils.align.joint import Joint
from utils.align.labels import Label, evened, labels_of
from utils.align.moments import moments_of
from utils.align.path import Costs, Path, best_path, costs_of
from utils.align.placement import Placement
from utils.align.proxies import Proxies
from utils.errors import ReshootError

MOST_PAIRS = 20_000_000
"""Pairs of frames that are compared, each in some 15 bytes of memory."""
LEAST_FRAMES, TRIED_FRAMES, REFINEMENTS = 5, 120, 2
"""The shortest clips; how many frames candidates are compared in; how often placement and path follow each other."""
LEAST_MATCHED, LEAST_LIKENESS, MOST_JUMPS = 0.2, 0.4, 0.1
"""Beyond these a pair does not belong together: the share of frames that match, how alike they are, time jumps."""


class Refusal(ReshootError):
    """Two clips do not belong together, or nothing can be said of how."""


@dataclass(frozen=True)
class Alignment:
    """How a foreground lies over a background in space and time."""

    placement: Placement
    moments: NDArray[np.float64]
    """For each frame of the foreground its moment, in frames of the background; NaN where it shows nothing of it."""
    sigma: NDArray[np.float64]
    labels: tuple[Label, ...]
    likeness: float
    """How alike matched frames are, from 0 to 1: the median correlation of their high-passed pictures."""


@dataclass(frozen=True)
class _Timed:
    path: Path
    prints: Fingerprints
    costs: Costs
    """What each pair of frames costs, of which the path is the least."""

    @property
    def unlikeness(self) -> float:
        """How unlike matched frames are, from 0 to 2, the same measure for every placement."""
        theirs, own = self.prints.units
        if len(self.path.matched) < LEAST_MATCHED * len(own):
            return 2.0
        away = own[self.path.matched] - theirs[self.path.frames[self.path.matched]]
        return float(np.median((away * away).sum(axis=1)))


def align(
    background: Proxies,
    foreground: Proxies,
    given: Placement | None = None,
    check: Callable[[], None] = lambda: None,
) -> Alignment:
    """Align two clips, with a given placement or with one that is found; Refusal where they do not belong together."""
    for clip, name in ((background, "background"), (foreground, "foreground")):
        if len(clip) < LEAST_FRAMES:
            raise Refusal(f"The {name} has only {len(clip)} frames, which show no motion.", "Give a longer clip.")
    if len(background) * len(foreground) > MOST_PAIRS:
        problem = f"Clips of {len(background)} and {len(foreground)} frames are too long to be compared frame by frame."
        raise Refusal(problem, "Cut them to parts of about a minute that belong together.")
    placement = given or _found(background, foreground)
    likeness = 0.0
    for _ in range(REFINEMENTS):
        check()
        timed = _timed(background, foreground, placement)
        moments = moments_of(timed.path, timed.prints).moments
        known = np.flatnonzero(np.isfinite(moments))
        if len(known) < 2:
            raise Refusal("No frame of the foreground was found in the background.", NEXT)
        joint = Joint(background, foreground, known)
        solved = joint.solve(placement, moments[joint.indices], places=given is None)
        placement, likeness = solved.placement, solved.likeness
    timed = _timed(background, foreground, placement)
    _check(timed, likeness)
    found = moments_of(timed.path, timed.prints)
    labels = labels_of(timed.path, found, timed.costs)
    found = evened(found, labels)
    return Alignment(placement, found.moments, found.sigma, labels, likeness)


NEXT = "Check that the foreground was made of this background; a placement can be given with --x, --y and --scale."


def _found(background: Proxies, foreground: Proxies) -> Placement:
    """The candidate under which the clips are most alike."""
    found = candidates(background, foreground)
    if not found:
        raise Refusal("The foreground could not be placed: the clips have no features in common.", NEXT)
    every = max(1, len(foreground) // TRIED_FRAMES)
    behind, own = background.every(every), foreground.every(every)
    return min((each.placement for each in found), key=lambda placement: _timed(behind, own, placement).unlikeness)


def _timed(background: Proxies, foreground: Proxies, placement: Placement) -> _Timed:
    """The path under a placement, found once more when it is known which pixels to trust."""
    prints = Fingerprints.of(background, foreground, placement)
    ratio = background.rate / foreground.rate
    first = best_path(costs_of(*prints.units), ratio)
    prints = prints.trusting(first.frames)
    costs = costs_of(*prints.units)
    return _Timed(best_path(costs, ratio), prints, costs)


def _check(timed: _Timed, likeness: float) -> None:
    """Refuse a pair that does not belong together."""
    path, count = timed.path, len(timed.path.frames)
    if len(path.matched) < LEAST_MATCHED * count:
        raise Refusal(f"Only {len(path.matched)} of {count} frames were found in the background.", NEXT)
    if likeness < LEAST_LIKENESS:
        raise Refusal(f"Matched frames are hardly alike (correlation {likeness:.2f}).", NEXT)
    if path.jumps.sum() > MOST_JUMPS * len(path.matched):
        raise Refusal(f"Time would have to jump {path.jumps.sum()} times in {len(path.matched)} frames.", NEXT)
