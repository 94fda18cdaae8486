"""Pair: two clips that are aligned, what does not depend on where the foreground lies, and the path where it does."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from utils.align.bars import Bars, inside, outside
from utils.align.compared import Compared
from utils.align.fingerprints import Fingerprints, own_prints, print_grid
from utils.align.glance import Glance
from utils.align.joint import Joint
from utils.align.levels import Rules, found_path
from utils.align.matching import Matching
from utils.align.moments import moments_near
from utils.align.path import Path
from utils.align.placement import Placement
from utils.align.proxies import Proxies


@dataclass(frozen=True)
class Timed:
    """The path under a placement, and what it was found by."""

    path: Path
    prints: Fingerprints
    compared: Compared


class Pair:
    """Two clips that are to be aligned, without their bars; it keeps the last path that was asked for."""

    def __init__(self, background: Proxies, foreground: Proxies, matching: Matching) -> None:
        self._bars = Bars.of(background), Bars.of(foreground)
        background, foreground = self._bars[0].without(background), self._bars[1].without(foreground)
        self.background, self.foreground, self.border_px = background, foreground, matching.border_px
        self.ratio, self._reorder = background.rate / foreground.rate, matching.reorder
        longer = max(len(background), len(foreground))
        self._grid = print_grid(foreground.size, longer, matching.width_px, matching.border_px)
        self._own = own_prints(foreground, self._grid)
        self._last: tuple[Placement, Mapping[int, int], Timed] | None = None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is left out of what is compared."""
        named = zip(self._bars, ("background", "foreground"), strict=True)
        return tuple(bars.sentence(name) for bars, name in named if bars)

    def inside(self, placement: Placement) -> Placement:
        """A placement of the whole pictures as one of those without bars, in which everything here is."""
        return inside(placement, *self._bars)

    def outside(self, placement: Placement) -> Placement:
        """A placement as one of the whole pictures."""
        return outside(placement, *self._bars)

    def timed(self, placement: Placement, anchors: Mapping[int, int]) -> Timed:
        """The path under a placement through frames that are held."""
        if self._last and self._last[:2] == (placement, anchors):
            return self._last[2]
        self._last = None  # its fingerprints take as much memory as the next ones
        prints = Fingerprints.of(self.background, self._own, placement, self.foreground.size, self._grid)
        timed = Timed(*found_path(prints, Rules(self.ratio, anchors, self._reorder)))
        self._last = placement, anchors, timed
        return timed

    def joint(self, timed: Timed) -> tuple[Joint, NDArray[np.float64]]:
        """The equations of some frames that match, and about when these are."""
        joint = Joint(self.background, self.foreground, timed.path.matched, self.border_px)
        return joint, moments_near(timed.path, timed.prints, self.background.clock, joint.indices)

    def glance(self, timed: Timed, placement: Placement) -> Glance:
        """How far a placement is off."""
        return Glance.of((self.background, self.foreground), timed.path, timed.prints, placement, self.border_px)
