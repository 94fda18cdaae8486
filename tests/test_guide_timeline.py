"""The timeline of a guide job: read from its settings, and one of its frames previewed before the job."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.animate.kind import KIND as ANIMATE
from pipeline.animate.story import asked_for
from pipeline.guide.asked import AskedStructure
from pipeline.guide.drawn import Drawing
from pipeline.guide.flows import FLOW
from pipeline.guide.kind import KIND
from pipeline.guide.plan import GuidePlan, Structure
from pipeline.guide.preview import preview_guide
from pipeline.guide.story import found_structures
from pipeline.guide.timeline import asked_guide, read_anchors, read_structures
from pipeline.run import Run
from pipeline.stage import RunContext
from pipeline.types import NO_CONTROL, Reference
from tests.panned import panned
from utils.errors import SettingsError
from utils.image import RGB
from utils.image.metrics import psnr_db
from utils.media.clip import Clip
from utils.media.timebase import Span
from utils.size import Size
from utils.store import Store

SIZE = Size(160, 96)
FILES = {"clip": Path("a.mp4"), "clip_2": Path("b.mp4"), "anchor": Path("one.png"), "anchor_2": Path("two.png")}


@pytest.fixture(scope="module")
def pan(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """A clip that goes to the right, more and more quickly."""
    steps = [(1 + number // 5, 0) for number in range(20)]
    return panned(tmp_path_factory.mktemp("clips") / "pan.mp4", SIZE, steps)


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    return RunContext(Store(tmp_path / "cache"), KIND.settings.load("", {}).flat())


def plan_of(clip: Clip, anchors: dict[int, Reference] | None = None, **changes: Any) -> GuidePlan:
    """A plan that the clip leads from frame 4 to frame 24 of 30."""
    structure = Structure(clip, **{"at": Span(4, 25), "source": clip.span, **changes})
    return GuidePlan(SIZE, Fraction(24), 30, (structure,), anchors or {})


def made(plan: GuidePlan, context: RunContext) -> list[RGB]:
    """All pictures of a guide, as a job makes them."""
    return list(Drawing(plan, found_structures(Run(context), plan)).pictures())


def at(index: int) -> float:
    return index / 29


def test_the_settings_of_a_job_say_what_the_command_line_says() -> None:
    usual = AskedStructure("", type="edge", strength=0.5)
    lines = "clip,at=0:40\n\n clip_2,at=40:,from=10:50,treatment=clip,type=pose \nclip,at=80:90,strength=2"
    assert read_structures(lines, FILES, usual) == [
        AskedStructure("a.mp4", (0, 40), type="edge", strength=0.5),
        AskedStructure("b.mp4", (40, None), (10, 50), "clip", "pose", 0.5),
        AskedStructure("a.mp4", (80, 90), type="edge", strength=2.0),
    ]
    assert read_structures("", FILES, usual) == [AskedStructure("a.mp4", type="edge", strength=0.5)]
    assert read_anchors("0:anchor 40:anchor_2", FILES) == {0: Path("one.png"), 40: Path("two.png")}
    settings = KIND.settings.load(
        "", {"timeline.anchors": "3:anchor", "structure.type": "raw", "guide.frames": 9}
    ).flat()
    asked = asked_guide(FILES, settings)
    assert (asked.structures, asked.anchors, asked.frames) == (
        [AskedStructure("a.mp4", type="raw")], {3: Path("one.png")}, 9,
    )  # fmt: skip


def test_a_picture_that_is_brought_to_life_has_the_same_timeline() -> None:
    said = {"timeline.structures": "clip,at=0:9\nclip_2,at=9:20", "timeline.anchors": "4:anchor 19:anchor_2"}
    asked = asked_for(FILES, ANIMATE.settings.load("", said).flat())
    assert [each.file for each in asked.structures] == ["a.mp4", "b.mp4"]
    assert asked.anchors == {4: Path("one.png"), 19: Path("two.png")}
    unplaced = asked_for(FILES, ANIMATE.settings.load("", {}).flat())
    assert unplaced.anchors == {0: Path("one.png")}, "it moves from the first frame on"


@pytest.mark.parametrize(
    ("lines", "anchors", "problem"),
    [
        ("clip_3,at=0:4", "", "names 'clip_3', which was not given. It can name clip, clip_2, anchor, anchor_2."),
        ("/etc/passwd", "", "names '/etc/passwd', which was not given"),
        ("", "0:anchor 0:anchor_2", "Two anchors are placed at frame 0"),
        ("", "0=anchor", "'0=anchor' is no anchor"),
        ("clip,at=x", "", "'x' is no range of frames"),
    ],
)
def test_a_timeline_that_cannot_be_meant_is_told_in_a_sentence(lines: str, anchors: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_structures(lines, FILES, AskedStructure(""))
        read_anchors(anchors, FILES)
    assert problem in str(caught.value)


@pytest.mark.parametrize("type", ["edge", "raw"])
def test_a_preview_is_the_picture_that_the_job_makes(pan: Clip, context: RunContext, type: Any) -> None:
    plan = plan_of(pan, type=type)
    preview = preview_guide(plan, context, at(13))
    assert (preview.index, preview.frames, preview.led_by, preview.events) == (13, 30, "pan.mp4", ())
    assert np.array_equal(preview.after, made(plan, context)[13])


def test_a_preview_of_motion_needs_the_flow_of_its_own_frames_alone(
    pan: Clip, context: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, looked_at = plan_of(pan, at=Span(4, 14)), list[int]()
    whole = FLOW.run

    def counted(work: Any) -> None:
        looked_at.append(len(work.inputs["range"].span))
        whole(work)

    monkeypatch.setattr("pipeline.guide.preview.FLOW", type(FLOW)(**{**vars(FLOW), "run": counted}))
    early = preview_guide(plan, context, at(9))
    assert looked_at and max(looked_at) <= 7, "those of two steps of a timeline twice as fast, not all 21"
    assert any("scaled to this frame alone" in each for each in early.events)
    job = made(plan, context)
    late = preview_guide(plan, context, at(9))
    assert not late.events and psnr_db(late.after, job[9]) > 35
    assert psnr_db(early.after, job[9]) < psnr_db(late.after, job[9]), "its own scale is not that of all frames"


def test_a_preview_says_what_is_given_and_what_is_free(pan: Clip, context: RunContext, tmp_path: Path) -> None:
    picture = tmp_path / "one.png"
    cv2.imwrite(str(picture), np.full((96, 160, 3), 77, np.uint8))
    plan = plan_of(pan, {0: Reference(picture)}, type="edge")
    given, free = preview_guide(plan, context, at(0)), preview_guide(plan, context, at(29))
    assert (given.after == 77).all() and given.events == ("This frame is given: it is an anchor.",)
    assert given.led_by == "one.png"
    assert (free.after == NO_CONTROL).all() and "Nothing leads this frame" in free.events[0]
    assert 4 <= preview_guide(plan, context).index < 25, "left alone, it shows a frame that is led"
    assert preview_guide(plan, context, at(13)).to_json()["at"] == 13


def test_a_pose_without_a_person_is_said_to_be_empty(pan: Clip, context: RunContext) -> None:
    preview = preview_guide(plan_of(pan, type="pose"), context, at(13))
    assert not preview.after.any() and "Nobody was found in this frame" in preview.events[0]
