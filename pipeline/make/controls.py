"""Control images for engines (pose, edges, soft edges, matte, depth), drawn per frame from what the source shows, or
taken from a guide."""

from collections.abc import Callable, Iterable, Mapping

import cv2
import numpy as np

from pipeline.engines.base import Control, View
from pipeline.make.depth import Views, WindowDepth
from pipeline.make.given_guide import WindowGuide
from pipeline.make.skeleton import skeleton
from utils.image import RGB
from utils.image.soft_edges import soft_edges

EDGE_LOW, EDGE_HIGH = 60, 160
"""Hysteresis thresholds of the Canny edge detector."""


def leads(
    names: Iterable[Control], views: Views, guide: WindowGuide | None
) -> Mapping[Control, Callable[[View], RGB | None]]:
    """The named control images of a window: the pictures of a guide, whatever they show, or drawn from the source."""
    return controls(names, views) if guide is None else dict.fromkeys(names, guide)


def controls(names: Iterable[Control], views: Views) -> dict[Control, Callable[[View], RGB]]:
    """The function that draws each of the named control images (h x w x 3) of a view; `views` are all of its window."""
    drawn: dict[Control, Callable[[View], RGB]] = {**_DRAWN, "depth": WindowDepth(views)}
    return {name: drawn[name] for name in names}


def pose(view: View) -> RGB:
    """The skeleton on black."""
    return skeleton(view.keypoints, view.rgb)


def edges(view: View) -> RGB:
    """Canny edges of the source, white on black."""
    return canny(view.rgb)


def canny(rgb: RGB) -> RGB:
    """Canny edges of a picture, white on black."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return _three(np.asarray(cv2.Canny(cv2.GaussianBlur(grey, (3, 3), 0), EDGE_LOW, EDGE_HIGH)))


def outlines(view: View) -> RGB:
    """Soft edges of the source, white and grey on black."""
    return _three(soft_edges(view.rgb))


def matte(view: View) -> RGB:
    """The person's matte, white on black."""
    return _three(view.matte)


def _three(grey: np.ndarray) -> RGB:  # type: ignore[type-arg]
    return np.asarray(cv2.merge([grey] * 3))


_DRAWN: dict[Control, Callable[[View], RGB]] = {"pose": pose, "edges": edges, "soft_edges": outlines, "matte": matte}
