"""Visualisation: ground truth drawn on frames, and contact sheets."""

from collections.abc import Iterable

import cv2
import numpy as np

from utils.walker.kernel import Bytes
from utils.walker.truth import Truth

_LIMBS = (
    (11, 12), (11, 13), (13, 15), (12, 14), (14, 16), (11, 23), (12, 24), (23, 24), (23, 25), (25, 27), (24, 26),
    (26, 28), (27, 29), (29, 31), (27, 31), (28, 30), (30, 32), (28, 32),
)  # fmt: skip
_LEFT, _RIGHT, _MIDDLE, _DOWN = (255, 150, 60), (70, 190, 255), (245, 245, 235), (90, 255, 120)
_FINE = 4
_CROWDED = {1, 2, 3, 4, 5, 6, 9, 10}
"""Landmarks that are not drawn, because eyes and mouth are too small."""


def overlay(picture: Bytes, truth: Truth) -> Bytes:
    """Draw the matte's edge, the keypoints, and the planted heels and toes on a frame."""
    image = picture.copy()
    thick = max(1, round(min(image.shape[:2]) / 400))
    edges, _ = cv2.findContours((truth.matte > 127).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(image, edges, -1, (255, 235, 120), thick, cv2.LINE_AA)
    for a, b in _LIMBS:
        if np.isfinite(truth.keypoints[[a, b]]).all():
            colour = _MIDDLE if a % 2 != b % 2 else (_LEFT if a % 2 else _RIGHT)
            cv2.line(image, _fixed(truth, a), _fixed(truth, b), colour, thick, cv2.LINE_AA, _FINE)
    for index in set(np.flatnonzero(np.isfinite(truth.keypoints[:, 0]))) - _CROWDED:
        fill = -1 if truth.visible[index] else thick
        cv2.circle(image, _fixed(truth, index), (thick + 1) << _FINE, _MIDDLE, fill, cv2.LINE_AA, _FINE)
    for side in (0, 1):
        for down, index in ((truth.heel_down[side], 29 + side), (truth.toe_down[side], 31 + side)):
            if down and np.isfinite(truth.keypoints[index, 0]):
                cv2.circle(image, _fixed(truth, index), (4 * thick) << _FINE, _DOWN, thick + 1, cv2.LINE_AA, _FINE)
    return image


def _fixed(truth: Truth, index: int) -> tuple[int, int]:
    """A keypoint in OpenCV's fixed-point coordinates (1/16 px)."""
    x, y = np.rint(truth.keypoints[index] * (1 << _FINE)).astype(int)
    return int(x), int(y)


def sheet(pictures: Iterable[Bytes], columns: int, width_px: int = 1920) -> Bytes:
    """Contact sheet: pictures of one size, in rows, at a given width."""
    cells = []
    cell_px = (width_px - 4 * (columns + 1)) // columns
    for picture in pictures:
        height = max(1, round(picture.shape[0] * cell_px / picture.shape[1]))
        cell = cv2.resize(picture, (cell_px, height), interpolation=cv2.INTER_AREA)
        cells.append(cv2.copyMakeBorder(cell, 4, 0, 4, 0, cv2.BORDER_CONSTANT, value=(24, 24, 26)))
    cells += [np.full_like(cells[0], 24)] * (-len(cells) % columns)
    rows = [np.hstack(cells[start : start + columns]) for start in range(0, len(cells), columns)]
    return np.asarray(cv2.copyMakeBorder(np.vstack(rows), 0, 4, 0, 4, cv2.BORDER_CONSTANT, value=(24, 24, 26)))
