"""Windows in the lengths and sizes that engines want, for clips of any length."""

from collections import Counter
from collections.abc import Collection
from itertools import pairwise

import numpy as np
import pytest

from pipeline.engines.base import Caps, Carry, EngineFrame, Lengths, View
from pipeline.make.controls import controls
from pipeline.make.fitting import Fitting
from pipeline.plan.segmentation import Segment
from pipeline.plan.windows import Stretch, between_keys, sized, stretches
from tests.engines import window_of
from utils.errors import SettingsError
from utils.image import Box, Size
from utils.media.timebase import Span
from utils.people.pose import ANKLES, KNEES

OVERLAPS = (1, 5, 16, 33)
WANTED = {
    "any": Lengths(),
    "4n + 1": Lengths(81, 81, 4, 1),
    "8n + 1": Lengths(121, 121, 8, 1),
    "77 alone": Lengths(77, 77, 77, 0),
    "5 or 1 at a time": Lengths(5, 5, 4, 1),
}


def segments_of(frames: int, count: int) -> list[Segment]:
    edges = [round(frames * part / count) for part in range(count + 1)]
    return [Segment("part", Span(start, stop), "") for start, stop in pairwise(edges) if stop > start]


def planned(frames: int, overlap: int, lengths: Lengths, count: int = 3) -> tuple[Stretch, ...]:
    return stretches(segments_of(frames, count), (Span(0, frames),), lengths, overlap)


@pytest.mark.parametrize("overlap", OVERLAPS)
@pytest.mark.parametrize("name", WANTED)
def test_every_length_of_clip_is_covered_in_lengths_that_the_engine_takes(name: str, overlap: int) -> None:
    """What no window can be lengthened to is padded for the engine."""
    lengths = WANTED[name]
    for frames in range(1, 401):
        found = planned(frames, overlap, lengths)
        made = Counter(index for each in found for index in each.span)
        assert set(made) == set(range(frames)), "each frame is made, and none that is not in the clip"
        assert max(made.values()) <= 2, "at most two windows make a frame"
        assert max(len(each.span) for each in found) <= lengths.most
        for before, after in pairwise(found):
            assert after.overlap == before.span.stop - after.span.start >= 0
            assert after.span.start > before.span.start and after.span.stop > before.span.stop
        for earlier, each in zip((None, *found), found, strict=False):
            padded = lengths.fitting(len(each.span)) - len(each.span)
            assert 0 <= padded < lengths.step and len(each.span) + padded <= lengths.most
            if padded:
                assert each.span.stop == frames, "only where the clip ends"
                assert earlier is None or earlier.spare == each.overlap, "and nothing more can be shared"


@pytest.mark.parametrize("overlap", OVERLAPS)
def test_windows_share_what_was_asked_for(overlap: int) -> None:
    for frames in (120, 240, 399):
        shared = [each.overlap for each in planned(frames, overlap, Lengths(81, 81, 4, 1))[1:]]
        assert shared and min(shared) >= overlap and max(shared) < overlap + 8


def test_no_window_crosses_a_cut() -> None:
    shots = (Span(0, 50), Span(50, 53), Span(53, 130))
    parts = [Segment("part", span, "") for span in shots]
    for lengths in WANTED.values():
        found = stretches(parts, shots, lengths, 5)
        assert {index for each in found for index in each.span} == set(range(130))
        assert all(any(each.span.start in shot and each.span.stop - 1 in shot for shot in shots) for each in found)
        assert [each.overlap for each in found if each.span.start in (0, 50, 53)] == [0, 0, 0]


def test_where_nobody_is_seen_there_is_no_window() -> None:
    def shown(span: Span) -> bool:
        return span.start < 40

    found = stretches(segments_of(120, 3), (Span(0, 120),), Lengths(), 5, shown)
    assert [(each.span.start, each.span.stop) for each in found] == [(0, 40), (35, 80)]


