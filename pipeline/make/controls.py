"""Control images for engines (pose, edges, matte), drawn per frame from measurements of the source."""

from collections.abc import Callable, Iterable

import cv2
import numpy as np

from pipeline.engines.base import Control, View
from utils.image import RGB
from utils.people.pose import ANKLES, ELBOWS, EYES, HEELS, HIPS, KNEES, NOSE, SHOULDERS, TOES, WRISTS

EDGE_LOW, EDGE_HIGH = 60, 160
"""Hysteresis thresholds of the Canny edge detector."""
LIMB_SHARE = 0.012
"""Half the width of a drawn limb, as a share of the picture's height."""
BONES = (
    (SHOULDERS[0], SHOULDERS[1]), (HIPS[0], HIPS[1]),
    *((a[side], b[side]) for side in (0, 1) for a, b in (
        (SHOULDERS, ELBOWS), (ELBOWS, WRISTS), (SHOULDERS, HIPS), (HIPS, KNEES), (KNEES, ANKLES), (ANKLES, HEELS),
        (HEELS, TOES))),
    *((NOSE, eye) for eye in EYES),
)  # fmt: skip


def controls(names: Iterable[Control]) -> dict[Control, Callable[[View], RGB]]:
    """The function that draws each of the named control images (h x w x 3) of a view."""
    return {name: _DRAWN[name] for name in names}


def pose(view: View) -> RGB:
    """The skeleton on black, each limb in its own hue; limbs with a missing joint are left out."""
    drawn = np.zeros_like(view.rgb)
    width = max(1, round(2 * LIMB_SHARE * view.size.height_px))
    for number, (start, stop) in enumerate(BONES):
        ends = view.keypoints[[start, stop]]
        if np.isfinite(ends).all():
            one, other = (tuple(map(int, np.rint(end))) for end in ends)
            cv2.line(drawn, one, other, _hue(number), width, cv2.LINE_AA)
    return drawn


def edges(view: View) -> RGB:
    """Canny edges of the source, white on black."""
    grey = cv2.cvtColor(view.rgb, cv2.COLOR_RGB2GRAY)
    return _three(np.asarray(cv2.Canny(cv2.GaussianBlur(grey, (3, 3), 0), EDGE_LOW, EDGE_HIGH)))


def matte(view: View) -> RGB:
    """The person's matte, white on black."""
    return _three(view.matte)


def _three(grey: np.ndarray) -> RGB:  # type: ignore[type-arg]
    return np.asarray(cv2.merge([grey] * 3))


def _hue(number: int) -> tuple[int, int, int]:
    colour = np.array([[[round(179 * number / len(BONES)), 255, 255]]], np.uint8)
    red, green, blue = cv2.cvtColor(colour, cv2.COLOR_HSV2RGB)[0, 0].tolist()
    return red, green, blue


_DRAWN: dict[Control, Callable[[View], RGB]] = {"pose": pose, "edges": edges, "matte": matte}
