"""The alignment of two clips: a placement, the times that follow from it, then both together until they agree."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from utils.align.agreement import Agreement
from utils.align.compared import Compared
from utils.align.content import check_content
from utils.align.fingerprints import WIDTH_PX, Fingerprints, own_prints, print_grid
from utils.align.glance import Glance
from utils.align.joint import Joint
from utils.align.keyframes import MOST, keyframes
from utils.align.labels import STILL_SIGMA, Label, evened, labels_of
from utils.align.levels import Rules, found_path
from utils.align.moments import moments_near, moments_of
from utils.align.path import Path
from utils.align.placement import Placement
from utils.align.placing import NEXT, REORDER, Refusal, found_placement
from utils.align.proxies import Proxies

RESTS_PX = 0.005
"""A placement that moved by less is as it was."""
LEAST_TURN_PX = 0.7
"""A foreground that is turned by less, at its corners, is told as not turned."""
ALIKE = 0.85
"""Where matched frames are less alike than this, a placement that was found in few frames is looked for in all."""
LOOKED_AT_ALL = "The placement was looked for in all frames, for {} of the background did not show it clearly."
REFINE = "A precise placement is refined together with the times."
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
    remarks: tuple[str, ...] = ()
    """What people should know of how it was found, in sentences."""


@dataclass(frozen=True)
class _Timed:
    path: Path
    prints: Fingerprints
    compared: Compared


Places = Literal["precise", "auto", "scale"]


@dataclass(frozen=True)
class Matching:
    """How placement and times are found."""

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
    places: Places = "precise"
    """Whether a placement that is found is refined with the times; auto: only where a glance shows that it is off;
    scale: never, and the foreground is not turned."""
    most_keyframes: int = MOST
    """In how many frames of a clip a placement is looked for at first; 0 is all."""


class Pair:
    """Two clips that are to be aligned, and what does not depend on where the foreground lies."""

    def __init__(self, background: Proxies, foreground: Proxies, matching: Matching) -> None:
        self.background, self.foreground = self.clips = background, foreground
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
    found: Placement | None = None,
) -> Alignment:
    """Align two clips, with a given placement or with one that is found; Refusal where they do not belong together.

    A placement that `placed` has found already need not be looked for again.
    """
    matching = matching or Matching()
    check_content(background, foreground)
    pair = Pair(background, foreground, matching)
    is_limited = given is None and keyframes(background, matching.most_keyframes) is not background
    try:
        start = given or found or placed(background, foreground, matching)
        aligned = _aligned(pair, start, matching, check, given is not None)
        if not is_limited or aligned.likeness > ALIKE:
            return aligned
    except Refusal:
        if not is_limited:
            raise
    start = placed(background, foreground, replace(matching, most_keyframes=0))
    aligned = _aligned(pair, start, matching, check, False)
    return replace(aligned, remarks=(*aligned.remarks, LOOKED_AT_ALL.format(matching.most_keyframes)))


def placed(background: Proxies, foreground: Proxies, matching: Matching) -> Placement:
    """The placement that few frames show, upright where it may not be turned."""
    found = found_placement(*(keyframes(each, matching.most_keyframes) for each in (background, foreground)))
    return found.upright(foreground.size) if matching.places == "scale" else found


def _aligned(pair: Pair, start: Placement, matching: Matching, check: Callable[[], None], given: bool) -> Alignment:
    """The alignment that a placement leads to."""
    solved = _solved(pair, start, matching, check, given)
    timed, glance = solved.timed, solved.glance
    found = moments_of(timed.path, timed.prints, pair.background.clock)
    moving = found.sigma < STILL_SIGMA
    agreement = Agreement.of(timed.path, timed.prints)
    _check(timed.path, solved.likeness, agreement.whole)
    _check_order(timed, pair.background.rate / pair.foreground.rate)
    found = found.without(moving & (agreement.near < LEAST_AGREEMENT))
    labels = labels_of(timed.path, found, timed.compared)
    found = evened(found, labels)
    sigma = np.hypot(found.sigma, glance.off_frames) if glance else found.sigma
    remarks = (f"{glance.sentence} {REFINE}",) if glance and glance.is_off else ()
    return Alignment(solved.placement, found.moments, sigma, labels, solved.likeness, remarks)


@dataclass(frozen=True)
class _Solved:
    """A placement, the path under it, how alike frames are then, and how far it may be off, if it was not refined."""

    placement: Placement
    timed: _Timed
    likeness: float
    glance: Glance | None = None


def _solved(pair: Pair, placement: Placement, matching: Matching, check: Callable[[], None], given: bool) -> _Solved:
    """Placement and path follow each other until they rest; one that stays as it is has one path."""
    timed, likeness, turns, size = pair.timed(placement), 0.0, True, pair.foreground.size
    for number in range(matching.refinements):
        check()
        joint, near = _joint(pair, timed, matching)
        if given:
            return _Solved(placement, timed, joint.solve(placement, near, places=False).likeness)
        if number == 0 and matching.places != "precise":
            glance = Glance.of(pair.clips, timed.path, timed.prints, placement, matching.border_px)
            if not glance.is_off or matching.places == "scale":
                return _Solved(placement, timed, glance.likeness, glance)
        solved = joint.solve(placement, near, turns=turns)
        if turns and abs(solved.placement.turn) * max(size) < LEAST_TURN_PX:
            turns = False
            solved = joint.solve(replace(solved.placement, turn=0.0), near)
        moved_px, likeness = solved.placement.differs_px(placement, size), solved.likeness
        placement = solved.placement
        if moved_px < RESTS_PX * placement.scale:
            break
        del timed  # its fingerprints take as much memory as the next ones
        timed = pair.timed(placement)
    return _Solved(placement, timed, likeness)


def _joint(pair: Pair, timed: _Timed, matching: Matching) -> tuple[Joint, NDArray[np.float64]]:
    """The equations of some matched frames, and about when these are."""
    if len(timed.path.matched) < 2:
        raise Refusal("No frame of the foreground was found in the background.", NEXT)
    joint = Joint(pair.background, pair.foreground, timed.path.matched, matching.border_px)
    return joint, moments_near(timed.path, timed.prints, pair.background.clock, joint.indices)


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
