"""Frames that people hold: read, refused where they make no sense, and followed where pictures leave a choice."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.align.anchors import check_anchors, read_anchors
from pipeline.align.settings import AlignSettings
from pipeline.align.story import align_clips
from pipeline.align.time_map import TimeMap
from pipeline.stage import RunContext
from tests.aligned import Case, Scene
from utils.align.alignment import align
from utils.align.proxies import Proxies
from utils.errors import SettingsError
from utils.store import Store


def test_anchors_are_read_as_people_write_them() -> None:
    assert read_anchors("12:40, 30:61  7:9") == {12: 40, 30: 61, 7: 9} and read_anchors(" ") == {}
    assert read_anchors("3:4,3:4") == {3: 4}
    AlignSettings.load("", {"match.anchors": "12:40"})


@pytest.mark.parametrize(
    ("text", "problem"), [("12", "'12' is no anchor"), ("1:-2", "no anchor"), ("5:6, 5:7", "held at 6 and at 7")]
)  # fmt: skip
def test_what_is_no_anchor_is_refused_before_a_job_is(text: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem) as told:
        AlignSettings.load("", {"match.anchors": text})
    assert "FG:BG" in told.value.remedy


def test_anchors_beyond_a_clip_are_refused_with_its_last_frame() -> None:
    check_anchors({9: 19}, 10, 20)
    for anchors, clip, last in (({10: 0}, "foreground", 9), ({0: 20}, "background", 19)):
        with pytest.raises(SettingsError, match=f"beyond the {clip}") as told:
            check_anchors(anchors, 10, 20)
        assert f"The last one is {last}." in told.value.remedy


@pytest.mark.slow
def test_a_held_frame_chooses_the_round_of_a_loop(tmp_path: Path) -> None:
    """Everything repeats itself after a second, and one frame says which round is meant."""
    pair = Case("loop", seconds=2.3, end_s=1.0, scene=Scene(period_s=1.0)).made(tmp_path)
    context = RunContext(Store(tmp_path / "cache"), AlignSettings().flat())
    for text, first in (("", 0), ("10:70", 60)):
        held = replace(context, settings={**context.settings, "match.anchors": text})
        found = align_clips(pair.background, pair.foreground, held, composed=False).map
        assert abs(found.moments[[0, 10, 50]] - [first, first + 10, first + 50]).max() < 0.5
    with pytest.raises(SettingsError, match="beyond the background, which has 138 frames"):
        held = replace(context, settings={**context.settings, "match.anchors": "10:900"})
        align_clips(pair.background, pair.foreground, held, composed=False)


@pytest.mark.slow
def test_other_held_frames_are_solved_from_where_the_foreground_lies(tmp_path: Path) -> None:
    """Without any, the map in steps is exactly the one that is found at once."""
    pair = Case("later", seconds=1.5, begin_s=0.3).made(tmp_path)
    context = RunContext(Store(tmp_path / "cache"), AlignSettings().flat())
    whole = align_clips(pair.background, pair.foreground, context, composed=False)
    direct = align(Proxies.of(pair.background), Proxies.of(pair.foreground))
    assert whole.map == replace(TimeMap.of(direct), moments=whole.map.moments, sigma=whole.map.sigma)
    for one, other in ((whole.map.moments, direct.moments), (whole.map.sigma, direct.sigma)):
        assert np.array_equal(one, other, equal_nan=True)
    held = replace(context, settings={**context.settings, "match.anchors": "20:40"})
    again = align_clips(pair.background, pair.foreground, held, composed=False)
    taken = [(each.name, each.hit) for each in again.done]
    assert taken == [("proxies", True), ("proxies", True), ("place", True), ("align", False)]
    assert again.map.placement == whole.map.placement, "it fits those frames, too"
    assert abs(again.map.moments[20] - 38) < 1, "where pictures clearly show another frame nearby, that one is taken"
