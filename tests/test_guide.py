"""Guides: right in direction, length and time at every index, still where nothing moves, free where nothing guides."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.guide.carried import CarriedAnchors
from pipeline.guide.drawn import Drawing
from pipeline.guide.flows import FLOW, ClipFlow, Range
from pipeline.guide.kind import KIND
from pipeline.guide.led import Led
from pipeline.guide.plan import GuidePlan, Structure
from pipeline.guide.story import FREE, GIVEN, Guide, MadeGuide, make_guide
from pipeline.stage import RunContext
from pipeline.types import NO_CONTROL, Reference
from tests.panned import panned
from utils.errors import SettingsError
from utils.flow.wheel import NO_MOTION, flow_colours
from utils.image import RGB, Size
from utils.image.metrics import psnr_db
from utils.media.clip import Clip
from utils.media.timebase import Span
from utils.media.video import ClipFrames
from utils.store import Store

SIZE = Size(320, 192)
STEP = (3, -2)
INNER = (slice(24, -24), slice(24, -24))
RATE = Fraction(24)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> RunContext:
    return RunContext(Store(tmp_path_factory.mktemp("cache")), KIND.settings.load("", {}).flat())


@pytest.fixture(scope="module")
def pan(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """21 frames that go 3 px to the right and 2 up each."""
    return panned(tmp_path_factory.mktemp("clips") / "pan.mp4", SIZE, [STEP] * 20)


@pytest.fixture(scope="module")
def halting(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """A grainy clip that moves for five frames, stands for eight and moves back."""
    steps = [(4, 0)] * 5 + [(0, 0)] * 8 + [(-4, 0)] * 5
    return panned(tmp_path_factory.mktemp("clips") / "halting.mp4", SIZE, steps, noise=2.5)


def led(plan: GuidePlan, context: RunContext) -> tuple[Led, ...]:
    """The structures of a plan with their flow."""
    return tuple(
        Led(plan, each, ClipFlow(FLOW.result(context, clip=each.clip, range=Range(each.clip.span))))
        for each in plan.structures
    )


def plan_of(clip: Clip, frames: int = 21, **changes: Any) -> GuidePlan:
    """A plan in which one clip leads all frames."""
    of_structure = {name: changes.pop(name) for name in list(changes) if name in Structure.__dataclass_fields__}
    structure = Structure(clip, **{"at": Span(0, frames), "source": clip.span, **of_structure})
    return replace(GuidePlan(SIZE, RATE, frames, (structure,)), **changes)


def flows(plan: GuidePlan, context: RunContext) -> list[np.ndarray[Any, Any]]:
    """The displacement at each index that the first structure leads."""
    one = led(plan, context)[0]
    return [one.motion(index) for index in one.structure.led(plan.rate)]


def test_every_frame_of_a_pan_shows_its_step_in_its_direction(pan: Clip, context: RunContext) -> None:
    plan = plan_of(pan)
    for vectors in flows(plan, context):
        assert np.abs(vectors[INNER] - STEP).mean() < 0.25
    drawing = Drawing(plan, led(plan, context))
    assert drawing.full_px == pytest.approx(np.hypot(*STEP), rel=0.1)
    wanted = flow_colours(np.array([[STEP]], np.float32), drawing.full_px)[0, 0]
    for picture in drawing.pictures():
        assert np.abs(np.median(picture[INNER], axis=(0, 1)) - wanted).max() <= 12


@pytest.mark.parametrize("frames", [40, 82, 11])
def test_a_stretched_structure_moves_as_far_in_all(pan: Clip, context: RunContext, frames: int) -> None:
    steps = np.array([vectors[INNER].mean(axis=(0, 1)) for vectors in flows(plan_of(pan, frames), context)])
    total = steps[1:].sum(axis=0)
    assert np.abs(total - 20 * np.array(STEP)).max() <= 0.01 * 20 * max(map(abs, STEP))
    assert np.abs(steps - steps.mean(axis=0)).max() < 0.25, "no step is doubled, none is left out"


def test_what_stands_still_is_not_made_to_move_by_its_noise(halting: Clip, context: RunContext) -> None:
    plan = plan_of(halting, 19)
    lengths = [float(np.linalg.norm(vectors, axis=-1)[INNER].mean()) for vectors in flows(plan, context)]
    assert max(lengths[6:13]) < 0.05, "the still stretch"
    assert min(lengths[1:5]) > 3.5 and min(lengths[14:18]) > 3.5
    picture = list(Drawing(plan, led(plan, context)).pictures())[9]
    assert np.abs(picture[INNER].astype(int) - NO_MOTION).mean() < 4


def test_a_clip_keeps_its_pace_and_leaves_the_rest_free(pan: Clip, context: RunContext) -> None:
    plan = plan_of(pan, 60, treatment="clip", rate=Fraction(48))
    drawing = Drawing(plan, led(plan, context))
    assert plan.structures[0].led(plan.rate) == Span(0, 41), "20 steps of 1/24 s are 40 of 1/48 s"
    assert drawing.tracker().unguided() == [Span(41, 60)]
    steps = np.array([vectors[INNER].mean(axis=(0, 1)) for vectors in flows(plan, context)])
    assert np.abs(steps - np.array(STEP) / 2).max() < 0.15
    pictures = list(drawing.pictures())
    assert all((picture == NO_CONTROL).all() for picture in pictures[41:])
    assert not any((picture == NO_CONTROL).all() for picture in pictures[:41])


def test_the_times_of_uneven_frames_are_followed(pan: Clip) -> None:
    """A recorder that drops frames: 0, 10, 50, 60, 100, 110 ... ms. Moments lie where the times say."""
    pts = tuple(50 * (number // 2) + 10 * (number % 2) for number in range(21))
    uneven = replace(pan, constant_rate=False, time_base=Fraction(1, 1000), pts=pts, last_duration=40)

    def ms(moment: Fraction) -> Fraction:
        before = int(moment)
        share = moment - before
        return pts[before] + share * (pts[before + 1] - pts[before] if share else 0)

    stretched = Structure(uneven, Span(0, 41), Span(2, 19))
    moments = [stretched.moment(index, RATE) for index in range(41)]
    assert moments[0] == Fraction(2) and moments[-1] == Fraction(18)
    assert {ms(after) - ms(before) for before, after in pairwise(moments) if before and after} == {Fraction(400, 40)}
    paced = Structure(uneven, Span(5, 99), Span(2, 19), "clip")
    assert paced.led(RATE) == Span(5, 15), "400 ms at 24 frames a second, and the first"
    at = [paced.moment(index, RATE) for index in (5, 6, 14, 15)]
    assert [ms(moment) for moment in at if moment is not None] == [50, 50 + Fraction(1000, 24), 50 + Fraction(9000, 24)]
    assert at[-1] is None


def test_strength_scales_the_motion_and_none_is_not_the_same_as_no_control(pan: Clip, context: RunContext) -> None:
    whole, half, none = (
        next(Drawing(plan, led(plan, context)).pictures())
        for plan in (plan_of(pan, strength=strength) for strength in (1, 0.5, 0))
    )
    assert (none == NO_MOTION).all() and NO_MOTION != NO_CONTROL
    ratio = (255 - half[INNER].astype(float)).mean() / (255 - whole[INNER].astype(float)).mean()
    assert ratio == pytest.approx(0.5, abs=0.03)


def test_crop_and_pad_do_the_same_to_pictures_and_to_their_flow(pan: Clip, context: RunContext) -> None:
    for fit, size, scale in (("crop", Size(96, 96), 0.5), ("pad", Size(160, 160), 0.5), ("crop", Size(640, 384), 2)):
        plan = plan_of(pan, size=size, fit=fit)
        one = led(plan, context)[0]
        vectors = one.motion(5)[8:-8, 8:-8]
        assert np.abs(vectors - scale * np.array(STEP)).mean() < 0.25 * scale
        before, after = (one.picture(index).astype(np.float32) for index in (4, 5))
        back = cv2.remap(after, vectors_map(-one.motion(5)), None, cv2.INTER_LINEAR)
        assert np.abs(back - before)[12:-12, 12:-12].mean() < np.abs(after - before)[12:-12, 12:-12].mean() / 3
    plan = plan_of(pan, size=Size(160, 160), fit="pad")
    picture = next(Drawing(plan, led(plan, context)).pictures())
    assert (picture[:30] == NO_CONTROL).all() and not (picture[40:120] == NO_CONTROL).all()


def vectors_map(vectors: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Where each pixel of the frame before lies in the one after, for a motion that is the same everywhere."""
    rows, columns = np.indices(vectors.shape[:2], np.float32)
    return np.asarray(np.dstack([columns - vectors[..., 0], rows - vectors[..., 1]]), np.float32)


