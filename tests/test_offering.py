"""Frames that people are offered to paint: how far apart they are, why, and how little of a clip is held meanwhile."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np
import pytest

from utils.keyframes.offering import RULES, Offer, Run, Seen, offers, seen_runs

HEIGHT_PX, WIDTH_PX = 96, 160
TEXTURE = cv2.GaussianBlur(np.random.default_rng(2).integers(0, 255, (96, 160)).astype(np.uint8), (0, 0), 2)


def frames_of(scales: Sequence[float], read: list[int] | None = None) -> Iterator[Seen]:
    """A textured square that grows and shrinks; `read` notes which frames were asked for."""
    for index, scale in enumerate(scales):
        if read is not None:
            read.append(index)
        zoom = np.array([[scale, 0, 80 * (1 - scale)], [0, scale, 48 * (1 - scale)]], float)
        inside = np.zeros_like(TEXTURE)
        inside[28:68, 60:100] = 255
        yield (
            cv2.warpAffine(TEXTURE, zoom, (WIDTH_PX, HEIGHT_PX), borderMode=cv2.BORDER_REFLECT),
            cv2.warpAffine(inside, zoom, (WIDTH_PX, HEIGHT_PX)),
        )


def found(scales: Sequence[float], facings: Sequence[float] = ()) -> list[Offer]:
    run = Run([40 * scale for scale in scales], facings or [1.0] * len(scales))
    return list(offers(run, frames_of(scales), lambda: None))


def test_what_stays_as_it_is_is_painted_every_so_often() -> None:
    offered = found([1.0] * 160)
    assert [each.frame for each in offered] == [0, 48, 96, 144]
    assert offered[0].reason == "the first frame of a shot with something to paint"
    assert {each.reason for each in offered[1:]} == {"48 frames after the one before"}


def test_the_last_frame_is_painted_where_the_key_before_it_is_far() -> None:
    assert [each.frame for each in found([1.0] * 75)] == [0, 48, 74]
    assert [each.frame for each in found([1.0] * 25)] == [0]
    assert [each.frame for each in found([1.0])] == [0]


@pytest.mark.parametrize(("first", "last", "word"), [(1.0, 2.0, "grew"), (2.0, 1.0, "shrank")])
def test_somebody_who_comes_nearer_or_goes_is_painted_at_every_size(first: float, last: float, word: str) -> None:
    scales = np.geomspace(first, last, 40).tolist()
    assert RULES.scale < 2
    offered = found(scales)
    for before, after in pairwise(offered):
        assert (
            max(scales[before.frame], scales[after.frame]) / min(scales[before.frame], scales[after.frame])
            <= RULES.scale + 1e-6
        )
    assert offered[1].reason == f"the person {word} {RULES.scale:.1f} times"


def blinking(hidden: range) -> Iterator[Seen]:
    """A picture in whose middle something else is seen for a few frames."""
    other = np.ascontiguousarray(TEXTURE[::-1, ::-1])
    everything = np.full_like(TEXTURE, 255)
    for index in range(21):
        yield (other if index in hidden else TEXTURE), everything


def test_what_comes_into_sight_between_two_keys_is_painted_and_a_turn_is_named() -> None:
    for facings, reason in (
        ([1.0] * 21, "something comes into sight that no other key shows"),
        ([1.0] * 8 + [0.2] * 5 + [1.0] * 8, "the person turned"),
    ):
        offered = list(offers(Run([80.0] * 21, facings), blinking(range(8, 13)), lambda: None))
        (between,) = [each for each in offered if each.frame in range(5, 16)]
        assert between.frame in range(8, 13) and between.reason == reason


def test_frames_are_read_only_as_far_as_keys_are_found() -> None:
    read: list[int] = []
    run = Run([40.0] * 200, [1.0] * 200)
    coming = offers(run, frames_of([1.0] * 200, read), lambda: None)
    for count in range(4):
        assert next(coming).frame == RULES.frames * count
        assert len(read) <= RULES.frames * (count + 1) + 1


def test_keys_are_never_next_to_each_other() -> None:
    """Somebody who becomes larger faster than can be painted is painted every few frames."""
    offered = found(np.geomspace(1, 9, 24).tolist())
    gaps = np.diff([each.frame for each in offered])
    assert gaps[:-1].min() >= RULES.least and len(offered) < 7


def test_short_gaps_do_not_end_a_run() -> None:
    heights = [0, 50, 50, 0, 50, *[0] * 30, 50]
    assert seen_runs(heights) == [(1, 5), (35, 36)]
    assert seen_runs([0.0] * 5) == []


def test_a_run_begins_where_most_of_somebody_is_seen() -> None:
    """And not with a hand that comes into the picture, nor ends with a foot that leaves it."""
    heights = [5, 20, 40, 90, *[100] * 30, 80, 30, 10]
    assert seen_runs(heights) == [(3, 35)]
    growing = np.geomspace(20, 200, 100).tolist()
    assert seen_runs(growing) == [(0, 100)]
