"""Flicker goes, detail stays, and nothing smears: against engines that flicker on purpose, beside what they meant."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from utils.flow import Flow, flow_pair
from utils.image import RGB, Box, Size, bounding_box
from utils.image.metrics import edit_magnitude, mean_square, warp_error, warp_ratio
from utils.image.temporal import GRID, Consistency, Steadiness
from utils.walker import Scene, Shot

Floats = NDArray[np.float32]
Engine = Callable[[RGB, int | None], Floats]
"""What it makes of a frame; without a number it does not flicker."""

TINT = np.array([[0.2, 0.3, 0.7], [0.5, 0.5, 0.1], [0.9, 0.1, 0.1]], np.float32)


@dataclass(frozen=True)
class Take:
    """A part of the walker's way off, in a crop around him, and the motion from each frame to the one before."""

    pictures: list[RGB]
    mattes: list[NDArray[np.uint8]]
    flows: list[Flow]

    def ratio(self, results: list[RGB]) -> float:
        """Warp error in the matte over that of the source."""
        errors = [
            [
                warp_error(frames[i], frames[i - 1], flow, self.mattes[i] > 200)
                for i, flow in enumerate(self.flows, start=1)
            ]
            for frames in (results, self.pictures)
        ]
        return warp_ratio(*errors)


@pytest.fixture(scope="module")
def take() -> Take:
    pictures, mattes = [], []
    scene = Scene(Shot(size=(640, 360), frames=90, shake=0))
    for picture, truth in map(scene.frame, range(68, 81)):
        pictures.append(np.ascontiguousarray(picture[:, 270:530]))
        mattes.append(np.ascontiguousarray(truth.matte[:, 270:530]))
    greys = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pictures]
    flows = [flow_pair(now, before, (1, 0))[0] for before, now in pairwise(greys)]
    return Take(pictures, mattes, flows)


def graded(source: RGB) -> Floats:
    result: Floats = 255 * (source.astype(np.float32) / 255 @ TINT) ** 0.8
    return np.asarray(np.clip(result, 0, 255), np.float32)


def gains(source: RGB, frame: int | None) -> Floats:
    """Brightness and hue jump from frame to frame."""
    if frame is None:
        return graded(source)
    random = np.random.default_rng(100 + frame)
    gain = 1 + random.normal(0, 0.05, 3) + random.normal(0, 0.05)
    return np.asarray(np.clip(graded(source) * gain, 0, 255), np.float32)


def strokes(source: RGB, frame: int | None) -> Floats:
    """Paint strokes that lie elsewhere in every frame."""
    if frame is None:
        return graded(source)
    noise = np.random.default_rng(200 + frame).normal(size=source.shape[:2]).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.asarray(np.clip(graded(source) + (8 / noise.std() * noise)[..., None], 0, 255), np.float32)


def poster(source: RGB, frame: int | None) -> Floats:
    """Few tones, whose thresholds pop."""
    off = 0 if frame is None else np.random.default_rng(300 + frame).uniform(-14, 14)
    smooth = cv2.bilateralFilter(source, 5, 30, 5).astype(np.float32)
    tones = np.clip(np.floor((smooth + off) / 42) * 42 - off + 21, 0, 255)
    return np.asarray(tones * (1, 0.8, 0.6), np.float32)


def negative(source: RGB, frame: int | None) -> Floats:
    """Detail that is not the source's: an edit that is carried along would be wrong wherever something moves."""
    gain = 1 if frame is None else 1 + np.random.default_rng(400 + frame).normal(0, 0.06)
    return np.asarray(np.clip((255 - source.astype(np.float32)) * gain, 0, 255), np.float32)


def made(engine: Engine, take: Take, *, flickering: bool) -> list[RGB]:
    frames = enumerate(take.pictures)
    return [np.rint(engine(picture, index if flickering else None)).astype(np.uint8) for index, picture in frames]


def steadied(results: list[RGB], take: Take, steadiness: Steadiness | None = None) -> list[RGB]:
    consistency = Consistency(steadiness or Steadiness())
    return [consistency.next(*frame) for frame in zip(results, take.pictures, take.mattes, strict=True)]


def newly_seen(take: Take, index: int) -> NDArray[np.bool_]:
    """In or around the person, and not seen in the frame before."""
    hidden = cv2.dilate((~take.flows[index - 1].valid).astype(np.uint8), np.ones((3, 3))) > 0
    return np.asarray(hidden & (cv2.dilate(take.mattes[index], np.ones((21, 21))) > 0))


def detail(results: list[RGB], take: Take) -> float:
    return float(
        np.mean([cv2.Laplacian(r, cv2.CV_32F)[m > 200].std() for r, m in zip(results, take.mattes, strict=True)])
    )


ENGINES = [(gains, True), (strokes, True), (poster, True), (negative, False)]