def test_a_picture_between_two_frames_lies_between_them(pan: Clip, context: RunContext) -> None:
    plan = plan_of(pan, 41, type="raw")
    one = led(plan, context)[0]
    frames = [frame.rgb for frame in ClipFrames.of(pan)]
    assert np.array_equal(one.picture(8), frames[4]), "a frame itself is not touched"
    halfway = one.picture(9).astype(np.float32)
    true = cv2.warpAffine(frames[4], np.array([[1, 0, 1.5], [0, 1, -1.0]]), tuple(SIZE), flags=cv2.INTER_LINEAR)
    assert psnr_db(halfway[INNER].astype(np.uint8), true[INNER]) > 32
    mixed = (frames[4].astype(np.float32) + frames[5]) / 2
    assert (
        psnr_db(mixed[INNER].astype(np.uint8), true[INNER]) < psnr_db(halfway[INNER].astype(np.uint8), true[INNER]) - 3
    )


def test_ranges_may_meet_and_fade_and_never_overlap(pan: Clip, halting: Clip, context: RunContext) -> None:
    def two(begin: int, **changes: Any) -> GuidePlan:
        first = Structure(pan, Span(0, 20), pan.span, type="raw")
        return GuidePlan(
            SIZE, RATE, 40, (Structure(halting, Span(begin, 40), halting.span, type="raw"), first), **changes
        )

    with pytest.raises(SettingsError, match="Two structure videos lead the frames 18 to 19") as caught:
        two(18)
    assert "begin the second at 20" in caught.value.remedy
    plain, faded = (list(Drawing(plan, led(plan, context)).pictures()) for plan in (two(20), two(20, fade_frames=6)))
    assert [np.array_equal(*pair) for pair in zip(plain, faded, strict=True)] == [not 17 <= n < 23 for n in range(40)]
    assert np.abs(faded[19].astype(float) - (plain[19].astype(float) + plain[20]) / 2).mean() < 12
    away = list(Drawing(two(25, fade_frames=6), led(two(25, fade_frames=6), context)).pictures())
    assert np.array_equal(away[19], plain[19]) and (away[22] == NO_CONTROL).all(), "no fade across a gap"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"at": Span(5, 30)}, "placed at the frames 5:30 of a guide of 21"),
        ({"strength": -1.0}, "has the strength -1"),
        (
            {"anchors": {21: Reference(Path("a.png"))}},
            "anchor is placed at frame 21, and the guide has the frames 0 to 20",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(pan: Clip, changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        plan_of(pan, **changes)


def picture_file(path: Path, picture: RGB) -> Reference:
    cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return Reference(path)


def recoloured(picture: RGB) -> RGB:
    """Another picture of the same things, as an artist paints an anchor."""
    return np.ascontiguousarray(255 - picture[..., ::-1])


@pytest.mark.parametrize("frames", [21, 34])
def test_anchors_are_carried_along_and_what_none_shows_is_a_hole(
    pan: Clip, context: RunContext, tmp_path: Path, frames: int
) -> None:
    sources = [frame.rgb for frame in ClipFrames.of(pan)]
    given = {0: sources[0], frames - 1: sources[-1]}
    anchors = {index: picture_file(tmp_path / f"{index}.png", recoloured(rgb)) for index, rgb in given.items()}
    plan = plan_of(pan, frames, anchors=anchors)
    drawing = Drawing(plan, led(plan, context))
    carried = list(CarriedAnchors(drawing.led[0], drawing.anchors, lambda: None).frames())
    assert [frame.index for frame in carried] == list(range(frames))
    for frame in carried:
        at = plan.structures[0].moment(frame.index, RATE)
        if at is not None and at.denominator == 1:
            assert psnr_db(frame.picture[INNER], recoloured(sources[int(at)])[INNER]) > 30
        assert (frame.holes[INNER] > 0).mean() < 0.02
    one = replace(plan, anchors={0: anchors[0]})
    last = list(CarriedAnchors(led(one, context)[0], {0: drawing.anchors[0]}, lambda: None).frames())[-1]
    assert (last.holes[:, :50] > 0).mean() > 0.9 and (last.holes[:, 80:][:-60] > 0).mean() < 0.05


def test_half_the_strength_carries_half_as_far(pan: Clip, context: RunContext, tmp_path: Path) -> None:
    first = next(iter(ClipFrames.of(pan))).rgb
    for strength in (0.0, 0.5):
        plan = plan_of(pan, anchors={0: picture_file(tmp_path / "a.png", first)}, strength=strength)
        *_, last = CarriedAnchors(led(plan, context)[0], {0: first}, lambda: None).frames()
        way = strength * 20 * np.array(STEP, float)
        true = cv2.warpAffine(first, np.array([[1, 0, way[0]], [0, 1, way[1]]]), tuple(SIZE))
        reached = (slice(24, 100), slice(100, -24))
        assert psnr_db(last.picture[reached], true[reached]) > 28
        assert (last.holes[reached] > 0).mean() < 0.03


@pytest.fixture(scope="module")
def made(pan: Clip, context: RunContext, tmp_path_factory: pytest.TempPathFactory) -> MadeGuide:
    folder = tmp_path_factory.mktemp("anchors")
    first = picture_file(folder / "first.png", next(iter(ClipFrames.of(pan))).rgb)
    structure = Structure(pan, Span(4, 37), pan.span)
    return make_guide(GuidePlan(Size(160, 96), RATE, 40, (structure,), {4: first, 38: first}), context)


def test_the_guide_of_a_part_is_that_part_of_the_whole(made: MadeGuide) -> None:
    """Segments that overlap take their slices by timeline index, and the index is always the one that was asked for."""
    whole = list(made.guide.pictures(Span(0, 40)))
    masks = [int(mask[0, 0]) for mask in made.guide.mask(Span(0, 40))]
    for start in range(0, 32, 6):
        span = Span(start, start + 8)
        part = list(made.guide.pictures(span))
        assert all(np.array_equal(picture, whole[index]) for index, picture in zip(span, part, strict=True))
        inside = made.tracker.sliced(span)
        assert [bool(inside.at(n)) for n in range(8)] == [bool(made.tracker.at(index)) for index in span]
    assert [index for index, value in enumerate(masks) if value == GIVEN] == [4, 38] and masks[5] == FREE
    assert made.tracker.unguided() == [Span(0, 4), Span(37, 38), Span(39, 40)]
    assert made.events[0].sentence == "Nothing guides frames 0 to 3: a generator is free there."
    assert made.tracker.anchor_before(37) == 4 and made.tracker.anchor_before(3) is None
    assert made.guide.facts["guidance"] == made.tracker.to_json()


def test_anchors_stand_at_their_index_without_loss_and_their_pixels_go_on(made: MadeGuide) -> None:
    given = Drawing(made.guide.plan, ()).anchors
    pictures = list(made.guide.pictures(Span(0, 40)))
    carried, holes = list(made.guide.carried_pictures(Span(0, 40))), list(made.guide.holes(Span(0, 40)))
    for index in (4, 38):
        assert np.array_equal(pictures[index], given[index]) and np.array_equal(carried[index], given[index])
        assert not holes[index].any()
    assert all((carried[index] == NO_CONTROL).all() and holes[index].all() for index in (0, 3, 37, 39))
    assert 0.02 < (holes[30] > 0).mean() < 0.6 and not (carried[30] == NO_CONTROL).all()


def test_flow_is_found_once_for_all_sizes_times_and_segments(
    pan: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = RunContext(Store(tmp_path), KIND.settings.load("", {}).flat())

    def flow_was_cached(plan: GuidePlan) -> bool:
        return next(stage.hit for stage in make_guide(plan, context).done if stage.name == "flow")

    plans = [plan_of(pan, size=Size(64, 40)), plan_of(pan, size=Size(128, 76)), plan_of(pan, 33, rate=Fraction(30)),
             plan_of(pan, at=Span(3, 9), source=Span(0, 21), strength=0.5)]  # fmt: skip
    assert [flow_was_cached(plan) for plan in plans] == [False, True, True, True]
    repeated: Sequence[bool] = [stage.hit for stage in make_guide(plans[1], context).done]
    assert all(repeated)
    assert isinstance(make_guide(plans[0], context).guide, Guide)
