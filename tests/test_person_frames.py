"""Frames of several windows as one sequence."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from pipeline.compose.person_frames import PersonFrames, shared
from pipeline.compose.steady_window import SteadyWindow
from pipeline.engines.base import EngineFrame
from pipeline.plan.windows import WindowPlan
from utils.image import Box
from utils.media.timebase import Span


@dataclass(frozen=True)
class Even:
    """A steadied window of one grey."""

    plan: WindowPlan
    grey: int
    facts: dict[str, Any] = field(
        default_factory=lambda: {"is_edit_of_source": True, "keeps_feet": True, "alpha": False}
    )

    def frames(self, start: int = 0) -> Iterator[EngineFrame]:
        width, height = self.plan.box.size
        for _ in range(start, len(self.plan.span)):
            yield EngineFrame(np.full((height, width, 3), self.grey, np.uint8))


def windows(*boxes: Box) -> tuple[SteadyWindow, ...]:
    """Windows of six frames, of which neighbours share two."""
    plans = [
        WindowPlan(number, "hold", Span(4 * number, 4 * number + 6), box, 2 if number else 0)
        for number, box in enumerate(boxes)
    ]
    return tuple(cast(SteadyWindow, Even(plan, 100 + 20 * plan.index)) for plan in plans)


def test_shared_frames_are_blended_in_the_box_that_both_show() -> None:
    both = windows(Box(0, 0, 40, 40), Box(20, 0, 60, 40))
    frames = list(PersonFrames(both).read(range(10)))
    assert [frame and frame.box for frame in frames[3:7]] == [
        Box(0, 0, 40, 40), Box(20, 0, 40, 40), Box(20, 0, 40, 40), Box(20, 0, 60, 40)
    ]  # fmt: skip
    assert 100 < frames[4].rgb.mean() < frames[5].rgb.mean() < 120  # type: ignore[union-attr]
    assert len(list(shared(*both))) == 2


def test_windows_whose_boxes_do_not_meet_share_nobody() -> None:
    """Somebody leaves on the left while somebody else comes on the right."""
    apart = windows(Box(0, 0, 20, 40), Box(40, 0, 60, 40))
    frames = list(PersonFrames(apart).read(range(10)))
    assert [index for index, frame in enumerate(frames) if frame is None] == [4, 5]
    assert list(shared(*apart)) == []
