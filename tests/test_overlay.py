"""Laying a foreground over a background: which pixels change, in which colours, and what is shown when."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from pipeline.align.laying import LaidPlane, TurnedPlane, matrix_of
from pipeline.align.overlay import Look, Overlay
from pipeline.align.time_map import TimeMap
from pipeline.align.timeline import Timeline
from tests.aligned import Case, Pair, written
from tests.panned import texture
from utils.align.labels import Label
from utils.align.placement import Placement
from utils.image import RGB, Size
from utils.image.metrics import psnr_db
from utils.media.clip import Clip
from utils.media.colour import ColourConverter, ColourTags, samples, usual_matrix
from utils.media.intake import probe
from utils.media.planes import Plane
from utils.media.video import ClipPlanes
from utils.media.write import ClipWriter, Encoding, Shape


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A second that is seen through a window at (60, 34)."""
    return Case("plain", seconds=1.0).made(tmp_path_factory.mktemp("pair"))


def mapped(moments: list[float], placement: Placement | None = None) -> TimeMap:
    known = np.array(moments)
    labels = tuple(Label.NOTHING if np.isnan(each) else Label.SURE for each in known)
    return TimeMap(placement or Placement(1.0, 60.1, 33.9), known, np.zeros(len(known)), labels, 1.0)


def first(pair: Pair, found: TimeMap, look: Look | None = None) -> av.VideoFrame:
    return next(Overlay(pair.background, pair.foreground, found, look or Look()).pictures())


def planes(frame: av.VideoFrame) -> list[Plane]:
    return [samples(each) for each in frame.planes]


def planes_of(clip: Clip, index: int) -> list[Plane]:
    found = next(ClipPlanes(clip, clip.colour).read([index])).planes
    return [found.brightness, *found.colours]