@pytest.mark.parametrize(("engine", "keeps_detail"), ENGINES)
def test_flicker_goes(take: Take, engine: Engine, keeps_detail: bool) -> None:
    meant, flickering = (made(engine, take, flickering=which) for which in (False, True))
    steady = steadied(flickering, take, Steadiness(keeps_detail=keeps_detail))
    least, before, after = (take.ratio(results) for results in (meant, flickering, steady))
    assert edit_magnitude(steady[-1], take.pictures[-1], take.mattes[-1] > 200) > 10
    assert after <= 1.1
    assert after - least <= 0.3 * (before - least)


@pytest.mark.parametrize(("engine", "keeps_detail"), ENGINES)
def test_nothing_smears_where_something_comes_into_sight(take: Take, engine: Engine, keeps_detail: bool) -> None:
    meant, flickering = (made(engine, take, flickering=which) for which in (False, True))
    steady = steadied(flickering, take, Steadiness(keeps_detail=keeps_detail))
    errors = [
        np.nanmean([mean_square(results[i], meant[i], newly_seen(take, i)) for i in range(4, len(meant))])
        for results in (flickering, steady)
    ]
    assert errors[1] <= errors[0]


def test_the_sources_detail_stays_sharp(take: Take) -> None:
    meant, flickering = (made(gains, take, flickering=which) for which in (False, True))
    assert detail(steadied(flickering, take), take) > 0.95 * detail(meant, take)


@pytest.mark.parametrize("keeps_detail", [True, False])
def test_what_does_not_flicker_is_hardly_touched(take: Take, keeps_detail: bool) -> None:
    meant = made(gains, take, flickering=False)
    steady = steadied(meant, take, Steadiness(keeps_detail=keeps_detail))
    for index, (one, other) in enumerate(zip(steady, meant, strict=True)):
        error = np.sqrt(mean_square(one, other, take.mattes[index] > 200))
        assert error < (5 if keeps_detail else 6)


def test_errors_do_not_add_up(take: Take) -> None:
    """A hue that turns slowly is followed at a short distance, even at full strength: fresh pixels always come in."""
    turning = [
        np.clip(graded(picture) + 1.5 * index, 0, 255).astype(np.uint8) for index, picture in enumerate(take.pictures)
    ]
    steady = steadied(turning, take, Steadiness(1.0, reanchor_frames=4))
    behind = [float(np.mean(b.astype(float) - a)) for a, b in zip(steady, turning, strict=True)]
    assert max(np.abs(behind)) < 12
    assert abs(behind[-1] - behind[-2]) < 0.6


def test_no_strength_is_no_change(take: Take) -> None:
    flickering = made(gains, take, flickering=True)
    for keeps_detail in (True, False):
        results = steadied(flickering, take, Steadiness(0.0, keeps_detail=keeps_detail))
        assert all(np.array_equal(*pair) for pair in zip(results, flickering, strict=True))


def test_nothing_crosses_a_cut(take: Take) -> None:
    """Announced or not: the first frame of a new shot is as it was made, and so is what follows."""
    other = [np.ascontiguousarray(picture[::-1, ::-1]) for picture in take.pictures]
    first, second = graded(take.pictures[3]).astype(np.uint8), (255 - graded(other[9])).astype(np.uint8)
    for announced in (True, False):
        consistency = Consistency()
        consistency.next(first, take.pictures[3], take.mattes[3])
        if announced:
            consistency.cut()
        matte = np.ascontiguousarray(take.mattes[9][::-1, ::-1])
        after = consistency.next(second, other[9], matte)
        assert np.array_equal(after, second) if announced else np.sqrt(mean_square(after, second)) < 3


def test_the_next_window_goes_on_from_the_one_before(take: Take) -> None:
    """A window that came out darker takes on the colours of the finished one and leaves them slowly."""
    finished = graded(take.pictures[0]).astype(np.uint8)
    darker = [(0.85 * graded(picture)).astype(np.uint8) for picture in take.pictures]
    consistency = Consistency()
    consistency.carry(finished, take.pictures[0], take.mattes[0])
    results = [consistency.next(*frame) for frame in zip(darker, take.pictures, take.mattes, strict=True)]
    inside = [matte > 200 for matte in take.mattes]
    bright = [result[i].mean() / dark[i].mean() for result, dark, i in zip(results, darker, inside, strict=True)]
    assert bright[0] > 1.12
    assert bright[-1] < 1.08
    assert all(later < earlier + 0.01 for earlier, later in pairwise(bright))


def test_the_same_frames_give_the_same_frames(take: Take) -> None:
    flickering = made(strokes, take, flickering=True)
    once, again = steadied(flickering, take), steadied(flickering, take)
    assert all(np.array_equal(*pair) for pair in zip(once, again, strict=True))


