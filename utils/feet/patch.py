"""Subpixel registration of a small image patch by an affine warp and a change of brightness (Lucas-Kanade)."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Warp = NDArray[np.float64]
"""Affine matrix, 2 x 3: from pixels of the patch, counted from its middle, to pixels of the picture."""

MAX_STEPS = 15
SETTLED_PX = 0.02
MAX_STEP_PX = 4.0
"""A longer step means that the registration failed."""
SHAPE_STIFFNESS = 0.02
"""Regularisation of shape changes; without it a patch with little texture would shrink and stretch at will."""


def at(place: Doubles) -> Warp:
    """The warp that places a patch's middle at a point, without changing its shape."""
    return np.array([[1, 0, place[0]], [0, 1, place[1]]], float)


def cut_out(picture: Floats, warp: Warp, size_px: int) -> Floats:
    """A warped square patch of a grey picture, bilinear."""
    half = size_px // 2
    corner = warp[:, :2] @ np.array([half, half])
    matrix = np.column_stack([warp[:, :2], warp[:, 2] - corner])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    patch = cv2.warpAffine(picture, matrix, (size_px, size_px), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(patch, np.float32)


def _undo_change(warp: Warp, shift_px: Doubles, shape: Doubles) -> Warp:
    """The warp composed with the inverse of a small change of the patch (inverse compositional step)."""
    a, b, c, d = (np.eye(2).ravel() + shape).tolist()
    turn = warp[:, :2] @ np.array([[d, -b], [-c, a]]) / (a * d - b * c)
    return np.hstack([turn, (warp[:, 2] - turn @ shift_px)[:, None]])


@dataclass(frozen=True)
class Patch:
    """A patch to search for: s x s grey values, weights, and the weighted derivatives and normal equations.

    The 8 parameters are shift, shape (4), contrast and brightness.
    """

    values: Floats
    weights: Floats
    changes: Floats
    solver: Doubles
    stiffness: Doubles

    @classmethod
    def of(cls, values: Floats, weights: Floats) -> "Patch | None":
        """Prepare a patch; None when it has too little texture to be located."""
        right, down = (cv2.Scharr(values, cv2.CV_32F, *axis, scale=1 / 32).ravel() for axis in ((1, 0), (0, 1)))
        half = len(values) // 2
        y, x = (each.ravel().astype(np.float32) / half for each in np.mgrid[-half : half + 1, -half : half + 1])
        light = [values.ravel(), np.ones(values.size, np.float32)]
        changes = np.stack([right, down, right * x, right * y, down * x, down * y, *light])
        weighted = changes * weights.ravel()
        normal = (weighted @ changes.T).astype(float)
        stiffness = np.zeros(8)
        stiffness[2:6] = SHAPE_STIFFNESS * (normal[0, 0] + normal[1, 1])
        try:
            solver = np.linalg.inv(normal + np.diag(stiffness))
        except np.linalg.LinAlgError:
            return None
        return cls(values, weights, weighted, solver, stiffness) if np.isfinite(solver).all() else None

    def find(self, picture: Floats, guess: Warp) -> tuple[Warp, float]:
        """Locate the patch in a picture, from a guess; returns the warp and the weighted correlation (at most 1)."""
        warp, size_px, half = guess.copy(), len(self.values), len(self.values) // 2
        for _ in range(MAX_STEPS):
            here = cut_out(picture, warp, size_px)
            shape = np.concatenate([[0, 0], half * (warp[:, :2] - np.eye(2)).ravel(), [0, 0]])
            step = (self.solver @ (self.changes @ (here - self.values).ravel() + self.stiffness * shape))[:6]
            if not np.isfinite(step).all() or np.abs(step).max() > MAX_STEP_PX:
                return guess, 0.0
            warp = _undo_change(warp, step[:2], step[2:] / half)
            if np.abs(step).max() < SETTLED_PX:
                break
        return warp, self._likeness(cut_out(picture, warp, size_px))

    def _likeness(self, here: Floats) -> float:
        """Weighted correlation with another patch."""
        weights = self.weights / self.weights.sum()
        ours = self.values - (weights * self.values).sum()
        theirs = here - (weights * here).sum()
        both = float((weights * ours * theirs).sum())
        size = float((weights * ours**2).sum() * (weights * theirs**2).sum())
        return both / float(np.sqrt(max(size, 1e-12)))