def test_an_engine_that_takes_any_length_gets_segments_in_equal_pieces() -> None:
    found = planned(300, 5, Lengths(48, 240))
    assert [each.span.start + each.overlap for each in found] == [0, 33, 67, 100, 133, 167, 200, 233, 267]


KEYED = Lengths(48, 240)
SHOTS = (Span(0, 60), Span(60, 61), Span(61, 200))


NOWHERE = Span(0, 0)


def keyed(keys: Collection[int], nobody: Span = NOWHERE) -> tuple[Stretch, ...]:
    """Windows between keys in three shots, of which one is a single frame; nobody is seen in a span."""
    return between_keys(
        segments_of(200, 4), SHOTS, KEYED, keys, lambda span: any(index not in nobody for index in span)
    )


def test_windows_go_from_key_to_key_and_to_the_edges_of_the_shot() -> None:
    found = keyed([20, 45, 60, 61, 199])
    assert [(each.span.start, each.span.stop, each.overlap) for each in found] == [
        (0, 21, 0), (20, 46, 1), (45, 60, 1), (60, 61, 0), (61, 200, 0),
    ]  # fmt: skip


def test_every_frame_is_in_a_window_whatever_was_painted() -> None:
    """Each window holds a key at an end, and only keys are in two windows."""
    chance = np.random.default_rng(1)
    for _ in range(100):
        keys = {60, *(int(key) for shot in SHOTS for key in chance.integers(shot.start, shot.stop, 3))}
        made = Counter(index for each in keyed(keys) for index in each.span)
        assert set(made) == set(range(200))
        assert all(count == 1 or index in keys for index, count in made.items()) and max(made.values()) <= 2
        for each in keyed(keys):
            ends = {each.span.start, each.span.stop - 1}
            assert ends & keys and not keys & set(each.span) - ends


def test_where_nobody_is_seen_no_key_is_missed() -> None:
    found = keyed([30, 45], nobody=Span(50, 200))
    assert [(each.span.start, each.span.stop) for each in found] == [(0, 31), (30, 46), (45, 50)]
    assert [(each.span.start, each.span.stop) for each in keyed([30], nobody=Span(31, 200))] == [(0, 31)]
    assert not keyed([], nobody=Span(0, 200))


@pytest.mark.parametrize(
    ("keys", "nobody", "problem", "remedy"),
    [
        ([20, 60], Span(61, 150), "in the shot of frames 61 to 199", "such as frame 175"),
        ([20, 100], NOWHERE, "in the shot of frame 60", "such as frame 60"),
    ],
)
def test_a_shot_without_a_key_is_refused(keys: list[int], nobody: Span, problem: str, remedy: str) -> None:
    with pytest.raises(SettingsError) as caught:
        keyed(keys, nobody)
    assert problem in caught.value.problem and remedy in caught.value.remedy


def test_keys_too_far_apart_are_refused_with_the_frame_between_them() -> None:
    whole = [Segment("part", Span(0, 600), "")]
    assert len(between_keys(whole, (Span(0, 600),), KEYED, [0, 239, 478, 599])) == 3
    with pytest.raises(SettingsError, match="between 0 and 300, and 240 frames are the most") as caught:
        between_keys(whole, (Span(0, 600),), KEYED, [0, 300, 500])
    assert "Paint frame 150 too" in caught.value.remedy


def test_lengths_that_contradict_themselves_are_refused() -> None:
    for wrong in ((0, 10, 1, 0), (20, 10, 1, 0), (10, 80, 4, 1)):
        with pytest.raises(ValueError, match="allows nothing"):
            Lengths(*wrong)


BOXES = [Box(10, 20, 70, 131), Box(600, 300, 637, 357), Box(0, 0, 33, 33)]
CANVAS = Size(640, 360)


