"""Anchors: frames where windows meet, made first, so that windows depend on these and not on each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.engines.base import Caps, Engine, EngineFrame, Lengths, View, Window
from pipeline.make.anchored import AnchorPlan
from pipeline.plan.windows import WindowPlan
from pipeline.processor import make_window, restyle
from pipeline.see.open_clip import open_clip
from pipeline.stage import RunContext
from tests.engines import Draw, Drawing
from tests.journeys import bench, filmed, journey
from utils.image import Box, Size, placed
from utils.key import Key
from utils.media.timebase import Span
from utils.walker import Shot

pytestmark = pytest.mark.slow

SHOT = Shot(size=(160, 96), frames=40)
CAPS = Caps("segment", Lengths(12, 17, 4, 1), size_multiple=8, carry=(1, 5), given_frames=True, references=0)
AT_ONCE: dict[str, Any] = {"generate__windows": "at once", "segments__count": 3, "segments__overlap_frames": 4}


def drawn(window: Window) -> Draw:
    """A tint that tells anchors from windows; what is given stays as it is."""
    shade = 40 if window.is_sparse else 200

    def draw(view: View) -> EngineFrame:
        given = window.given.get(view.index)
        return EngineFrame(np.full_like(view.rgb, shade) if given is None else given)

    return draw


def engine(caps: Caps = CAPS) -> Drawing:
    return Drawing("joined", drawn, caps)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filmed(tmp_path_factory.mktemp("film"), SHOT)


def test_windows_go_through_the_frames_where_they_meet(film: Path, tmp_path: Path) -> None:
    made = engine()
    done = journey(film, bench(tmp_path, **AT_ONCE), made)
    plans = [window.plan for window in done.frames.windows]
    assert len(plans) > 2
    (anchors, *windows) = made.windows
    assert anchors.is_sparse and not any(window.is_sparse or window.carry for window in windows)
    assert len(anchors) in (5, 9, 13), "a length that the engine takes"
    meeting = [plan.span.start + plan.overlap // 2 for plan in plans]
    for plan, window in zip(plans, windows, strict=True):
        assert sorted(window.given) == [index for index in meeting if index in plan.span]
        assert all((picture == 40).all() for picture in window.given.values())
    assert any(len(window.given) == 2 for window in windows)


def test_each_window_is_the_same_whoever_makes_it(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another machine that makes one window, and nothing of the others, gets the same key."""
    made = engine()
    done = journey(film, bench(tmp_path / "one", **AT_ONCE), made)
    monkeypatch.setattr("pipeline.processor.find_engine", lambda name: engine())
    alone = bench(tmp_path / "other", **AT_ONCE)
    window = make_window(open_clip(film, alone), alone, 1)
    assert window.entry.key == done.frames.windows[1].made.entry.key
    assert window.digest == done.frames.windows[1].made.digest


@dataclass
class Offered:
    """Whoever else makes windows: nobody, but who is asked."""

    parts: list[Mapping[int, Key]] = field(default_factory=list)
    waited: list[int] = field(default_factory=list)

    def offer(self, parts: Mapping[int, Key], settings: Mapping[str, Any], /, needs: str = "") -> None:
        self.parts.append(parts)

    def wait(self, part: int, /) -> None:
        self.waited.append(part)


def run(film: Path, folder: Path, caps: Caps, offered: Offered, **settings: Any) -> Sequence[str]:
    """A journey whose windows are offered; what it told people."""
    on = bench(folder, **settings)
    made: Engine = engine(caps)
    shared = RunContext(on.store, on.settings, spread=offered)
    return [event.sentence for event in restyle(open_clip(film, on), shared, made).events]


def test_windows_are_offered_to_others_only_where_none_goes_on_from_another(film: Path, tmp_path: Path) -> None:
    at_once, in_turn, cannot = Offered(), Offered(), Offered()
    told = run(film, tmp_path / "one", CAPS, at_once, **AT_ONCE)
    assert not [sentence for sentence in told if "in turn" in sentence]
    ((keys),) = at_once.parts
    assert at_once.waited == list(keys) and len(keys) > 2
    run(film, tmp_path / "two", CAPS, in_turn, **{**AT_ONCE, "generate__windows": "in turn"})
    assert not in_turn.parts and not in_turn.waited
    told = run(film, tmp_path / "three", Caps("segment", Lengths(12, 17, 4, 1), carry=(1,)), cannot, **AT_ONCE)
    assert not cannot.parts and [each for each in told if "made in turn: joined does not go through given" in each]


def test_an_anchor_shows_all_that_both_windows_show_of_its_frame() -> None:
    boxes = [Box(10, 10, 50, 90), Box(30, 0, 90, 60), Box(100, 20, 130, 90)]
    spans, overlaps = (Span(0, 20), Span(16, 40), Span(40, 60)), (0, 4, 0)
    plans = [
        WindowPlan(index, "hold", span, box, overlap)
        for index, (span, box, overlap) in enumerate(zip(spans, boxes, overlaps, strict=True))
    ]
    plan = AnchorPlan.of(plans, CAPS, Size(160, 96))
    assert [each.index for each in plan.anchors] == [0, 18, 40]
    assert len({each.box.size for each in plan.anchors}) == 1 and plan.anchors[0].box.size.width_px % 8 == 0
    for anchor, shown in zip(plan.anchors, ([0], [0, 1], [2]), strict=True):
        for index in shown:
            whole = placed(np.full((*anchor.box.size[::-1], 3), 255, np.uint8), anchor.box, boxes[index])
            assert whole.all(), "nothing of the window's crop is unknown"
