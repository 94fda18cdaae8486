"""A clip that Wan VACE makes from pictures and a guide, with a tiny model: what it is given, frame by frame."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.animate.kind import KIND
from pipeline.animate.modelled import chosen_model
from pipeline.animate.story import Animated, animate
from pipeline.animate.window import parts
from pipeline.engines.base import EngineError
from pipeline.engines.vace.conditioning import UNKNOWN, Conditioning
from pipeline.engines.vace.engine import Vace
from pipeline.engines.vace.opened import Opened
from pipeline.engines.vace.pipeline import VacePipeline
from pipeline.guide.plan import GuidePlan, Structure
from pipeline.guide.story import make_guide
from pipeline.stage import RunContext
from pipeline.types import Reference
from tests.panned import panned, texture
from tests.tiny_models import tiny_model
from utils.errors import Cancelled
from utils.image import Size
from utils.media.clip import Clip
from utils.media.intake import probe
from utils.media.timebase import Span
from utils.progress import Cancel
from utils.store import Store

pytestmark = pytest.mark.slow

SIZE = Size(48, 32)
RATE = Fraction(16)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> RunContext:
    quick = {"generate.steps": 1, "generate.guidance": 1.0, "generate.prompt": "rain"}
    settings = KIND.settings.load("", {"animate.engine": "vace", "encode.x264_preset": "ultrafast", **quick}).flat()
    return RunContext(Store(tmp_path_factory.mktemp("cache")), settings)


@pytest.fixture(autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.getbasetemp() / "animate-models"
    monkeypatch.setenv("RESHOOT_HOME", str(folder / "home"))
    monkeypatch.setenv("RESHOOT_MODELS", str(folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    tiny_model("vace", folder)


@pytest.fixture(scope="module")
def pan(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return panned(tmp_path_factory.mktemp("clips") / "pan.mp4", SIZE, [(1, 0)] * 11)


@pytest.fixture(scope="module")
def anchors(tmp_path_factory: pytest.TempPathFactory) -> list[Reference]:
    folder = tmp_path_factory.mktemp("anchors")
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), texture(SIZE, seed=20 + number)[..., ::-1])
    return [Reference(folder / f"{number}.png") for number in range(3)]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[Conditioning]:
    """What each call of the model is given."""
    calls, frames = list[Conditioning](), Opened.frames

    def recorded(self: Opened, given: Conditioning, *more: Any) -> Any:
        calls.append(given)
        return frames(self, given, *more)

    monkeypatch.setattr(Opened, "frames", recorded)
    return calls


def plan_of(pan: Clip, led: Span, frames: int, anchors: Mapping[int, Reference]) -> GuidePlan:
    structure = Structure(pan, led, pan.span, type="raw")
    return GuidePlan(SIZE, RATE, frames, (structure,), anchors)


def shown(made: Animated) -> int:
    return len(probe(made.path))


@pytest.mark.parametrize("frames", [1, 82, 161])
def test_the_clip_has_as_many_frames_as_were_asked_for(
    pan: Clip, anchors: list[Reference], context: RunContext, given: list[Conditioning], frames: int
) -> None:
    made = animate(plan_of(pan, Span(0, frames), frames, {0: anchors[0]}), context)
    assert shown(made) == frames
    assert all(len(each) % 4 == 1 and len(each) <= 81 for each in given)
    assert len(given) == {1: 1, 82: 2, 161: 3}[frames]


@pytest.mark.parametrize("frames", [*range(1, 12), *range(78, 90), 156, 157, 161, 1000])
def test_windows_follow_one_another_in_lengths_that_the_model_takes(frames: int) -> None:
    planned = parts(frames, Vace.caps)
    assert planned[0].span.start == 0 and planned[-1].span.stop == frames and planned[0].carried == 0
    for before, part in pairwise(planned):
        assert 5 <= part.carried <= before.span.stop - part.span.start and part.carried in Vace.caps.carry
    assert len(planned) == 1 or all(len(part.span) in range(5, 82, 4) for part in planned)


def test_every_window_is_led_by_the_pictures_of_its_own_frames(
    pan: Clip, anchors: list[Reference], context: RunContext, given: list[Conditioning]
) -> None:
    """Pictures at their index, anchors known in just their frame, frames that nothing leads unknown, ends carried."""
    frames, led = 97, Span(0, 90)
    plan = plan_of(pan, led, frames, dict(zip((0, 5, 96), anchors, strict=True)))
    animate(plan, context)
    guide = list(make_guide(replace(plan, anchors={}), context).guide.pictures(Span(0, frames)))
    windows = parts(frames, Vace.caps)
    assert len(windows) == len(given) == 2 and windows[1].carried >= 5
    for part, asked in zip(windows, given, strict=True):
        for number, index in enumerate(part.span):
            picture, mask = asked.pictures[number], asked.masks[number]
            if number < part.carried:
                assert not mask.any(), "the end of the window before"
            elif index in plan.anchors:
                assert not mask.any() and np.array_equal(picture, plan.anchors[index].read())
            else:
                assert mask.all()
                assert np.array_equal(picture, guide[index] if index in led else np.full_like(picture, UNKNOWN)), index
    assert [number for number, mask in enumerate(given[0].masks) if not mask.any()] == [0, 5]


def test_a_frame_that_is_given_leaves_the_others_of_its_group_to_the_model(
    pan: Clip, anchors: list[Reference], context: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the latents: the picture is in that of its group, which is made anew for the other three frames."""
    read: dict[str, list[Any]] = {"prepare_masks": [], "prepare_video_latents": []}
    for name, calls in read.items():
        make = getattr(VacePipeline, name)

        def recorded(self: Any, *more: Any, make: Any = make, calls: list[Any] = calls) -> Any:
            calls.append(make(self, *more))
            return calls[-1]

        monkeypatch.setattr(VacePipeline, name, recorded)
    for more in ({}, {6: anchors[1]}):
        animate(plan_of(pan, Span(0, 9), 9, {0: anchors[0], **more}), context)
    for mask in read["prepare_masks"]:
        assert [bool(each.any()) for each in mask[0].unbind(1)] == [False, True, True]
    without, given = (latents[0].unbind(1) for latents in read["prepare_video_latents"])
    assert [bool((one != other).any()) for one, other in zip(without, given, strict=True)] == [False, False, True]


def test_a_run_that_was_stopped_goes_on_at_the_first_unfinished_window(
    pan: Clip, anchors: list[Reference], context: RunContext, given: list[Conditioning]
) -> None:
    plan, cancel = plan_of(pan, Span(0, 100), 100, {0: anchors[0]}), Cancel()

    def stop(progress: Any) -> None:
        if progress.stage.startswith("animate with") and len(given) == 2:
            cancel.ask()

    with pytest.raises(Cancelled):
        animate(plan, replace(context, listener=stop, cancel=cancel))
    assert len(given) == 2
    made = animate(plan, context)
    assert shown(made) == 100 and len(given) == 3
    assert [done.hit for done in made.done if done.name.startswith("animate with")] == [True, False]
    assert made.making is not None and [each.frames for each in made.making.windows] == [
        len(parts(100, Vace.caps)[1].span)
    ]


def test_what_is_missing_is_told_before_anything_is_computed(
    pan: Clip, anchors: list[Reference], context: RunContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESHOOT_MODELS", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(EngineError, match="cannot run here"):
        chosen_model(context)
