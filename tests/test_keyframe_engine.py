"""The engine `keyframe`: windows from one painted key frame to the next."""

from collections.abc import Mapping
from fractions import Fraction

import cv2
import numpy as np
import pytest

from pipeline.engines.base import EngineError, EngineFrame, Output, Style, View, Window
from pipeline.engines.keyframe import ENGINE
from pipeline.engines.keyframe.unshown import Unshown
from tests.engines import CPU
from tests.restyled_walk import Walk
from utils.image import RGB, Size
from utils.media.timebase import Span
from utils.progress import Cancel
from utils.walker import Shot

SPAN = (70, 75)
NOBODY = np.full((33, 2), np.nan, np.float32)


@pytest.fixture
def walk() -> Walk:
    return Walk(Shot(size=(192, 240), frames=150), SPAN)


def window(walk: Walk, given: Mapping[int, RGB], part: str = "person") -> Window:
    """The whole walk, whose frames keep their numbers in the clip."""
    frames = zip(range(*SPAN), walk.source, walk.mattes, strict=True)
    views = [View(index, rgb, matte, NOBODY) for index, rgb, matte in frames]
    settings = {"generate.apply_to": part}
    return Window(
        Span(*SPAN), "hold", Size.of(walk.source[0]), Fraction(30), settings, Style("0" * 64), lambda: iter(views),
        given=given,
    )  # fmt: skip


def run(asked: Window) -> tuple[list[EngineFrame], Output]:
    output = ENGINE.open(asked.settings, CPU, lambda share, note: None).run(asked, Cancel(), lambda share, note: None)
    return list(output.frames), output


def painted(walk: Walk) -> dict[int, RGB]:
    return {70: walk.restyled[0], 74: walk.restyled[4]}


def test_keys_are_kept_and_what_is_not_painted_is_the_source(walk: Walk) -> None:
    frames, output = run(window(walk, painted(walk)))
    assert len(frames) == 5 and not output.fallbacks
    inside, far = walk.mattes[0] > 127, cv2.dilate(walk.mattes[0], np.ones((41, 41))) == 0
    assert (frames[0].rgb[inside] == walk.restyled[0][inside]).all()
    assert (frames[2].rgb[far] == walk.source[2][far]).all() and frames[2].alpha is not None


def test_a_preview_is_the_frame_of_the_run(walk: Walk) -> None:
    asked = window(walk, painted(walk), "both")
    frames, _ = run(asked)
    session = ENGINE.open(asked.settings, CPU, lambda share, note: None)
    assert (session.preview(asked, 72) == frames[2].rgb).all()


def test_a_window_without_a_key_is_refused(walk: Walk) -> None:
    with pytest.raises(EngineError, match="No frame of 70 to 74 is painted") as refused:
        run(window(walk, {}))
    assert "pipeline keys" in refused.value.remedy


def test_frames_that_show_what_no_key_does_are_named(walk: Walk) -> None:
    """In two frames a green cloth hangs before the person."""
    for number in (1, 2):
        rows, columns = np.nonzero(walk.mattes[number] > 127)
        walk.source[number][rows.min() : int(rows.mean()), columns.min() : columns.max()] = (20, 200, 40)
    _, output = run(window(walk, painted(walk)))
    (told,) = output.fallbacks
    assert told.startswith("Frames 71 to 72 show what no painted key does") and told.endswith(" too.")
    read = Unshown.read(f"{told} (frames 70-74)")
    assert read and read.sentence == told and read.span == Span(71, 73) and read.frame in read.span
    assert Unshown.read("Something else happened.") is None


def test_it_needs_nothing_and_says_what_it_costs() -> None:
    assert ENGINE.probe().ready and not ENGINE.models({})
    small, large = (ENGINE.estimate({}, Size(256, 320), frames, CPU) for frames in (10, 100))
    assert small.seconds < large.seconds and small.ram_mb < large.ram_mb
