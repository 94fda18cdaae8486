"""Finds a small piece of a picture again to a fraction of a pixel: shifted, turned, sheared a little, brighter."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Warp = NDArray[np.float64]
"""2 x 3: from pixels of the piece, counted from its middle, to pixels of the picture."""

STEPS = 15
SETTLED_PX = 0.02
LEAP_PX = 4.0
"""A step longer than this has lost its way."""
STIFF = 0.02
"""How much a change of shape costs; without it a plain piece would shrink and stretch at will."""


def at(place: Doubles) -> Warp:
    """The piece as it is, its middle at a place."""
    return np.array([[1, 0, place[0]], [0, 1, place[1]]], float)


def cut_out(picture: Floats, warp: Warp, size_px: int) -> Floats:
    """A square of a grey picture, between pixels where it must be."""
    half = size_px // 2
    corner = warp[:, :2] @ np.array([half, half])
    matrix = np.column_stack([warp[:, :2], warp[:, 2] - corner])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    found = cv2.warpAffine(picture, matrix, (size_px, size_px), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)


def _without(warp: Warp, shift_px: Doubles, shape: Doubles) -> Warp:
    """The warp after a small change of the piece has been taken back."""
    a, b, c, d = (np.eye(2).ravel() + shape).tolist()
    turn = warp[:, :2] @ np.array([[d, -b], [-c, a]]) / (a * d - b * c)
    return np.hstack([turn, (warp[:, 2] - turn @ shift_px)[:, None]])


@dataclass(frozen=True)
class Piece:
    """What is looked for: s x s grey values, how much each pixel counts, and what each small change does to them."""

    values: Floats
    weights: Floats
    changes: Floats
    solver: Doubles
    stiffness: Doubles

    @classmethod
    def of(cls, values: Floats, weights: Floats) -> "Piece | None":
        """None where there is too little texture to say where it lies."""
        right, down = (cv2.Scharr(values, cv2.CV_32F, *axis, scale=1 / 32).ravel() for axis in ((1, 0), (0, 1)))
        half = len(values) // 2
        y, x = (each.ravel().astype(np.float32) / half for each in np.mgrid[-half : half + 1, -half : half + 1])
        light = [values.ravel(), np.ones(values.size, np.float32)]
        changes = np.stack([right, down, right * x, right * y, down * x, down * y, *light])
        weighted = changes * weights.ravel()
        normal = (weighted @ changes.T).astype(float)
        stiffness = np.zeros(8)
        stiffness[2:6] = STIFF * (normal[0, 0] + normal[1, 1])
        try:
            solver = np.linalg.inv(normal + np.diag(stiffness))
        except np.linalg.LinAlgError:
            return None
        return cls(values, weights, weighted, solver, stiffness) if np.isfinite(solver).all() else None

    def find(self, picture: Floats, guess: Warp) -> tuple[Warp, float]:
        """How it lies in a picture, and how alike what lies there is (correlation, at most 1)."""
        warp, size_px, half = guess.copy(), len(self.values), len(self.values) // 2
        for _ in range(STEPS):
            here = cut_out(picture, warp, size_px)
            shape = np.concatenate([[0, 0], half * (warp[:, :2] - np.eye(2)).ravel(), [0, 0]])
            step = (self.solver @ (self.changes @ (here - self.values).ravel() + self.stiffness * shape))[:6]
            if not np.isfinite(step).all() or np.abs(step).max() > LEAP_PX:
                return guess, 0.0
            warp = _without(warp, step[:2], step[2:] / half)
            if np.abs(step).max() < SETTLED_PX:
                break
        return warp, self._likeness(cut_out(picture, warp, size_px))

    def _likeness(self, here: Floats) -> float:
        weights = self.weights / self.weights.sum()
        ours = self.values - (weights * self.values).sum()
        theirs = here - (weights * here).sum()
        both = float((weights * ours * theirs).sum())
        size = float((weights * ours**2).sum() * (weights * theirs**2).sum())
        return both / float(np.sqrt(max(size, 1e-12)))
