"""A frame between two painted keys, as both of them show it.

Each pixel comes from the key that is nearer and surer. Where the two agree they are mixed; where they differ one of
them is taken for the whole region, with a soft edge, for mixing would show both at once.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.flow import fetched
from utils.image import RGB, Size
from utils.image.blending import ghosting, mixed
from utils.keyframes.motion import Match

Floats = NDArray[np.float32]

LEAST_SURE = 0.02
"""Where neither key is surer than this, the nearer one counts."""
REGION_SHARE = 0.012
"""Radius, as a share of the height, of a region that comes from one key where the two differ."""
EDGE_STEEPNESS = 6.0
REACHED = 0.35
"""A pixel this sure is taken to be shown by a key."""


@dataclass(frozen=True)
class Side:
    """A painted key, and where each pixel of a frame lies in it."""

    picture: RGB
    match: Match

    def carried(self) -> RGB:
        """The frame as this key alone shows it, with one resampling."""
        return fetched(self.picture, self.match.resized(Size.of(self.picture)).vectors, sharp=True)


def carried(before: Side, after: Side, place: float) -> RGB:
    """A frame as its keys show it; `place` is where it lies between them, 0 to 1."""
    shares = _shares(before.match.sure, after.match.sure, place)
    one, other = before.carried(), after.carried()
    shares = cv2.resize(shares, Size.of(one), interpolation=cv2.INTER_LINEAR)
    either = np.clip(EDGE_STEEPNESS * (shares - 0.5) + 0.5, 0, 1)
    return mixed(one, other, np.asarray(shares + ghosting(one, other) * (either - shares), np.float32))


def unreached(sures: list[Floats], subject: NDArray[np.uint8]) -> float:
    """The share of the subject that no key shows, given how sure each key's match is."""
    inside = cv2.resize(subject, Size.of(sures[0]), interpolation=cv2.INTER_AREA) > 127
    if not inside.any():
        return 0.0
    return float((np.maximum.reduce(sures)[inside] < REACHED).mean())


def _shares(before: Floats, after: Floats, place: float) -> Floats:
    """How much of each pixel comes from the later key, alike within regions."""
    early, late = (1 - place) * (before + LEAST_SURE), place * (after + LEAST_SURE)
    shares = np.asarray(late / (early + late), np.float32)
    return np.asarray(cv2.GaussianBlur(shares, (0, 0), max(1.0, REGION_SHARE * len(shares))), np.float32)
