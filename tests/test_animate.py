"""A clip from pictures: they move as the structure videos do, nothing stays empty, and what leads nowhere stands."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.animate.kind import KIND
from pipeline.animate.story import Animated, animate
from pipeline.engines import engine
from pipeline.engines.device import this_device
from pipeline.engines.looks import LOOKS
from pipeline.estimate import Estimate
from pipeline.guide.plan import GuidePlan, Structure
from pipeline.stage import RunContext
from pipeline.types import NO_CONTROL, Reference
from tests.panned import panned, texture
from utils.errors import SettingsError
from utils.image import RGB, Size
from utils.image.metrics import psnr_db
from utils.media.clip import Clip
from utils.media.intake import probe
from utils.media.timebase import Span
from utils.media.video import ClipFrames
from utils.store import Store

SIZE = Size(192, 128)
STEP = (3, 0)
RATE = Fraction(24)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> RunContext:
    settings = KIND.settings.load("", {"encode.crf": 8}).flat()
    return RunContext(Store(tmp_path_factory.mktemp("cache")), settings)


@pytest.fixture(scope="module")
def pan(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return panned(tmp_path_factory.mktemp("clips") / "pan.mp4", SIZE, [STEP] * 12)


@pytest.fixture(scope="module")
def painted() -> RGB:
    """A picture that has nothing to do with the structure video."""
    return texture(SIZE, seed=9)


@pytest.fixture(scope="module")
def anchor(painted: RGB, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    path = tmp_path_factory.mktemp("anchor") / "painted.png"
    cv2.imwrite(str(path), cv2.cvtColor(painted, cv2.COLOR_RGB2BGR))
    return Reference(path)


def plan_of(structures: Sequence[Structure], frames: int, **changes: Any) -> GuidePlan:
    return replace(GuidePlan(SIZE, RATE, frames, tuple(structures)), **changes)


def with_settings(context: RunContext, **changes: Any) -> RunContext:
    return replace(context, settings={**context.settings, **changes})


def pictures(made: Animated) -> list[RGB]:
    return [frame.rgb for frame in ClipFrames.of(probe(made.path))]


def moved(picture: RGB, right_px: float) -> RGB:
    matrix = np.array([[1, 0, right_px], [0, 1, 0]], float)
    return np.asarray(cv2.warpAffine(picture, matrix, tuple(SIZE), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def test_a_picture_moves_as_the_structure_does_and_nothing_stays_empty(
    pan: Clip, painted: RGB, anchor: Reference, context: RunContext
) -> None:
    plan = plan_of([Structure(pan, Span(0, 13), pan.span)], 13, anchors={0: anchor})
    made = animate(plan, context)
    shown = pictures(made)
    assert len(shown) == 13 and made.events == ()
    for index, picture in enumerate(shown):
        reached = slice(3 * index + 12, -12)
        assert psnr_db(picture[12:-12, reached], moved(painted, 3 * index)[12:-12, reached]) > 28
        assert (np.abs(picture.astype(int) - NO_CONTROL).max(axis=-1) <= 2).mean() < 0.02
    new = [picture[:, 2 : 3 * index - 4] for index, picture in enumerate(shown)]
    assert new[-1].std() > 4, "what comes in is continued from what is there"
    stays = psnr_db(np.ascontiguousarray(new[11][12:-12, :24]), np.ascontiguousarray(new[12][12:-12, 3:27]))
    assert stays > 24, "what was made up moves on with the rest"


def test_a_second_structure_goes_on_where_the_first_ended_and_gaps_stand_still(
    pan: Clip, painted: RGB, anchor: Reference, context: RunContext
) -> None:
    first, second = Structure(pan, Span(3, 8), Span(0, 5)), Structure(pan, Span(10, 15), Span(5, 10))
    made = animate(plan_of([second, first], 17, anchors={0: anchor}), context)
    shown = pictures(made)
    sentences = [event.sentence for event in made.events]
    assert sentences == [
        "Frames 1 to 2 stand still: no structure video leads there.",
        "Frames 8 to 9 stand still: no structure video leads there.",
        "Frames 15 to 16 stand still: no structure video leads there.",
    ]
    way = [0, 0, 0, 0, 1, 2, 3, 4, 4, 4, 4, 5, 6, 7, 8, 8, 8]
    for index, steps in enumerate(way):
        assert psnr_db(shown[index][12:-12, 40:-12], moved(painted, 3 * steps)[12:-12, 40:-12]) > 26


def test_between_two_anchors_each_is_shown_at_its_index(pan: Clip, anchor: Reference, context: RunContext) -> None:
    plan = plan_of([Structure(pan, Span(0, 13), pan.span)], 13, anchors={2: anchor, 9: anchor})
    shown = pictures(animate(plan, context))
    given = anchor.read()
    assert min(psnr_db(shown[index], given) for index in (2, 9)) > 31, "what the encoder leaves"
    assert psnr_db(shown[0][12:-12, 12:-24], moved(given, -6)[12:-12, 12:-24]) > 28, "frames before the first one too"


def test_strength_zero_is_the_picture_itself(pan: Clip, painted: RGB, anchor: Reference, context: RunContext) -> None:
    still = Structure(pan, Span(0, 13), pan.span, strength=0)
    shown = pictures(animate(plan_of([still], 13, anchors={0: anchor}), context))
    assert psnr_db(shown[12][12:-12, 12:-12], painted[12:-12, 12:-12]) > 30


def test_strokes_of_a_look_move_with_what_they_are_painted_on(
    pan: Clip, anchor: Reference, context: RunContext
) -> None:
    plan = plan_of([Structure(pan, Span(0, 13), pan.span)], 13, anchors={0: anchor})
    shown = pictures(animate(plan, with_settings(context, **{"animate.look": "watercolour"})))
    reached = slice(12, -48)
    assert psnr_db(shown[0], anchor.read()) < 22, "it is painted"
    for index in (4, 12):
        assert psnr_db(moved(shown[0], 3 * index)[12:-12, 48:-12], shown[index][12:-12, 48:-12]) > 28
        assert psnr_db(shown[0][12:-12, reached], shown[index][12:-12, reached]) < 22, "which is not still"


def test_only_what_is_read_makes_anew(pan: Clip, anchor: Reference, context: RunContext) -> None:
    plan = plan_of([Structure(pan, Span(0, 5), pan.span)], 5, anchors={0: anchor})

    def computed(**settings: Any) -> list[str]:
        return [done.name for done in animate(plan, with_settings(context, **settings)).done if not done.hit]

    assert computed()[-1:] == ["animate"]
    assert computed(**{"generate.seed": 3, "animate.strength": 0.5, "structure.type": "edge"}) == []
    assert computed(**{"animate.look": "ink"}) == ["paint", "animate"]
    assert computed(**{"animate.look": "ink", "generate.seed": 3}) == ["paint", "animate"]
    assert computed(**{"animate.look": "ink", "encode.crf": 20}) == ["animate"]


def test_with_a_model_an_estimate_is_what_its_engine_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESHOOT_HOME", str(tmp_path))
    facts, asked = {"width": 832, "height": 480, "frames": 300}, {"animate.engine": "vace", "guide.frames": 81}

    def expected(**more: Any) -> Estimate:
        return KIND.estimate(facts, [], {**asked, **more})[""]

    cost = engine("vace").estimate(asked, Size(832, 480), 81, this_device())
    assert cost.seconds < expected().seconds < 1.2 * cost.seconds and expected().basis == "rough"
    assert expected(**{"guide.frames": 162}).seconds > 2 * cost.seconds > 5 * KIND.estimate(facts, [], {})[""].seconds


def test_every_look_is_offered() -> None:
    assert KIND.settings.field("animate.look").choices == ("none", *LOOKS)


def test_without_a_picture_there_is_nothing_to_move(pan: Clip, context: RunContext) -> None:
    with pytest.raises(SettingsError, match="no picture to bring to life") as caught:
        animate(plan_of([Structure(pan, Span(0, 13), pan.span)], 13), context)
    assert "--anchor 0:first.png" in caught.value.remedy
