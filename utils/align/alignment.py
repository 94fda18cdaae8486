"""The alignment of two clips: a placement, the times that follow from it, then both together until they agree."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from utils.align.compared import Compared
from utils.align.fingerprints import Fingerprints, own_prints
from utils.align.joint import Joint
from utils.align.labels import Label, evened, labels_of
from utils.align.levels import Rules, found_path
from utils.align.moments import moments_near, moments_of
from utils.align.path import Path
from utils.align.placement import Placement
from utils.align.placing import NEXT, Refusal, found_placement
from utils.align.proxies import Proxies

LEAST_FRAMES, REFINEMENTS, RESTS_PX = 5, 2, 0.05
"""The shortest clips; how often placement and path follow each other, and when a placement is as it was, in px."""
LEAST_MATCHED, LEAST_LIKENESS, MOST_JUMPS = 0.2, 0.4, 0.1
"""Beyond these a pair does not belong together: the share of frames that match, how alike they are, time jumps."""


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
    compared: Compared


class Pair:
    """Two clips that are to be aligned, and what does not depend on where the foreground lies."""

    def __init__(self, background: Proxies, foreground: Proxies, anchors: Mapping[int, int], *, reorder: bool) -> None:
        for clip, name in ((background, "background"), (foreground, "foreground")):
            if len(clip) < LEAST_FRAMES:
                raise Refusal(f"The {name} has only {len(clip)} frames, which show no motion.", "Give a longer clip.")
        self.background, self.foreground = background, foreground
        self._rules = Rules(background.rate / foreground.rate, anchors, reorder)
        self._own = own_prints(foreground, max(len(background), len(foreground)))

    def timed(self, placement: Placement) -> _Timed:
        """The path under a placement."""
        prints = Fingerprints.of(self.background, self._own, placement, self.foreground.size)
        return _Timed(*found_path(prints, self._rules))


def align(
    background: Proxies,
    foreground: Proxies,
    given: Placement | None = None,
    anchors: Mapping[int, int] | None = None,
    *,
    reorder: bool = False,
    check: Callable[[], None] = lambda: None,
) -> Alignment:
    """Align two clips, with a given placement or with one that is found; Refusal where they do not belong together."""
    pair = Pair(background, foreground, anchors or {}, reorder=reorder)
    placement = given or found_placement(background, foreground)
    timed, likeness = pair.timed(placement), 0.0
    for _ in range(REFINEMENTS):
        check()
        if len(timed.path.matched) < 2:
            raise Refusal("No frame of the foreground was found in the background.", NEXT)
        joint = Joint(background, foreground, timed.path.matched)
        near = moments_near(timed.path, timed.prints, joint.indices)
        solved = joint.solve(placement, near, places=given is None)
        moved_px, likeness = solved.placement.differs_px(placement, foreground.size), solved.likeness
        placement = solved.placement
        if moved_px < RESTS_PX * placement.scale:
            break
        del timed  # its fingerprints take as much memory as the next ones
        timed = pair.timed(placement)
    _check(timed.path, likeness)
    found = moments_of(timed.path, timed.prints)
    labels = labels_of(timed.path, found, timed.compared)
    found = evened(found, labels)
    return Alignment(placement, found.moments, found.sigma, labels, likeness)


def _check(path: Path, likeness: float) -> None:
    """Refuse a pair that does not belong together."""
    count = len(path.frames)
    if len(path.matched) < LEAST_MATCHED * count:
        raise Refusal(f"Only {len(path.matched)} of {count} frames were found in the background.", NEXT)
    if likeness < LEAST_LIKENESS:
        raise Refusal(f"Matched frames are hardly alike (correlation {likeness:.2f}).", NEXT)
    if path.jumps.sum() > MOST_JUMPS * len(path.matched):
        raise Refusal(f"Time would have to jump {path.jumps.sum()} times in {len(path.matched)} frames.", NEXT)
