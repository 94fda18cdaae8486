"""Placed: where a foreground lies, before frames are held: found in few frames, then refined together with times."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from utils.align.believed import is_believed
from utils.align.glance import Glance
from utils.align.keyframes import keyframes
from utils.align.matching import Matching
from utils.align.pair import Pair
from utils.align.placement import Placement
from utils.align.placing import NEXT, Refusal, found_placement
from utils.align.proxies import Proxies
from utils.align.search import searched

RESTS = 4e-5
"""A placement that moved by less, as a share of the foreground's width there, is as it was."""
LEAST_TURN_PX = 0.7
"""A foreground that is turned by less, at its corners, is told as not turned."""
LOOKED_AT_ALL = "The placement was looked for in all frames, for {} of the background did not show it clearly."
LONGER = 3.0
"""A foreground that is so many times as long as its background may be the background."""
SWAPPED = "The foreground is much longer than the background: perhaps each was given in the other's place."
REFINE = "A precise placement is refined together with the times."


@dataclass(frozen=True)
class Placed:
    """A placement of the pictures of a pair, which are without bars, and what is known of it."""

    placement: Placement
    under: Placement
    """The placement under which frames are compared, from which it differs by less than what matters."""
    likeness: float = 0.0
    """How alike matched frames are; 0 where too few match to tell."""
    off_frames: float = 0.0
    """How far times may be off with it, in frames of the background, if it was not refined."""
    remarks: tuple[str, ...] = ()

    @classmethod
    def given(cls, pair: Pair, placement: Placement) -> "Placed":
        """A placement of the whole pictures that people give."""
        return cls(pair.inside(placement), pair.inside(placement))

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Placed":
        """Read what `asdict` gives."""
        places = {name: Placement(**told[name]) for name in ("placement", "under")}
        return cls(**{**told, **places, "remarks": tuple(told["remarks"])})


@contextmanager
def in_order(pair: Pair) -> Iterator[None]:
    """Let a refusal of clips of which the foreground is much longer say that they may have changed places."""
    try:
        yield
    except Refusal as refusal:
        lengths_s = [len(clip) / clip.rate for clip in (pair.foreground, pair.background)]
        if refusal.remedy == NEXT and lengths_s[0] > LONGER * lengths_s[1]:
            raise Refusal(refusal.problem, SWAPPED) from None
        raise


def place(pair: Pair, matching: Matching, check: Callable[[], None]) -> Placed:
    """Find where the foreground of a pair lies, in all frames where few do not show it clearly."""
    clips, most = (pair.background, pair.foreground), matching.most_keyframes
    is_limited = keyframes(pair.background, most) is not pair.background
    with in_order(pair):
        found = _from_few(*clips, matching) if is_limited else None
        check()
        placed = _placed(pair, found or looked_for(*clips, replace(matching, most_keyframes=0)), matching, check)
    remarks = (LOOKED_AT_ALL.format(most),) if is_limited and not found else ()
    return replace(placed, remarks=(*placed.remarks, *remarks))


def _from_few(background: Proxies, foreground: Proxies, matching: Matching) -> Placement | None:
    """The placement that few frames show; None where it is not believed."""
    try:
        found = looked_for(background, foreground, matching)
    except Refusal:
        return None
    return found if is_believed(background, foreground, found, matching.most_keyframes) else None


def looked_for(background: Proxies, foreground: Proxies, matching: Matching) -> Placement:
    """The placement that few frames show, upright where it may not be turned; all of them are searched at last."""
    try:
        found = found_placement(*(keyframes(each, matching.most_keyframes) for each in (background, foreground)))
    except Refusal:
        found_there = None if matching.most_keyframes else searched(background, foreground)
        if found_there is None:
            raise
        found = found_there
    return found.upright(foreground.size) if matching.places == "scale" else found


def _placed(pair: Pair, found: Placement, matching: Matching, check: Callable[[], None]) -> Placed:
    """A placement that was found, refined as far as that is asked for."""
    timed = pair.timed(found, {})
    check()
    if len(timed.path.matched) < 2:
        return Placed(found, found)
    if matching.places == "precise":
        return refined(pair, found, matching, check)
    glance = pair.glance(timed, found)
    if glance.is_off and matching.places == "auto":
        return refined(pair, found, matching, check)
    return _kept(found, glance)


def _kept(placement: Placement, glance: Glance) -> Placed:
    """A placement as it was found, and what it may be off."""
    remarks = (f"{glance.sentence} {REFINE}",) if glance.is_off else ()
    return Placed(placement, placement, glance.likeness, glance.off_frames, remarks)


def refined(pair: Pair, placement: Placement, matching: Matching, check: Callable[[], None]) -> Placed:
    """Placement and path follow each other until they rest."""
    under, likeness, turns, size = placement, 0.0, True, pair.foreground.size
    for _ in range(matching.refinements):
        check()
        timed = pair.timed(under, matching.anchors)
        if len(timed.path.matched) < 2:
            raise Refusal("No frame of the foreground was found in the background.", NEXT)
        joint, near = pair.joint(timed)
        del timed
        solved = joint.solve(placement, near, turns=turns)
        if turns and abs(solved.placement.turn) * max(size) < LEAST_TURN_PX:
            turns = False
            solved = joint.solve(replace(solved.placement, turn=0.0), solved.moments)
        moved_px, likeness = solved.placement.differs_px(placement, size), solved.likeness
        placement = solved.placement
        if moved_px < RESTS * placement.scale * size.width_px:
            return Placed(placement, under, likeness)
        under = placement
    return Placed(placement, under, likeness)
