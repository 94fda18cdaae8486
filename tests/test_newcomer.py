"""A person found for the first time is confirmed by closer looks; what only has joints is not."""

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from utils.image import RGB, Box
from utils.people.follow import confirm_person
from utils.people.model import Body, PoseModel, halves, in_whole, isolated, zoomed
from utils.people.pose import HIPS, SHOULDERS
from utils.people.subject import has_trunk
from utils.walker import Scene, Shot, Truth


@pytest.fixture(scope="module")
def shown() -> tuple[RGB, Truth]:
    return Scene(Shot(size=(640, 360), frames=90)).frame(60)


@pytest.fixture(scope="module")
def model() -> Iterator[PoseModel]:
    with closing(PoseModel()) as model:
        yield model


@pytest.fixture
def seen(model: PoseModel, shown: tuple[RGB, Truth]) -> Body:
    model.forget()
    body = model.detect(shown[0])
    assert body is not None
    return body


def test_a_person_is_confirmed(model: PoseModel, shown: tuple[RGB, Truth], seen: Body) -> None:
    assert has_trunk(seen) and confirm_person(model, shown[0], seen)


def test_joints_on_the_empty_ground_are_not(model: PoseModel, shown: tuple[RGB, Truth], seen: Body) -> None:
    assert not confirm_person(model, shown[1].plate, seen)


def test_joints_in_one_spot_are_no_person(seen: Body) -> None:
    joints = seen.keypoints.copy()
    joints[list(HIPS)] = joints[list(SHOULDERS)] + 2
    assert not has_trunk(Body(joints, seen.confidence, seen.mask))
    joints[list(HIPS)] = np.nan
    assert has_trunk(Body(joints, seen.confidence, seen.mask)), "who is cut off at the hips may be a person"


def test_parts_cover_a_wide_picture_and_bodies_go_back_where_they_were(shown: tuple[RGB, Truth], seen: Body) -> None:
    picture = shown[0]
    covered = np.zeros(picture.shape[:2], int)
    for part in halves(picture):
        covered[part.slices] += 1
        inside = Body(
            seen.keypoints - np.array([part.left, part.top], np.float32), seen.confidence, seen.mask[part.slices]
        )
        back = in_whole(inside, part, picture)
        assert np.allclose(back.keypoints, seen.keypoints)
        assert np.array_equal(back.mask[part.slices], seen.mask[part.slices])
    assert covered.min() == 1 and covered.max() == 2
    assert not list(halves(picture.transpose(1, 0, 2)))


def test_zoomed_they_are_as_far_along_and_larger() -> None:
    """A mark of one pixel stays at the same share of the picture's width and height."""
    picture = np.zeros((360, 640, 3), np.uint8)
    box = Box(500, 90, 520, 140)
    picture[115, 510] = 255
    view = zoomed(picture, box)
    assert view.shape[:2] == (180, 320)
    y, x = np.argwhere(view[..., 0])[0]
    assert abs(x / 320 - 510 / 640) < 0.005 and abs(y / 180 - 115 / 360) < 0.005
    assert zoomed(picture, Box(0, 0, 600, 350)).shape == picture.shape, "who is large already is not cut"


def test_only_a_box_is_left() -> None:
    picture = np.full((90, 160, 3), 200, np.uint8)
    left = isolated(picture, Box(70, 40, 90, 60))
    assert left[50, 80].all() and not left[5, 5].any() and Box.of(picture) == Box(0, 0, 160, 90)
