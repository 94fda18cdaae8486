"""Somebody half outside the picture keeps their mask while they come and go, and no more than that."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from utils.image import RGB
from utils.people.edge_exit import at_edge, propagate_mask
from utils.people.model import Body
from utils.people.pose import LANDMARKS
from utils.walker import Scene, Shot, Truth

Mask = NDArray[np.uint8]
Filmed = dict[int, tuple[RGB, Truth]]
STEP_PX = 12


@pytest.fixture(scope="module")
def filmed() -> Filmed:
    scene = Scene(Shot(size=(640, 360), frames=90))
    return {index: scene.frame(index) for index in (60, 61)}


def cut_at(filmed: Filmed, into_px: int) -> Callable[[int, int], tuple[RGB, Mask]]:
    """Pictures that end so far beyond the person's left side: picture and mask, moved on by some pixels."""
    columns = np.flatnonzero(filmed[60][1].matte.max(axis=0) > 127)
    right = int(columns[0]) + into_px

    def seen(index: int, moved_px: int) -> tuple[RGB, Mask]:
        picture, truth = filmed[index]
        part = slice(right - 200 - moved_px, right - moved_px)
        return np.ascontiguousarray(picture[:, part]), np.ascontiguousarray(truth.matte[:, part])

    return seen


def body(mask: Mask) -> Body:
    return Body(np.full((LANDMARKS, 2), np.nan, np.float32), np.zeros(LANDMARKS, np.float32), mask)


@pytest.mark.parametrize("moved_px", [STEP_PX, -STEP_PX])
def test_who_leaves_or_comes_is_carried_on(filmed: Filmed, moved_px: int) -> None:
    seen = cut_at(filmed, 50)
    there, mask = seen(60, 0)
    here, truth = seen(61, moved_px)
    found = propagate_mask(body(mask), there, here)
    assert found is not None and np.isnan(found.keypoints).all() and not found.confidence.any()
    a, b = found.mask > 127, truth > 127
    assert (a & b).sum() / (a | b).sum() > 0.7
    assert (a & ~b).sum() < 0.15 * b.sum()


def test_who_is_gone_is_not(filmed: Filmed) -> None:
    there, mask = cut_at(filmed, 50)(60, 0)
    here, truth = cut_at(filmed, 0)(60, 4)
    assert not truth.any() and propagate_mask(body(mask), there, here) is None


def test_who_stands_in_the_middle_is_not_leaving(filmed: Filmed) -> None:
    picture, truth = filmed[60]
    assert not at_edge(truth.matte)
    assert at_edge(cut_at(filmed, 50)(60, 0)[1])
    assert propagate_mask(body(truth.matte), picture, picture) is None
