"""Brush strokes on a matte: how they are drawn, carried through a clip, and refused."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.journeys import written
from utils.errors import ClipError
from utils.image import RGB, Size
from utils.media.clip_part import part_of
from utils.media.intake import probe
from utils.media.timebase import Span
from utils.people.carrying import carried
from utils.people.mending import mended
from utils.people.strokes import ADDED, REMOVED, Signed, Stroke, Strokes, painted

SIZE = Size(192, 128)
COUNT, RADIUS_PX = 31, 16


def strokes(**changed: Any) -> dict[str, Any]:
    line = {"frame": 3, "adds": True, "radius_px": 4.0, "points": [[10, 20], [30, 20]]}
    return {"width_px": 192, "height_px": 128, "strokes": [line], **changed}


def read(values: object) -> Strokes:
    return Strokes.read(json.dumps(values).encode())


def test_a_stroke_covers_what_is_near_to_its_line_and_a_later_one_covers_it() -> None:
    there = Stroke(frame=0, adds=True, radius_px=5, points=((20, 30), (60, 30)))
    back = Stroke(frame=0, adds=False, radius_px=3, points=((40, 30),))
    picture = painted([there, back], SIZE)
    assert picture[30, 20] == picture[34, 50] == picture[30, 64] == ADDED
    assert picture[30, 40] == picture[28, 41] == REMOVED and picture[38, 30] == 0 and picture[30, 67] == 0
    assert 0.9 < (picture != 0).sum() / (40 * 10 + np.pi * 25) < 1.15


def test_the_same_strokes_have_the_same_digest_however_they_are_written() -> None:
    spaced = Strokes.read(json.dumps(strokes(), indent=4).encode())
    assert read(strokes()).digest == spaced.digest != read(strokes(clip="a")).digest


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"[]", b"{}", b'{"width_px": 1e400}', b"x" * 9_000_000,
     json.dumps(strokes(strokes=[])).encode(), json.dumps(strokes(more=1)).encode(),
     json.dumps(strokes(strokes=[{"frame": -1, "adds": True, "radius_px": 1, "points": [[0, 0]]}])).encode(),
     json.dumps(strokes(strokes=[{"frame": 0, "adds": True, "radius_px": 1, "points": [[0, 1e9]]}])).encode()],
    ids=lambda content: repr(content[:30]),
)  # fmt: skip
def test_what_are_no_strokes_is_refused_in_a_sentence(content: bytes) -> None:
    with pytest.raises(ClipError, match="no file of brush strokes"):
        Strokes.read(content)


def test_strokes_of_another_clip_are_refused(tmp_path: Path) -> None:
    clip = probe(written(tmp_path / "clip.mp4", [np.zeros((128, 192, 3), np.uint8)] * 4))
    for values in (strokes(), strokes(clip=clip.digest)):
        found = read(values).on(clip)
        assert found and found.frames == [3]
    part = read(strokes()).on(part_of(clip, Span(2, 4)))
    assert part and part.frames == [1]
    with pytest.raises(ClipError, match="outside of the part of the clip that is used, frames 0 to 2"):
        read(strokes()).on(part_of(clip, Span(0, 3)))
    late = strokes(strokes=[{"frame": 4, "adds": True, "radius_px": 1, "points": [[0, 0]]}])
    for values, words in (
        (strokes(clip="0" * 64), "another clip"), (strokes(width_px=200), "200x128"), (late, "frame 4"),
    ):  # fmt: skip
        with pytest.raises(ClipError, match=words):
            read(values).on(clip)


def place(index: int) -> tuple[int, int]:
    return 40 + 3 * index, 64 + round(10 * np.sin(index / 5))


def picture(index: int) -> RGB:
    """A spotted ball that flies over a field of grass while the camera moves."""
    random = np.random.default_rng(3)
    grass = cv2.GaussianBlur(random.integers(0, 255, (200, 400, 3), np.uint8), (0, 0), 1.2)
    grass[..., 0] //= 3
    spots = cv2.GaussianBlur(random.integers(0, 255, (64, 64, 3), np.uint8), (0, 0), 2)
    spots[..., 1] //= 4
    result = np.ascontiguousarray(grass[20 : 20 + 128, 10 + index : 10 + index + 192])
    x, y = place(index)
    inside = ball(index)
    rows, columns = np.nonzero(inside)
    result[inside] = spots[(rows - y) % 64, (columns - x) % 64]
    return result


def ball(index: int) -> NDArray[np.bool_]:
    x, y = place(index)
    rows, columns = np.mgrid[:128, :192]
    return np.asarray((rows - y) ** 2 + (columns - x) ** 2 <= RADIUS_PX**2)


def pictures(span: Span) -> Iterable[RGB]:
    return (picture(index) for index in range(span.start, span.stop))


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_what_is_painted_on_a_moving_thing_goes_along_with_it() -> None:
    drawn: dict[int, Signed] = {15: (ball(15) * ADDED).astype(np.int8)}
    found = carried(drawn, [Span(0, COUNT)], pictures)
    assert found.frames == list(range(COUNT))
    for index in (0, 8, 22, 30):
        correction = found.at(index, SIZE)
        assert correction is not None and overlap(correction > 0, ball(index)) > 0.8, index
        assert (correction >= 0).all()


def test_it_ends_at_a_cut_and_where_the_thing_has_left_the_picture() -> None:
    drawn: dict[int, Signed] = {15: (ball(15) * REMOVED).astype(np.int8)}
    found = carried(drawn, [Span(0, 10), Span(10, 70)], pictures)
    assert found.frames[0] == 10 and 45 < found.frames[-1] < 60
    assert found.at(9, SIZE) is None and found.at(69, SIZE) is None


def test_of_two_frames_that_are_painted_the_nearer_one_counts() -> None:
    drawn = {index: (ball(index) * sign).astype(np.int8) for index, sign in ((5, ADDED), (25, REMOVED))}
    found = carried(drawn, [Span(0, COUNT)], pictures)
    for index, sign in ((12, 1), (18, -1)):
        correction = found.at(index, SIZE)
        assert correction is not None and (np.sign(correction[ball(index)]) == sign).mean() > 0.8


def test_the_edge_of_a_rough_stroke_goes_to_the_edge_in_the_picture() -> None:
    """The brush went a little over the edge of the ball, all around."""
    rough = cv2.dilate(ball(4).view(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    nobody = np.zeros((128, 192), np.uint8)
    matte = mended(nobody, (rough * ADDED).astype(np.int8), picture(4))
    assert overlap(matte > 127, ball(4)) > overlap(rough, ball(4)) + 0.02
    assert (mended(matte, (rough * REMOVED).astype(np.int8), picture(4)) > 127).sum() < 40
    assert np.array_equal(mended(matte, np.zeros((128, 192), np.int8), picture(4)), matte)
