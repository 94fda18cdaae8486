"""The alignment of two clips: a placement, the times that follow from it, then both together until they agree."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from utils.align.agreement import Agreement
from utils.align.compared import Compared
from utils.align.content import check_content
from utils.align.fingerprints import WIDTH_PX, Fingerprints, own_prints, print_grid
from utils.align.joint import Joint
from utils.align.labels import STILL_SIGMA, Label, evened, labels_of
from utils.align.levels import Rules, found_path
from utils.align.moments import moments_near, moments_of
from utils.align.path import Path
from utils.align.placement import Placement
from utils.align.placing import NEXT, REORDER, Refusal, found_placement
from utils.align.proxies import Proxies

RESTS = 4e-5
"""A placement that moved by less, as a share of the foreground's width there, is as it was."""
LEAST_TURN_PX = 0.7
"""A foreground that is turned by less, at its corners, is told as not turned."""
LEAST_MOVED_FRAMES, MOVED_COST, RUNS_AS = 12, 3.0, 0.4
"""So many frames without a match are looked for elsewhere, what those cost at most that are found there, and how far
time may run otherwise from one to the next."""
LEAST_MATCHED, LEAST_LIKENESS, MOST_JUMPS, LEAST_AGREEMENT = 0.2, 0.4, 0.1, 0.3
"""Beyond these a pair does not belong together: the share of frames that match, how alike they are, time jumps,
and how far what changes in both agrees."""


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


@dataclass(frozen=True)
class Matching:
    """How times are found."""

    anchors: Mapping[int, int] = field(default_factory=dict)
    """Frames of the foreground that are held near frames of the background."""
    reorder: bool = False
    """Whether stretches may come in another order than in the background."""
    width_px: int = WIDTH_PX
    """How wide the pictures are in which frames are compared."""
    refinements: int = 2
    """How often placement and path follow each other, at most."""
    border_px: int = 0
    """Only so much along the foreground's edges is compared, if not 0."""


class Pair:
    """Two clips that are to be aligned, and what does not depend on where the foreground lies."""

    def __init__(self, background: Proxies, foreground: Proxies, matching: Matching) -> None:
        self.background, self.foreground = background, foreground
        self._rules = Rules(background.rate / foreground.rate, matching.anchors, matching.reorder)
        longer = max(len(background), len(foreground))
        self._grid = print_grid(foreground.size, longer, matching.width_px, matching.border_px)
        self._own = own_prints(foreground, self._grid)

    def timed(self, placement: Placement) -> _Timed:
        """The path under a placement."""
        prints = Fingerprints.of(self.background, self._own, placement, self.foreground.size, self._grid)
        return _Timed(*found_path(prints, self._rules))


def align(
    background: Proxies,
    foreground: Proxies,
    given: Placement | None = None,
    matching: Matching | None = None,
    check: Callable[[], None] = lambda: None,
) -> Alignment:
    """Align two clips, with a given placement or with one that is found; Refusal where they do not belong together."""
    matching = matching or Matching()
    check_content(background, foreground)
    pair = Pair(background, foreground, matching)
    placement = given or found_placement(background, foreground)
    timed, likeness, turns = pair.timed(placement), 0.0, True
    for _ in range(matching.refinements):
        check()
        if len(timed.path.matched) < 2:
            raise Refusal("No frame of the foreground was found in the background.", NEXT)
        joint = Joint(background, foreground, timed.path.matched, matching.border_px)
        near = moments_near(timed.path, timed.prints, background.clock, joint.indices)
        solved = joint.solve(placement, near, places=given is None, turns=turns)
        if turns and abs(solved.placement.turn) * max(foreground.size) < LEAST_TURN_PX and given is None:
            turns = False
            solved = joint.solve(replace(solved.placement, turn=0.0), solved.moments)
        moved_px, likeness = solved.placement.differs_px(placement, foreground.size), solved.likeness
        placement = solved.placement
        if moved_px < RESTS * placement.scale * foreground.size.width_px:
            break
        del timed  # its fingerprints take as much memory as the next ones
        timed = pair.timed(placement)
    found = moments_of(timed.path, timed.prints, background.clock)
    moving = found.sigma < STILL_SIGMA
    agreement = Agreement.of(timed.path, timed.prints)
    _check(timed.path, likeness, agreement.whole)
    _check_order(timed, background.rate / foreground.rate)
    found = found.without(moving & (agreement.near < LEAST_AGREEMENT))
    labels = labels_of(timed.path, found, timed.compared)
    found = evened(found, labels)
    return Alignment(placement, found.moments, found.sigma, labels, likeness)


def _check(path: Path, likeness: float, agreement: float) -> None:
    """Refuse a pair that does not belong together."""
    count = len(path.frames)
    if len(path.matched) < LEAST_MATCHED * count:
        raise Refusal(f"Only {len(path.matched)} of {count} frames were found in the background.", NEXT)
    if likeness < LEAST_LIKENESS:
        raise Refusal(f"Matched frames are hardly alike (correlation {likeness:.2f}).", NEXT)
    if path.jumps.sum() > MOST_JUMPS * len(path.matched):
        raise Refusal(f"Time would have to jump {path.jumps.sum()} times in {len(path.matched)} frames.", NEXT)
    if agreement < LEAST_AGREEMENT:
        problem = f"What stands still is alike in both clips, and what moves is not (correlation {agreement:.2f})."
        raise Refusal(problem, "Check that the foreground was made of this background, and not of another take.")


def _check_order(timed: _Timed, ratio: float) -> None:
    """Refuse a foreground of which a stretch that matches nothing shows what came earlier in the background, as it ran.

    A single frame that is found elsewhere says nothing: an empty scene looks the same at any time.
    """
    missed = np.flatnonzero(timed.path.frames < 0)
    if len(missed) < LEAST_MOVED_FRAMES:
        return
    few = missed[:: max(1, len(missed) // LEAST_MOVED_FRAMES)]
    costs = np.concatenate([timed.compared.block(slice(row, row + 1), slice(None)) for row in few])
    places = costs.argmin(axis=1)
    running = np.abs(np.diff(places) / np.diff(few) / ratio - 1) < RUNS_AS
    found = (costs.min(axis=1) < MOVED_COST) & _against_time(timed.path, few, places)
    if found.mean() > 0.5 and running.mean() > 0.5:
        problem = (
            f"Frame {few[0]} of the foreground shows frame {places[0]} of the background, against the order of time."
        )
        raise Refusal(problem, REORDER)


def _against_time(path: Path, rows: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of these frames would lie before what is matched before them, or behind what is matched after them."""
    matched = path.matched
    ends = np.concatenate([[-1], path.frames[matched], [np.iinfo(np.int64).max]])
    after = np.searchsorted(matched, rows) + 1
    return np.asarray((places < ends[after - 1]) | (places > ends[after]))
