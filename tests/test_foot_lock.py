"""Slides are undone smoothly, up to a limit, and moving a foot moves nothing else and folds nothing."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from utils.feet.contacts import Contact
from utils.feet.leg_warp import LegField, in_picture, leg_field
from utils.feet.sliding import EXTENSION_FRAMES, CorrectionRule, Corrections, corrections, extended
from utils.feet.track import Offsets
from utils.image import Size
from utils.image.geometry import shift
from utils.media.timebase import Span
from utils.people.pose import ANKLES, HEELS, HIPS, KNEES, TOES

SIZE = Size(400, 360)
COUNT = 60


def offsets(part: str, start: int, stop: int, slide: NDArray[np.float64], foot: str = "left") -> Offsets:
    """A contact that slid like this, as a tracker measures it: from its own median."""
    px = slide[start:stop] - np.median(slide[start:stop], axis=0)
    contact = Contact(foot, part, Span(start, stop), (100.0, 300.0))  # type: ignore[arg-type]
    return Offsets(contact, px, np.ones(stop - start), 200.0)


@pytest.fixture
def slide() -> NDArray[np.float64]:
    """12 px to the right and 4 down while the foot stands, frames 20 to 40."""
    share = np.clip((np.arange(COUNT) - 20) / 20, 0, 1)
    return np.column_stack([12 * share, 4 * share])


@pytest.fixture
def stance(slide: NDArray[np.float64]) -> list[Offsets]:
    """Heel first, then both, then the toe."""
    return [offsets("heel", 20, 32, slide), offsets("toe", 23, 40, slide)]


def test_a_slide_is_undone_over_heel_and_toe_alike(stance: list[Offsets], slide: NDArray[np.float64]) -> None:
    found = corrections(stance, COUNT)
    stands = (slide + found.px[:, 0])[20:40]
    assert np.ptp(stands, axis=0).max() < 0.6
    assert not found.px[:, 1].any() and found.refused == ()


def test_a_lock_sets_in_and_lets_go_without_a_jump(stance: list[Offsets]) -> None:
    found = corrections(stance, COUNT, CorrectionRule(extension_frames=4)).px[:, 0]
    edge = np.linalg.norm(found[20])
    assert edge > 4
    steps = np.linalg.norm(np.diff(found, axis=0), axis=1)
    assert steps.max() < 0.5 * edge
    assert not found[:15].any() and not found[44:].any()


def test_without_extension_nothing_moves_before_or_after(stance: list[Offsets]) -> None:
    found = corrections(stance, COUNT, CorrectionRule(extension_frames=0)).px[:, 0]
    assert not found[:20].any() and not found[40:].any() and found[20].any()


def test_blend_takes_its_share(stance: list[Offsets]) -> None:
    whole, half, none = (corrections(stance, COUNT, CorrectionRule(blend=blend)).px for blend in (1.0, 0.5, 0.0))
    assert np.allclose(half, 0.5 * whole) and np.abs(whole).max() > 4 and not none.any()


def test_beyond_the_limit_a_foot_is_left_alone_and_named(stance: list[Offsets]) -> None:
    found = corrections(stance, COUNT, CorrectionRule(limit_leg=0.02))
    assert not found.px.any()
    assert found.refused == tuple(each.contact for each in stance)


def test_a_foot_that_was_not_found_is_left_alone(slide: NDArray[np.float64]) -> None:
    lost = offsets("toe", 20, 40, slide)
    found = corrections([Offsets(lost.contact, np.full((20, 2), np.nan), np.zeros(20), 200.0)], COUNT)
    assert isinstance(found, Corrections) and not found.px.any() and found.refused == (lost.contact,)


def test_the_pieces_of_a_stance_have_one_place(slide: NDArray[np.float64]) -> None:
    """The toe was not seen to stand for a moment, in which it cannot have taken a step; between them it slid on."""
    pieces = [offsets("heel", 20, 30, slide), offsets("toe", 20, 30, slide), offsets("toe", 33, 40, slide)]
    stands = (slide + corrections(pieces, COUNT).px[:, 0])[20:40]
    assert np.ptp(stands, axis=0).max() < 0.8


def test_a_stance_is_followed_a_little_longer_at_both_ends() -> None:
    """Not where its other part takes over, not across a cut, and the other foot does not matter."""
    contacts = [
        Contact("left", "heel", Span(20, 32), (0, 0)),
        Contact("left", "toe", Span(23, 40), (0, 0)),
        Contact("right", "toe", Span(1, 21), (0, 0)),
        Contact("left", "toe", Span(55, 59), (0, 0)),
    ]
    spans = [each.span for each in extended(contacts, (range(59), range(59, 61)))]
    assert spans == [
        Span(20 - EXTENSION_FRAMES, 32),
        Span(23, 40 + EXTENSION_FRAMES),
        Span(0, 21 + EXTENSION_FRAMES),
        Span(55 - EXTENSION_FRAMES, 59),
    ]


def test_gaps_and_single_misses_do_not_shake_the_foot(slide: NDArray[np.float64]) -> None:
    each = offsets("toe", 20, 40, slide)
    each.px[5:9] = np.nan
    each.px[14] += 9
    stands = (slide + corrections([each], COUNT).px[:, 0])[20:40]
    assert np.ptp(stands, axis=0).max() < 1.0


def joints(apart_px: float = 90.0) -> NDArray[np.float32]:
    """Somebody seen from the front, 200 px of leg, the left foot on the right."""
    points = np.full((33, 2), np.nan, np.float32)
    for side, x in ((0, 200 + apart_px / 2), (1, 200 - apart_px / 2)):
        for pair, y in ((HIPS, 100), (KNEES, 200), (ANKLES, 300), (HEELS, 308), (TOES, 325)):
            points[pair[side]] = (x, y)
    return points


def whole(field: LegField) -> NDArray[np.float32]:
    """The field over all of the picture."""
    vectors = np.zeros((SIZE.height_px, SIZE.width_px, 2), np.float32)
    vectors[field.box.slices] = field.vectors
    return vectors


def field_of(points: NDArray[np.float32], moves: list[list[float]]) -> NDArray[np.float32]:
    field = leg_field(points, np.array(moves), SIZE)
    assert field is not None
    return whole(field)


def test_the_foot_goes_where_it_should_and_the_knee_and_the_other_leg_stay() -> None:
    points = joints()
    vectors = field_of(points, [[10, -4], [0, 0]])
    for index in (ANKLES[0], HEELS[0], TOES[0]):
        x, y = np.rint(points[index] + (10, -4)).astype(int)
        assert np.allclose(vectors[y, x], (-10, 4), atol=0.05)
    for index in (KNEES[0], HIPS[0], KNEES[1], ANKLES[1], HEELS[1], TOES[1]):
        x, y = points[index].astype(int)
        assert np.abs(vectors[y - 1 : y + 2, x - 8 : x + 9]).max() < 0.3


def test_a_foot_whose_knee_is_out_of_the_picture_is_moved_all_the_same() -> None:
    points = joints()
    points[KNEES[0]] = np.nan
    vectors = field_of(points, [[10, -4], [0, 0]])
    for index in (ANKLES[0], HEELS[0], TOES[0]):
        x, y = np.rint(points[index] + (10, -4)).astype(int)
        assert np.allclose(vectors[y, x], (-10, 4), atol=0.05)


def test_a_foot_that_the_edge_cuts_off_is_moved_as_far_as_it_is_seen() -> None:
    points = joints()
    points[TOES[0]] = np.nan
    vectors = field_of(points, [[10, -4], [0, 0]])
    for index in (ANKLES[0], HEELS[0]):
        x, y = np.rint(points[index] + (10, -4)).astype(int)
        assert np.allclose(vectors[y, x], (-10, 4), atol=0.05)


def test_a_drawn_foot_is_moved_as_it_is() -> None:
    """A square on the toe comes out the same, 10 px further on, with the ground under it."""
    points = joints()
    picture = np.full((SIZE.height_px, SIZE.width_px), 90, np.uint8)
    x, y = points[TOES[0]].astype(int)
    cv2.rectangle(picture, (x - 8, y - 8), (x + 8, y + 8), 220, -1)
    vectors = field_of(points, [[10, 0], [0, 0]])
    columns, rows = np.meshgrid(np.arange(SIZE.width_px, dtype=np.float32), np.arange(SIZE.height_px, dtype=np.float32))
    out = cv2.remap(picture, columns + vectors[..., 0], rows + vectors[..., 1], cv2.INTER_LINEAR)
    assert np.array_equal(out[y - 12 : y + 13, x - 2 : x + 23], picture[y - 12 : y + 13, x - 12 : x + 13])


@pytest.mark.parametrize("apart_px", [0.0, 25.0, 90.0])
@pytest.mark.parametrize(
    "moves",
    [[[30, 0], [0, 0]], [[-30, 0], [30, 0]], [[30, 0], [-30, 0]], [[0, -30], [0, 0]], [[21, 21], [-21, -21]]],
    ids=["right", "towards", "away", "up", "apart"],
)
@pytest.mark.parametrize("held", [(1.0, 1.0), (1.0, 0.0), (0.26, 1.0)])
def test_nothing_folds_over(apart_px: float, moves: list[list[float]], held: tuple[float, float]) -> None:
    """With both feet at the largest move that is allowed, 15 % of the leg, however close the legs are."""
    field = leg_field(joints(apart_px), np.array(moves, float), SIZE, held)
    assert field
    vectors = whole(field).astype(float)
    x_by_y, x_by_x = np.gradient(vectors[..., 0])
    y_by_y, y_by_x = np.gradient(vectors[..., 1])
    jacobian = (1 + x_by_x) * (1 + y_by_y) - x_by_y * y_by_x
    assert jacobian.min() > 0.1
    assert np.abs(vectors).max() > 3


def test_a_planted_foot_does_not_give_way_when_the_other_swings_past() -> None:
    for apart_px in (60.0, 20.0, 0.0):
        points = joints(apart_px)
        field = leg_field(points, np.array([[6.0, 0], [0, 0]]), SIZE, (1.0, 0.0))
        assert field
        x, y = np.rint(points[TOES[0]] + (6, 0)).astype(int)
        assert np.allclose(whole(field)[y, x], (-6, 0), atol=0.05)


@pytest.mark.parametrize("own", [0.0, 6.0])
def test_a_planted_foot_does_not_go_along_with_one_that_swings_past_and_still_moves(own: float) -> None:
    points, moves = joints(20.0), np.array([[own, 0.0], [9.0, 2.0]])
    x, y = np.rint(points[TOES[0]] + (own, 0)).astype(int)
    held = leg_field(points, moves, SIZE, (1.0, 0.0))
    assert held and np.allclose(whole(held)[y, x], (-own, 0), atol=0.05)
    alike = leg_field(points, moves, SIZE)
    assert alike and np.abs(whole(alike)[y, x] - (-own, 0)).max() > 0.5, "there was nothing to hold it against"


def test_who_is_held_fades_as_moves_do(stance: list[Offsets]) -> None:
    found = corrections(stance, COUNT, CorrectionRule(extension_frames=4))
    assert (found.held[20:40, 0] == 1).all() and not found.held[:, 1].any()
    assert (np.diff(found.held[15:21, 0]) > 0).all() and (np.diff(found.held[39:45, 0]) < 0).all()
    assert not found.held[:16, 0].any() and not found.held[44:, 0].any()


def test_the_field_is_smooth_and_ends_at_zero() -> None:
    field = leg_field(joints(), np.array([[10.0, 0], [0, 0]]), SIZE)
    assert field is not None and field.vectors.shape == (field.box.size.height_px, field.box.size.width_px, 2)
    assert field.vectors.dtype == np.float32
    assert not field.vectors[0].any() and not field.vectors[:, 0].any() and not field.vectors[:, -1].any()


def test_nothing_to_do_is_no_field() -> None:
    assert leg_field(joints(), np.zeros((2, 2)), SIZE) is None


@pytest.mark.parametrize("missing", [(ANKLES[0],), (HEELS[0], TOES[0]), KNEES], ids=["ankle", "heel and toe", "knees"])
def test_a_leg_that_is_not_seen_is_left_alone(missing: tuple[int, ...]) -> None:
    """One knee may be missing, since the other leg's tells how far off it is, and a heel or a toe; not more."""
    points = joints()
    points[list(missing)] = np.nan
    assert leg_field(points, np.array([[10.0, 0], [0, 0]]), SIZE) is None


def test_moves_are_turned_into_the_pixels_of_a_picture() -> None:
    """A picture of half the size, turned by a quarter."""
    turned = np.array([[0, -2, 0], [2, 0, 0], [0, 0, 1.0]])
    moves = in_picture(np.array([[4.0, 0], [0, 6]]), joints(), shift(30, 5) @ turned)
    assert np.allclose(moves, [[0, -2], [3, 0]])
