"""The alignment of two clips: a placement, the times that follow from it, then both together until they agree."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from utils.align.agreement import Agreement
from utils.align.content import check_content
from utils.align.labels import STILL_SIGMA, Label, evened, labels_of
from utils.align.matching import Matching
from utils.align.moments import moments_of
from utils.align.pair import Pair, Timed
from utils.align.path import Path
from utils.align.placed import Placed, in_order, place, refined
from utils.align.placement import Placement
from utils.align.placing import NEXT, REORDER, Refusal
from utils.align.proxies import Proxies

LEAST_MOVED_FRAMES, MOVED_COST, RUNS_AS = 12, 3.0, 0.4
"""So many frames without a match are looked for elsewhere, what those cost at most that are found there, and how far
time may run otherwise from one to the next."""
LEAST_MATCHED, LEAST_LIKENESS, MOST_JUMPS, LEAST_AGREEMENT = 0.2, 0.4, 0.1, 0.45
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
    placed = Placed.given(pair, given) if given else place(pair, replace(matching, anchors={}), check)
    return aligned(pair, placed, matching, check, stays=given is not None)


def aligned(
    pair: Pair, placed: Placed, matching: Matching, check: Callable[[], None] = lambda: None, *, stays: bool = False
) -> Alignment:
    """Find the times of a placed foreground; its placement stays, if it was given, and otherwise if it fits them."""
    with in_order(pair):
        placed, timed = _followed(pair, placed, matching, check, stays=stays)
        agreement = Agreement.of(timed.path, timed.prints)
        _check(timed.path, placed.likeness, agreement.whole)
    _check_order(timed, pair.ratio)
    found = moments_of(timed.path, timed.prints, pair.background.clock)
    moving = found.sigma < STILL_SIGMA
    found = found.without(moving & (agreement.near < LEAST_AGREEMENT))
    labels = labels_of(timed.path, found, timed.compared)
    found = evened(found, labels, matching.anchors, len(pair.background) - 1)
    sigma = np.hypot(found.sigma, placed.off_frames) if placed.off_frames else found.sigma
    remarks = (*pair.remarks, *placed.remarks)
    return Alignment(pair.outside(placed.placement), found.moments, sigma, labels, placed.likeness, remarks)


def _followed(
    pair: Pair, placed: Placed, matching: Matching, check: Callable[[], None], *, stays: bool
) -> tuple[Placed, Timed]:
    """The path under a placement, which follows it where frames that are held show that it is off."""
    timed = pair.timed(placed.under, matching.anchors)
    check()
    if len(timed.path.matched) < 2:
        raise Refusal("No frame of the foreground was found in the background.", NEXT)
    if stays:
        joint, near = pair.joint(timed)
        return replace(placed, likeness=joint.solve(placed.placement, near, places=False).likeness), timed
    if not placed.likeness or (
        matching.anchors and matching.places != "scale" and pair.glance(timed, placed.placement).is_off
    ):
        del timed  # its fingerprints take as much memory as the next ones
        placed = replace(refined(pair, placed.placement, matching, check), remarks=placed.remarks)
        timed = pair.timed(placed.under, matching.anchors)
    return placed, timed


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


def _check_order(timed: Timed, ratio: float) -> None:
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
