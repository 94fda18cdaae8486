"""A frame from several proposals: of each pixel those count that bring the source's own frame closest to what it is.

Where the two keys agree they mix, more of the nearer one, so that one passes into the other over time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image import RGB
from utils.keyframes.synthesis import Floats, Proposal

NEAR_PX = 1.5
"""Radius within which a proposal is judged."""
SAME = 30.0
"""Squared difference in Lab, in 8-bit levels, below which proposals are hardly told apart."""
STEEPNESS = 2.0
"""The power of the difference by which a proposal counts less."""


@dataclass(frozen=True)
class Chosen:
    """A frame, and how far off its best proposals were in the source: Lab levels per pixel."""

    picture: RGB
    off: Floats


def chosen(proposals: Sequence[tuple[Proposal, float]], source: RGB) -> Chosen:
    """The frame from proposals, each with how near its key is (0..1)."""
    seen = cv2.cvtColor(source, cv2.COLOR_RGB2LAB)
    offs = [_off(proposal, seen) for proposal, _ in proposals]
    shares = [near / (off + SAME) ** STEEPNESS for off, (_, near) in zip(offs, proposals, strict=True)]
    total = np.sum(shares, axis=0)
    made = np.sum(
        [each[..., None] * proposal.painted for each, (proposal, _) in zip(shares, proposals, strict=True)], 0
    )
    picture = np.clip(np.rint(made / total[..., None]), 0, 255).astype(np.uint8)
    return Chosen(picture, np.sqrt(np.minimum.reduce(offs)))


def _off(proposal: Proposal, seen: NDArray[np.uint8]) -> Floats:
    made = cv2.cvtColor(np.clip(np.rint(proposal.source), 0, 255).astype(np.uint8), cv2.COLOR_RGB2LAB)
    change = cv2.subtract(made, seen, dtype=cv2.CV_32F)
    return np.asarray(cv2.GaussianBlur((change * change).sum(axis=2), (0, 0), NEAR_PX), np.float32)
