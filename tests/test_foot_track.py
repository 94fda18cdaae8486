"""Planted feet are found again in any pictures: at rest where they are, and where they slid to."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from utils.feet.contacts import PARTS, SIDES, Contact
from utils.feet.sliding import by_contact, corrections, slide
from utils.feet.track import FootTracker, Offsets
from utils.image import RGB
from utils.image.geometry import Matrix, inverse, moved, normal
from utils.media.timebase import Span
from utils.people.pose import ANKLES, HEELS, KNEES, TOES
from utils.walker import Shot, Truth, walk

pytestmark = pytest.mark.slow

Doubles = NDArray[np.float64]
FRAMES = 78
SLIDE_PX = 8.0


class Filmed:
    """The walker's pictures and truth, and how each lies to the first."""

    def __init__(self, pictures: Sequence[RGB], truths: Sequence[Truth]) -> None:
        self.pictures = pictures
        self.joints = np.array([truth.keypoints for truth in truths])
        cameras = np.array([truth.view.camera for truth in truths])
        self.cameras: Matrix = normal(inverse(cameras[0]) @ cameras)
        self.down = np.array([[truth.heel_down, truth.toe_down] for truth in truths])
        """n x (heel, toe) x (left, right)."""

    def contacts(self) -> list[Contact]:
        """The true ones."""
        points = moved(self.cameras[:, None], self.joints.astype(float))
        found = []
        for side, foot in enumerate(SIDES):
            for index, (part, pair) in enumerate(zip(PARTS, (HEELS, TOES), strict=True)):
                for span in runs(self.down[:, index, side]):
                    x, y = np.median(points[span.start : span.stop, pair[side]], axis=0)
                    found.append(Contact(foot, part, span, (float(x), float(y))))
        return [each for each in found if len(each.span) > 2]

    def stances(self, side: int) -> list[Span]:
        return runs(self.down[:, :, side].any(axis=1))