def test_pixels_of_both_clips_stay_as_they_are(pair: Pair) -> None:
    moments = [30.0] * len(pair.foreground)
    shown, own, behind = (
        planes(first(pair, mapped(moments))), planes_of(pair.foreground, 0), planes_of(pair.background, 30)
    )  # fmt: skip
    for number, part in enumerate((1, 2, 2)):
        inside = (slice(34 // part, 146 // part), slice(60 // part, 260 // part))
        assert np.array_equal(shown[number][inside], own[number])
        shown[number][inside] = behind[number][inside]
        assert np.array_equal(shown[number], behind[number])


def test_edges_are_soft_inside_the_picture_only(pair: Pair) -> None:
    moments = [30.0] * len(pair.foreground)
    plain, soft = (planes(first(pair, mapped(moments), Look(blend)))[0].astype(int) for blend in (0, 8))
    behind, inner = planes_of(pair.background, 30)[0].astype(int), (slice(42, 138), slice(68, 252))
    assert np.array_equal(soft[inner], plain[inner]) and (soft != plain).any()
    share = (
        np.abs(soft[34:146, 60:68] - behind[34:146, 60:68]).sum(axis=0)[1:]
        / np.abs(plain[34:146, 60:68] - behind[34:146, 60:68]).sum(axis=0)[1:]
    )
    assert (np.diff(share) > 0).all() and share[0] < 0.3 and share[-1] > 0.8
    corner = mapped(moments, Placement(1.0, 0.0, 0.0))
    sharp, soft = (planes(first(pair, corner, Look(blend)))[0] for blend in (0, 8))
    assert np.array_equal(sharp[:100, :190], soft[:100, :190]) and (sharp[:112, :200] != soft[:112, :200]).any()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("crop", "scale"), [((8, 60, 200, 112), 1.25), ((33, 21, 240, 136), 0.5), ((61, 35, 200, 112), 1)]
)
def test_scaled_and_odd_places_are_met_to_a_fraction_of_a_pixel(
    crop: tuple[int, int, int, int], scale: float, tmp_path: Path
) -> None:
    """What is laid there looks like the background itself, and less so a little aside; colours, too."""
    pair = Case("scaled", seconds=0.2, crop=crop, scale=scale, crf=10, background_crf=10).made(tmp_path)
    moments = [float(index) for index in range(len(pair.foreground))]
    behind = planes_of(pair.background, 0)

    def like(plane: int, aside_px: float) -> float:
        placed = Placement(pair.scale, pair.corner[0] + aside_px, pair.corner[1])
        return psnr_db(planes(first(pair, mapped(moments, placed)))[plane], behind[plane])

    assert like(0, 0.0) > 38 and like(0, 0.0) > max(like(0, -0.5), like(0, 0.5)) + 2
    assert like(1, 0.0) > 35 and like(1, 0.0) > max(like(1, -2), like(1, 2))


def test_a_foreground_that_is_larger_or_elsewhere_is_cut() -> None:
    own, onto = np.full((40, 60), 200, np.uint8), np.zeros((30, 30), np.uint8)
    LaidPlane(Size(60, 40), Size(30, 30), matrix_of(Placement(1.0, -10.0, -5.0), Size(60, 40)), 4.0).lay(own, onto)
    assert (onto == 200).all(), "its edges lie outside, where nothing is softened"
    onto[:] = 0
    for away in (Placement(1.0, 40.0, 0.0), Placement(1.0, 0.0, -80.0)):
        LaidPlane(Size(60, 40), Size(30, 30), matrix_of(away, Size(60, 40)), 4.0).lay(own, onto)
    assert not onto.any()
    LaidPlane(Size(60, 40), Size(30, 30), matrix_of(Placement(0.1, 10.4, 10.4), Size(60, 40)), 0.0).lay(own, onto)
    assert onto[:10].max() == 0 and onto[10, 12] == 120 and onto[12, 12] == 200, "covered to six tenths, and wholly"


def test_a_turned_foreground_is_turned_back() -> None:
    """Seen through a window that leans by two degrees, and laid where it was."""
    behind = texture(Size(160, 120), 3)[..., 0].copy()
    place, size = Placement(1.1, 40.0, 30.0, float(np.radians(2))), Size(70, 50)
    matrix = matrix_of(place, size)
    own = cv2.warpAffine(behind, matrix[:2], size, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
    onto = np.asarray(behind // 2, np.uint8)
    TurnedPlane(size, Size(160, 120), matrix, 0.0).lay(np.asarray(own, np.uint8), onto)
    changed = onto != behind // 2
    inside = cv2.erode(changed.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert abs(changed.sum() / (1.1**2 * 70 * 50) - 1) < 0.05 and psnr_db(onto[inside], behind[inside]) > 35
    assert not changed[:28].any() and not changed[:, :36].any()


def test_a_foreground_in_other_colours_is_brought_into_the_backgrounds(tmp_path: Path) -> None:
    """An odd size, and tags that store the same red otherwise."""
    red, grey = np.full((91, 121, 3), (200, 40, 30), np.uint8), np.full((121, 161, 3), 90, np.uint8)
    behind = written(tmp_path / "grey.mp4", [grey] * 6, Fraction(25), 5)
    tags = ColourTags(1, 1, 1, full_range=True, assumed_matrix=1)
    shape = replace(Shape.steady(Size.of(red), Fraction(25)), colour=tags)
    with ClipWriter(tmp_path / "red.mp4", shape, Encoding(crf=5)) as writer:
        for index in range(6):
            writer.write(red, index, 1)
    own = probe(tmp_path / "red.mp4")
    overlay = Overlay(behind, own, mapped([1.0] * 6, Placement(1.0, 20.0, 10.0)))
    shown: RGB = ColourConverter(overlay.colour).to_rgb(next(overlay.pictures()), behind.size.even)
    assert np.abs(shown[14:96, 24:136].astype(int) - (200, 40, 30)).max() <= 3
    assert np.abs(shown[110:, :].astype(int) - 90).max() <= 3


def test_clips_without_tags_are_taken_to_be_stored_alike(tmp_path: Path) -> None:
    """A small cut of a large picture: players would assume another matrix for it."""
    clips = []
    for name, size in (("large", Size(1280, 64)), ("small", Size(200, 64))):
        shape = replace(Shape.steady(size, Fraction(25)), colour=ColourTags(assumed_matrix=usual_matrix(size)))
        with ClipWriter(tmp_path / f"{name}.mp4", shape, Encoding(crf=5)) as writer:
            for index in range(6):
                writer.write(np.full((*size[::-1], 3), (200, 40, 30), np.uint8), index, 1)
        clips.append(probe(tmp_path / f"{name}.mp4"))
    behind, own = clips
    assert behind.colour.matrix == own.colour.matrix == 2 and behind.colour != own.colour
    shown = planes(next(Overlay(behind, own, mapped([1.0] * 6, Placement(1.0, 100.0, 0.0))).pictures()))
    assert all(np.array_equal(a[:, 50:150], b) for a, b in zip(shown[1:], planes_of(own, 0)[1:], strict=True))


def test_what_is_behind_is_the_nearest_frame_or_a_mix(pair: Pair) -> None:
    found = mapped([20.25] * len(pair.foreground))
    near, mixed = (planes(first(pair, found, Look(behind=each)))[0] for each in ("nearest", "blended"))
    one, other = (planes_of(pair.background, index)[0].astype(float) for index in (20, 21))
    assert np.array_equal(near[:30], one[:30].astype(np.uint8))
    assert np.abs(mixed[:30] - (0.75 * one + 0.25 * other)[:30]).max() <= 0.51


def test_the_whole_background_shows_the_foreground_where_it_is_found(pair: Pair) -> None:
    """Every second frame from 10 on, two lost, then a gap of 30 frames in which the background stands alone."""
    moments = [np.nan, *map(float, range(10, 21, 2)), *map(float, range(26, 30, 2)), *map(float, range(58, 62, 2))]
    found, fewer = mapped(moments), replace(pair.foreground, rate=Fraction(30))
    whole = Timeline.whole(found, pair.background, fewer)
    own = [each.own for each in whole.shown]
    assert whole.clip is pair.background and len(own) == len(pair.background)
    assert [each.moment for each in whole.shown] == list(range(len(pair.background)))
    alone = [index for index, each in enumerate(own) if each is None]
    assert alone == [*range(9), *range(30, 57)]
    assert own[20:27] == [6, 6, 6, 6, 7, 7, 7] or own[20:27] == [6, 6, 6, 7, 7, 7, 7]
    trimmed = Timeline.trimmed(found, pair.background, pair.foreground)
    assert [each.own for each in trimmed.shown] == list(range(1, 11)) and trimmed.shown[-1].moment == 59.0
    pictures = Overlay(pair.background, fewer, found, Look(length="whole")).pictures()
    assert np.array_equal(planes(next(pictures))[0], planes_of(pair.background, 0)[0])
