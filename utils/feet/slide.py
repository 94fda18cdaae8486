"""How much planted feet slide, in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from utils.feet.contacts import Contact
from utils.feet.track import Offsets


@dataclass(frozen=True)
class Slide:
    """Of contact frames in which the foot was found: px of the background off its usual place, and of the leg."""

    mean_px: float
    p95_px: float
    mean_leg_percent: float
    found_frames: int
    contact_frames: int


def slide(offsets: Sequence[Offsets]) -> Slide:
    """Over all contacts together; NaN where no foot was found."""
    ways = [np.linalg.norm(each.px, axis=1) for each in offsets]
    found = [way[np.isfinite(way)] for way in ways]
    every = np.concatenate([*found, np.zeros(0)])
    of_leg = np.concatenate([*(way / each.leg_px for way, each in zip(found, offsets, strict=True)), np.zeros(0)])
    total = sum(len(way) for way in ways)
    if not len(every):
        return Slide(np.nan, np.nan, np.nan, 0, total)
    return Slide(float(every.mean()), float(np.percentile(every, 95)), float(100 * of_leg.mean()), len(every), total)


def by_contact(offsets: Sequence[Offsets]) -> tuple[tuple[Contact, Slide], ...]:
    """The same for each contact alone."""
    return tuple((each.contact, slide([each])) for each in offsets)