def test_what_moves_on_its_own_does_not_trail() -> None:
    """A foot that glides over the ground while the source's stands: where it is asked to be fresh, it is on time."""
    texture = cv2.GaussianBlur(np.random.default_rng(5).integers(60, 200, (120, 160, 3)).astype(np.float32), (0, 0), 3)
    source = np.full((120, 160, 3), 90, np.uint8)
    source[::8, ::8] = 140
    matte, fresh = np.full((120, 160), 255, np.uint8), np.full((120, 160), 160, np.uint8)
    late_px = []
    for wanted in (None, fresh):
        consistency = Consistency(Steadiness(keeps_detail=False))
        for index in range(12):
            glide = np.array([[1, 0, index], [0, 1, 0]], float)
            made = cv2.warpAffine(texture, glide, (160, 120), borderMode=cv2.BORDER_REFLECT).astype(np.uint8)
            result = consistency.next(made, source, matte, wanted)
        (late, _), _ = cv2.phaseCorrelate(*(each[20:100, 30:140, 1].astype(np.float32) for each in (result, made)))
        late_px.append(late)
    assert abs(late_px[1]) < 0.25 < abs(late_px[0])


def near(matte: NDArray[np.uint8]) -> Box:
    """Around the person, as far as an edit that ends at their outline can be seen."""
    person = bounding_box(matte)
    assert person
    return person.grown(10, Size.of(matte))


def test_where_only_the_person_is_changed_the_rest_need_not_be_looked_at(take: Take) -> None:
    """As steady as when all is looked at; and what lies outside comes back as it was given."""
    edits = made(strokes, take, flickering=True)
    laid = [
        np.where(matte[..., None] > 0, edit, source)
        for edit, source, matte in zip(edits, take.pictures, take.mattes, strict=True)
    ]
    whole, parts = steadied(laid, take), []
    consistency = Consistency()
    for picture, source, matte in zip(laid, take.pictures, take.mattes, strict=True):
        parts.append(consistency.next(picture, source, matte, within=near(matte)))
    assert take.ratio(parts) < 0.85 * take.ratio(laid)
    assert abs(take.ratio(parts) - take.ratio(whole)) < 0.03
    reached = near(take.mattes[0])
    for part, given, matte in zip(parts, laid, take.mattes, strict=True):
        reached = reached | near(matte)
        outside = np.ones(matte.shape, bool)
        outside[reached.grown(GRID, Size.of(matte)).slices] = False
        assert outside.mean() > 0.1
        assert np.array_equal(part[outside], given[outside])


def test_a_matte_that_flickers_does_not_make_the_edit_flicker(take: Take) -> None:
    """A band across the person is missing from every second matte, and so from the edit; the source shows it always."""
    edits, consistency = made(gains, take, flickering=False), Consistency()
    mattes = [matte.copy() for matte in take.mattes]
    for matte in mattes[1::2]:
        matte[130:190] = 0
    laid = [
        np.where(matte[..., None] > 0, edit, source)
        for edit, source, matte in zip(edits, take.pictures, mattes, strict=True)
    ]
    results = [consistency.next(*frame) for frame in zip(laid, take.pictures, mattes, strict=True)]
    assert edit_magnitude(results[-1], take.pictures[-1], take.mattes[-1] > 200) > 10
    assert take.ratio(results) < 0.4 * take.ratio(laid)


def test_who_jumps_far_keeps_their_look() -> None:
    """The part that is looked at holds where the person was and where they are."""
    texture = np.random.default_rng(3).integers(40, 220, (112, 96, 3), np.uint8)
    ground, looks = np.full((160, 320, 3), 100, np.uint8), []
    consistency = Consistency(Steadiness(1.0, 100))
    for index, gain in enumerate((0.5, 1.0, 1.0)):
        source, matte, edit = ground.copy(), np.zeros((160, 320), np.uint8), ground.copy()
        here = Box(32 + 64 * index, 24, 128 + 64 * index, 136)
        source[here.slices], matte[here.slices] = cv2.GaussianBlur(texture, (0, 0), 4), 255
        edit[here.slices] = np.clip(source[here.slices] + gain * 40, 0, 255)
        result = consistency.next(edit, source, matte, within=near(matte))
        middle = Box(here.left + 8, here.top + 32, here.left + 40, here.bottom - 32).slices
        looks.append(float((result[middle].astype(float) - source[middle]).mean()))
    assert looks[0] == pytest.approx(20, abs=1)
    assert looks[1:] == pytest.approx([30, 33.3], abs=0.6), "half and a third of what is new"


def test_who_is_gone_for_a_frame_begins_anew(take: Take) -> None:
    consistency = Consistency()
    picture, nobody = take.pictures[0], np.zeros_like(take.mattes[0])
    bright, dark = (np.asarray(np.clip(picture * gain, 0, 255), np.uint8) for gain in (1.2, 0.8))
    consistency.next(bright, picture, take.mattes[0], within=near(take.mattes[0]))
    assert np.array_equal(consistency.next(picture, picture, nobody, within=Box(0, 0, 0, 0)), picture)
    assert np.array_equal(consistency.next(dark, picture, take.mattes[0], within=near(take.mattes[0])), dark)
