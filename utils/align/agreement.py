"""Agreement: whether what changes in a foreground is what changes in the background at the same moments.

Where a camera stands, two takes are alike at any moment, for most of the picture never changes. What is left when each
pixel's mean over time is taken away tells them apart.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from utils.align.fingerprints import Fingerprints
from utils.align.path import Path

Values = NDArray[np.float64]
BLOCK, AROUND_FRAMES = 256, 31
"""Frames that are looked at at once, and over how many agreement is measured."""
LEAST_CHANGE = 0.01
"""The mean square of what changes, as a share of a picture's, from which on there is something to agree on."""


@dataclass(frozen=True)
class Agreement:
    """The correlation of what changes in both clips, from -1 to 1."""

    near: Values
    """In the frames around each one; NaN where nothing matches."""
    whole: float
    """In all that match, of which those count most in which most changes; 1 where hardly anything does in one clip."""

    @classmethod
    def of(cls, path: Path, prints: Fingerprints) -> "Agreement":
        """That of matched frames."""
        matched = path.matched
        blocks = [matched[start : start + BLOCK] for start in range(0, len(matched), BLOCK)]
        usual = np.zeros((2, prints.weights.size))
        for rows in blocks:
            usual += [prints.own[rows].sum(axis=0), prints.theirs[path.frames[rows]].sum(axis=0)]
        usual = (usual / max(len(matched), 1)).astype(np.float32)
        products = np.zeros((3, len(path.frames)))
        for rows in blocks:
            own, theirs = prints.own[rows] - usual[0], prints.theirs[path.frames[rows]] - usual[1]
            for product, (one, other) in zip(products, ((own, theirs), (own, own), (theirs, theirs)), strict=True):
                product[rows] = np.einsum("np,np->n", one, other)
        kernel = np.ones(min(AROUND_FRAMES, len(path.frames)))
        near = _correlation(*(np.convolve(each, kernel, "same") for each in products))
        both, own_power, their_power = products.sum(axis=1) / max(len(matched), 1)
        whole = float(_correlation(both, own_power, their_power)) if min(own_power, their_power) > LEAST_CHANGE else 1.0
        return cls(np.where(path.frames >= 0, near, np.nan), whole)


def _correlation(both: Values, own: Values, theirs: Values) -> Values:
    return np.asarray(both / np.maximum(np.sqrt(own * theirs), 1e-9))
