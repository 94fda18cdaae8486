"""Matching: how the placement and the times of two clips are found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from utils.align.fingerprints import WIDTH_PX
from utils.align.keyframes import MOST

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
