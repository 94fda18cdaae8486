"""Agreement: whether what changes in a foreground is what changes in the background at the same moments.

Where a camera stands, two takes are alike at any moment, for most of the picture never changes. What is left when each
pixel's mean over time is taken away tells them apart.
"""

import numpy as np
from numpy.typing import NDArray

from utils.align.fingerprints import Fingerprints
from utils.align.path import Path

Values = NDArray[np.float64]
BLOCK, AROUND_FRAMES = 256, 31
"""Frames that are looked at at once, and over how many agreement is measured."""


def agreement_of(path: Path, prints: Fingerprints) -> Values:
    """The correlation of what changes in the frames around each one, from -1 to 1; NaN where nothing matches."""
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
    both, own_power, their_power = (np.convolve(each, kernel, "same") for each in products)
    agreement = both / np.maximum(np.sqrt(own_power * their_power), 1e-9)
    return np.where(path.frames >= 0, agreement, np.nan)
