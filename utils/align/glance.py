"""Glance: a few matched frames show how far a placement that was found quickly is off, and what that does to times."""

from dataclasses import dataclass

import numpy as np

from utils.align.fingerprints import Fingerprints
from utils.align.joint import Joint
from utils.align.moments import moments_near
from utils.align.path import Path
from utils.align.placement import Placement
from utils.align.proxies import Proxies

GLANCE_FRAMES = 12
MOST_OFF_PX, MOST_OFF_FRAMES = 0.5, 0.1
"""How far a placement may be off, in px of the foreground, and times with it, in frames of the background."""


@dataclass(frozen=True)
class Glance:
    """How far a placement is off, as a few matched frames show it."""

    off_px: float
    """At the foreground's corners, in px of its own."""
    off_frames: float
    """How far times move with it, for most frames: under a camera that pans, one looks like the other."""
    likeness: float

    @classmethod
    def of(
        cls, clips: tuple[Proxies, Proxies], path: Path, prints: Fingerprints, placement: Placement, border_px: int
    ) -> "Glance":
        """That of a placement and the path under it, which are solved together once, in a few frames."""
        (background, foreground), matched = clips, path.matched
        few = np.linspace(0, len(matched) - 1, min(GLANCE_FRAMES, len(matched))).round().astype(int)
        joint = Joint(background, foreground, matched[few], border_px)
        near = moments_near(path, prints, background.clock, joint.indices)
        solved = joint.solve(placement, near, turns=True)
        off_px = solved.placement.differs_px(placement, foreground.size) / placement.scale
        return cls(off_px, float(np.median(np.abs(solved.moments - near))), solved.likeness)

    @property
    def is_off(self) -> bool:
        """Whether it is worth to refine the placement."""
        return self.off_px > MOST_OFF_PX or self.off_frames > MOST_OFF_FRAMES

    @property
    def sentence(self) -> str:
        """How far it is off, for people."""
        return f"The placement may be off by {self.off_px:.1f} px, which moves times by {self.off_frames:.2f} frames."