@pytest.mark.parametrize("multiple", [1, 8, 16, 32])
@pytest.mark.parametrize("canvas", ["any", "one"])
def test_sizes_are_those_that_the_engine_takes(multiple: int, canvas: str) -> None:
    caps = Caps("segment", size_multiple=multiple, canvas=canvas)  # type: ignore[arg-type]
    alike = sized(BOXES, caps, CANVAS)
    for before, after in zip(BOXES, alike, strict=True):
        assert before | after == after, "nothing of the person is cut off"
        assert after & Box(0, 0, *CANVAS) == after
        assert not after.size.width_px % multiple and (not after.size.height_px % multiple or after.size[1] == 360)
    assert canvas == "any" or len({each.size for each in alike}) == 1
    assert multiple > 1 or canvas == "one" or alike == BOXES


def views(count: int, size: Size) -> list[View]:
    chance = np.random.default_rng(3)
    shape = (size.height_px, size.width_px)
    joints = np.full((33, 2), np.nan, np.float32)
    joints[list(KNEES)], joints[list(ANKLES)] = [[5, 5], [15, 5]], [[5, 20], [15, 20]]
    return [
        View(10 + n, chance.integers(0, 255, (*shape, 3), np.uint8), chance.integers(0, 255, shape, np.uint8), joints)
        for n in range(count)
    ]


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 80, 81])
@pytest.mark.parametrize("size", [Size(33, 47), Size(48, 32), Size(31, 17)])
def test_a_window_is_padded_for_the_engine_and_cut_back(frames: int, size: Size) -> None:
    caps = Caps("segment", Lengths(81, 81, 4, 1), size_multiple=16)
    window = window_of(views(frames, size), {})
    fitting = Fitting.of(window, caps)
    padded = fitting.padded(window)
    assert len(padded) % 4 == 1 and not padded.size.width_px % 16 and not padded.size.height_px % 16
    shown = list(padded.views())
    assert [view.index for view in shown] == list(padded.span)
    assert {view.size for view in shown} == {padded.size}
    assert not shown[-1].matte[size.height_px :].any() and not shown[-1].matte[:, size.width_px :].any()
    made = list(fitting.cut([EngineFrame(view.rgb, view.matte) for view in shown], window))
    for view, each in zip(window.views(), made, strict=True):
        assert each.alpha is not None
        assert np.array_equal(each.rgb, view.rgb) and np.array_equal(each.alpha, view.matte)


def test_what_is_carried_is_padded_with_its_mask() -> None:
    from dataclasses import replace

    (view,) = views(1, Size(33, 47))
    window = replace(window_of([view], {}), carry=Carry((view.rgb,), (np.full((47, 33), 255, np.uint8),)))
    padded = Fitting.of(window, Caps("segment", size_multiple=16)).padded(window)
    assert padded.carry is not None
    assert padded.carry.frames[0].shape == (48, 48, 3) and padded.carry.valid[0].shape == (48, 48)
    assert not padded.carry.valid[0][:, 33:].any() and padded.carry.valid[0][:47, :33].all()


def test_a_window_that_fits_is_left_as_it_is() -> None:
    window = window_of(views(5, Size(32, 48)), {})
    fitting = Fitting.of(window, Caps("segment", Lengths(5, 5, 4, 1), size_multiple=16))
    assert not fitting.is_needed and fitting.padded(window) is window


def test_controls_are_drawn_from_what_was_measured() -> None:
    (view,) = views(1, Size(40, 40))
    drawn = controls(("pose", "edges", "matte"), lambda: iter(()))
    pose, edges, matte = (drawn[name](view) for name in ("pose", "edges", "matte"))
    assert {each.shape for each in (pose, edges, matte)} == {view.rgb.shape}
    assert pose[12, 5].any() and pose[12, 15].any(), "the shins"
    assert not pose[30:].any() and not pose[12, 10].any(), "and no limb whose joints are not known"
    assert set(np.unique(edges)) <= {0, 255} and np.array_equal(matte[..., 1], view.matte)
    assert set(controls(("pose",), lambda: iter(()))) == {"pose"}, "only what an engine asks for"