def runs(flags: NDArray[np.bool_]) -> list[Span]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return [Span(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


@pytest.fixture(scope="module")
def filmed() -> Filmed:
    """Steps, a stand and the turn away."""
    pictures, truths = zip(*walk(Shot(size=(640, 360), frames=FRAMES)), strict=True)
    return Filmed(pictures, truths)


def slid(filmed: Filmed) -> Doubles:
    """n x 2 x 2 px: over each stance a foot slides evenly, the left one right and down, the right one left."""
    ways = np.zeros((FRAMES, 2, 2))
    for side, way in ((0, (0.8, 0.6)), (1, (-1.0, 0.2))):
        for span in filmed.stances(side):
            ways[span.start : span.stop, side] = np.linspace(0, SLIDE_PX, len(span))[:, None] * way
    return ways


def pushed(picture: RGB, joints: Doubles, side: int, way: Doubles) -> RGB:
    """A picture in which a leg below the knee is pushed aside: whole near it, the nearer leg decides."""
    if np.abs(way).max() < 0.01 or not np.isfinite(joints[[KNEES[side], ANKLES[side], HEELS[side], TOES[side]]]).all():
        return picture
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    far = [distances(rows, columns, joints, each) for each in (side, 1 - side)]
    near = np.exp(-(np.maximum(far[0] - 9, 0) ** 2) / 200) / (1 + np.exp(np.clip((far[0] - far[1]) / 2, -30, 30)))
    knee, ankle = joints[KNEES[side]], joints[ANKLES[side]]
    weight = near * np.clip((rows - knee[1]) / max(0.8 * (ankle[1] - knee[1]), 1), 0, 1)
    there = [(each - weight * move).astype(np.float32) for each, move in ((columns, way[0]), (rows, way[1]))]
    return np.asarray(cv2.remap(picture, there[0], there[1], cv2.INTER_CUBIC), np.uint8)


def distances(rows: Doubles, columns: Doubles, joints: Doubles, side: int) -> Doubles:
    """From a leg below the knee, sampled along its bones."""
    bones = [[KNEES, ANKLES], [ANKLES, HEELS], [HEELS, TOES], [ANKLES, TOES]]
    points = np.concatenate([np.linspace(joints[a[side]], joints[b[side]], 12) for a, b in bones])
    if not np.isfinite(points).all():
        return np.full(rows.shape, 1e3)
    free = np.full(rows.shape, 255, np.uint8)
    for x, y in np.rint(points).astype(int):
        cv2.circle(free, (int(x), int(y)), 2, 0, -1)
    return np.asarray(cv2.distanceTransform(free, cv2.DIST_L2, 5), float)


def tracked(filmed: Filmed, change: Callable[[int, RGB], RGB] = lambda _, picture: picture) -> tuple[Offsets, ...]:
    tracker = FootTracker(filmed.contacts())
    for index, picture in enumerate(filmed.pictures):
        tracker.add(index, change(index, picture), filmed.joints[index], filmed.cameras[index])
    return tracker.offsets()


def sliding(filmed: Filmed, ways: Doubles) -> Callable[[int, RGB], RGB]:
    def change(index: int, picture: RGB) -> RGB:
        turn = np.linalg.inv(filmed.cameras[index])[:2, :2]
        for side in (0, 1):
            picture = pushed(picture, filmed.joints[index].astype(float), side, turn @ ways[index, side])
        return picture

    return change


def left_px(filmed: Filmed, ways: Doubles, found: Doubles) -> Doubles:
    """Of every frame of every stance of some length, how far the foot is from where it stands."""
    ends = []
    for side in (0, 1):
        for span in filmed.stances(side):
            if len(span) > 6:
                place = (ways + found)[span.start : span.stop, side]
                ends.append(np.linalg.norm(place - np.median(place, axis=0), axis=1))
    return np.concatenate(ends)


@pytest.fixture(scope="module")
def still(filmed: Filmed) -> tuple[Offsets, ...]:
    return tracked(filmed)


@pytest.fixture(scope="module")
def pulled(filmed: Filmed) -> tuple[Offsets, ...]:
    return tracked(filmed, sliding(filmed, slid(filmed)))


def test_feet_that_stand_are_not_moved(filmed: Filmed, still: tuple[Offsets, ...]) -> None:
    found = corrections(still, FRAMES)
    assert np.linalg.norm(found.px, axis=2).mean() < 0.3
    assert slide(still).mean_px < 0.3


def test_a_slide_is_found_and_undone(filmed: Filmed, pulled: tuple[Offsets, ...]) -> None:
    ways = slid(filmed)
    before = left_px(filmed, ways, np.zeros_like(ways))
    after = left_px(filmed, ways, corrections(pulled, FRAMES).px)
    assert before.mean() > 1.5
    assert after.mean() < 0.6
    assert np.percentile(after, 95) < 2.0
    assert after.mean() < 0.35 * before.mean()


def test_a_part_of_a_contact_is_measured_from_its_own_place(pulled: tuple[Offsets, ...]) -> None:
    each = max(pulled, key=lambda each: np.isfinite(each.px[:, 0]).sum())
    span = each.contact.span
    inner = replace(each.contact, span=Span(span.start + 2, span.stop - 1))
    part = each.during(inner)
    assert part.contact == inner and len(part.px) == len(part.likeness) == len(inner.span)
    assert np.allclose(np.nanmedian(part.px, axis=0), 0)
    assert np.allclose(np.diff(part.px, axis=0), np.diff(each.px[2:-1], axis=0), equal_nan=True)


def test_what_is_found_in_the_source_is_not_a_slide(
    filmed: Filmed, still: tuple[Offsets, ...], pulled: tuple[Offsets, ...]
) -> None:
    """A foot that rolls seems to move in both alike, so the slide alone is left."""
    ways = slid(filmed)

    def wrong_px(found: Sequence[Offsets]) -> Doubles:
        errors = []
        for each, own in zip(found, beyond, strict=True):
            span, both = each.contact.span, np.isfinite(own.px[:, 0])
            if both.sum() > 3:
                error = (each.px - ways[span.start : span.stop, SIDES.index(each.contact.foot)])[both]
                errors.append(np.linalg.norm(error - np.median(error, axis=0), axis=1))
        return np.concatenate(errors)

    beyond = [own.beyond(source) for own, source in zip(pulled, still, strict=True)]
    assert wrong_px(beyond).mean() < 0.8 * wrong_px(pulled).mean()
    assert all(np.nan_to_num(own.beyond(own).px).max() == 0 for own in still)


@pytest.mark.parametrize("look", ["noise", "poster"])
def test_a_slide_is_found_in_other_textures(filmed: Filmed, look: str) -> None:
    ways = slid(filmed)
    push = sliding(filmed, ways)
    rng = np.random.default_rng(2)

    def change(index: int, picture: RGB) -> RGB:
        picture = push(index, picture)
        if look == "noise":
            return np.clip(picture + rng.normal(0, 6, picture.shape), 0, 255).astype(np.uint8)
        return np.asarray(cv2.bilateralFilter(picture, 7, 40, 5) // 32 * 32, np.uint8)

    after = left_px(filmed, ways, corrections(tracked(filmed, change), FRAMES).px)
    assert after.mean() < 0.9


def test_the_ground_is_not_mistaken_for_the_foot(filmed: Filmed, pulled: tuple[Offsets, ...]) -> None:
    """Measured where heel and toe both stand: the whole of the slide, not the ground's share of it."""
    ways = slid(filmed)
    errors = []
    for each in pulled:
        side, span = SIDES.index(each.contact.foot), each.contact.span
        flat = filmed.down[span.start : span.stop, :, side].all(axis=1) & np.isfinite(each.px[:, 0])
        if flat.sum() > 3:
            error = (each.px - ways[span.start : span.stop, side])[flat]
            errors.append(np.linalg.norm(error - np.median(error, axis=0), axis=1))
    assert np.concatenate(errors).mean() < 0.35


def test_slide_in_numbers(still: tuple[Offsets, ...], pulled: tuple[Offsets, ...]) -> None:
    assert slide(pulled).mean_px > 3 * slide(still).mean_px
    assert slide(pulled).p95_px > slide(pulled).mean_px > 0
    assert 0.5 < slide(pulled).mean_leg_percent < 10
    assert slide(still).found_frames <= slide(still).contact_frames == sum(len(each.px) for each in still)
    assert [contact for contact, _ in by_contact(still)] == [each.contact for each in still]


def test_nothing_is_found_where_no_joints_are(filmed: Filmed) -> None:
    tracker = FootTracker(filmed.contacts())
    for index in range(40):
        tracker.add(index, filmed.pictures[index], np.full((33, 2), np.nan, np.float32), filmed.cameras[index])
    offsets = tracker.offsets()
    assert offsets and all(np.isnan(each.px).all() for each in offsets)
    assert slide(offsets).found_frames == 0
    assert not corrections(offsets, 40).px.any()


def test_the_same_pictures_give_the_same_offsets(filmed: Filmed, still: tuple[Offsets, ...]) -> None:
    for once, again in zip(still, tracked(filmed), strict=True):
        assert np.array_equal(once.px, again.px, equal_nan=True)
