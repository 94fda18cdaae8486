"""Soft edges: outlines in three grey levels, whatever the size, and little of what is fine inside them."""

import cv2
import numpy as np

from pipeline.engines.base import View
from pipeline.make.controls import controls
from utils.image import RGB
from utils.image.soft_edges import soft_edges
from utils.walker import Shot, walk


def halves(left: tuple[int, int, int], right: tuple[int, int, int], side: int = 64) -> RGB:
    picture = np.full((side, side, 3), left, np.uint8)
    picture[:, side // 2 :] = right
    return picture


def test_an_edge_of_light_or_of_colour_alone_is_drawn_where_it_is() -> None:
    for picture in (halves((40, 40, 40), (200, 200, 200)), halves((200, 80, 80), (30, 140, 140))):
        drawn = soft_edges(picture)
        assert drawn.shape == (64, 64) and set(np.unique(drawn)) == {0, 128, 255}
        assert (drawn[:, 31:33] == 255).all() and not drawn[:, :24].any() and not drawn[:, 40:].any()


def test_grain_is_no_edge() -> None:
    grain = np.random.default_rng(0).normal(0, 12, (128, 128, 1))
    grainy = np.clip(halves((90, 90, 90), (170, 170, 170), 128) + grain, 0, 255).astype(np.uint8)
    assert not soft_edges(grainy)[:, :48].any() and (soft_edges(grainy)[:, 63:65] > 0).all()
    assert cv2.Canny(grainy, 60, 160)[:, :48].any(), "it is enough for hard ones"


def test_they_scale_with_the_picture_and_lie_around_the_person() -> None:
    rgb, truth = next(iter(walk(Shot(size=(192, 128), frames=1))))
    view = View(0, rgb, truth.matte, truth.keypoints.astype(np.float32))
    small = controls(("soft_edges",), lambda: iter([view]))["soft_edges"](view)
    assert small.shape == rgb.shape
    large = soft_edges(cv2.resize(rgb, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC))
    shrunk = cv2.resize(large, (192, 128), interpolation=cv2.INTER_AREA).astype(float)
    assert np.corrcoef(shrunk.ravel(), small[..., 0].ravel())[0, 1] > 0.7
    outline = cv2.morphologyEx((truth.matte > 127).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0
    assert small[outline].mean() > 3 * small[~outline].mean()
