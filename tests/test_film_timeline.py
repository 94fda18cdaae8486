"""The timeline of a film: cuts on whole frames, exact rates, what is shown of clips of any timing, and its samples."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from utils.errors import ClipError
from utils.film.timeline import Timeline, rate_for
from utils.image import Orientation, Size
from utils.media.clip import Clip
from utils.media.colour import ColourTags
from utils.media.timebase import Span

RATES = [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60), Fraction(25)]


def clip_of(pts: tuple[int, ...], time_base: Fraction, rate: Fraction, *, constant: bool = True) -> Clip:
    """A clip with these times, as a probe would describe it."""
    size = Size(320, 180)
    return Clip(
        Path("a.mp4"), "0" * 64, "mp4", "h264", "yuv420p", size, size, Orientation(), ColourTags(), time_base, pts,
        (0,), (-1,), pts[-1] - pts[-2], rate, constant, True, None, (),
    )  # fmt: skip


@pytest.mark.parametrize("rate", RATES)
def test_400_cuts_keep_exactly_the_frames_of_the_plan(rate: Fraction) -> None:
    clip = clip_of(tuple(range(12_000)), 1 / rate, rate)
    removed = [((20 + 25 * k) / rate, (25 + 25 * k) / rate) for k in range(400)]
    made = Timeline.without(clip, removed)
    wanted = [index for index in range(12_000) if index >= 10_000 or index % 25 < 20]
    assert made.shown(clip) == wanted
    assert len(made.cuts) == 400
    assert made.rate == rate


@given(
    rate=some.sampled_from(RATES),
    rate_hz=some.sampled_from([44_100, 48_000, 22_050]),
    cuts=some.lists(some.tuples(some.integers(0, 59_999), some.integers(1, 900)), max_size=40),
)
def test_picture_and_sound_are_apart_by_less_than_a_sample_at_every_cut(
    rate: Fraction, rate_hz: int, cuts: list[tuple[int, int]]
) -> None:
    clip = clip_of(tuple(range(round(60 * rate))), 1 / rate, rate)
    made = Timeline.without(clip, [(Fraction(at, 1000), Fraction(at + long, 1000)) for at, long in cuts])
    for start, piece in zip(made.starts, made.pieces, strict=True):
        shift = made.sample(piece.start, rate_hz) - made.sample(start, rate_hz)
        exact = (piece.start - start) * rate_hz / rate
        assert abs(shift - exact) < 1
        assert abs(made.sample(start, rate_hz) - start * rate_hz / rate) <= Fraction(1, 2)


def test_of_a_variable_rate_the_last_frame_that_has_begun_is_shown() -> None:
    generator = np.random.default_rng(1)
    steps = generator.choice([16, 17, 33, 50, 166], 300, p=[0.4, 0.3, 0.1, 0.1, 0.1])
    pts = tuple(int(each) for each in 700 + np.cumsum(steps))
    clip = clip_of(pts, Fraction(1, 1000), Fraction(24), constant=False)
    rate = rate_for(clip)
    assert rate in (Fraction(60), Fraction(60000, 1001))
    made = Timeline.without(clip, [(1.0, 2.0)])
    for index, shown in enumerate(made.shown(clip)):
        time_s = Fraction(made.grid(index)) / rate
        began = [k for k in range(len(clip)) if clip.time_s(k) <= time_s + Fraction(1, 2000)]
        assert shown == began[-1]


def test_rounded_times_of_a_container_show_no_frame_twice() -> None:
    rate = Fraction(30000, 1001)
    pts = tuple(round(k * 1000 / rate) for k in range(600))
    clip = clip_of(pts, Fraction(1, 1000), rate)
    assert Timeline.without(clip, []).shown(clip) == list(range(600))
    as_variable = replace(clip, constant_rate=False)
    assert Timeline.without(as_variable, [], rate).shown(as_variable) == list(range(600))


def test_another_rate_than_the_clips_shows_what_is_there_at_the_moment() -> None:
    clip = clip_of(tuple(range(60)), Fraction(1, 60), Fraction(60))
    assert Timeline.without(clip, [], Fraction(30)).shown(clip) == list(range(0, 60, 2))
    slow = clip_of(tuple(range(24)), Fraction(1, 24), Fraction(24))
    shown = Timeline.without(slow, [], Fraction(60)).shown(slow)
    assert shown == [int(k * 24 / 60) for k in range(60)]


def test_times_of_the_clip_are_found_in_the_film() -> None:
    rate = Fraction(25)
    clip = clip_of(tuple(range(250)), 1 / rate, rate)
    made = Timeline.without(clip, [(2, 3), (6, 7)])
    assert made.pieces == (Span(0, 50), Span(75, 150), Span(175, 250))
    assert made.frame_at(1.0) == 25
    assert made.frame_at(2.5) == 50 == made.frame_at(3)
    assert made.frame_at(9.99) == 200
    assert made.frame_at(20) == len(made) == 200
    assert made.spans(1.8, 3.4) == (Span(45, 60),)
    assert made.spans(2.1, 2.9) == ()
    assert made.spans(0, 10) == (Span(0, 200),)


@given(some.lists(some.tuples(some.integers(0, 60), some.integers(1, 9)), max_size=12))
def test_every_time_of_the_clip_is_found_where_the_film_shows_it(cuts: list[tuple[int, int]]) -> None:
    rate = Fraction(25)
    removed = [(start / rate, (start + length) / rate) for start, length in cuts]
    made = Timeline.without(clip_of(tuple(range(80)), 1 / rate, rate), removed)
    shown = [made.grid(index) for index in range(len(made))]
    for at in range(82):
        later = [index for index, grid in enumerate(shown) if grid >= at]
        assert made.frame_at(at / rate) == min(later, default=len(made))
        here = tuple(Span(index, index + 1) for index, grid in enumerate(shown) if grid == at)
        assert made.spans(at / rate, (at + 1) / rate) == here


def test_cuts_that_overlap_touch_or_go_beyond_the_ends_are_one() -> None:
    clip = clip_of(tuple(range(250)), Fraction(1, 25), Fraction(25))
    made = Timeline.without(clip, [(-3, 1), (0.5, 2), (2, 3), (9, 30), (4, 4.001)])
    assert made.pieces == (Span(75, 225),)


def test_cuts_that_leave_nothing_are_refused() -> None:
    clip = clip_of(tuple(range(250)), Fraction(1, 25), Fraction(25))
    with pytest.raises(ClipError, match="leave nothing"):
        Timeline.without(clip, [(0, 5), (4, 11)])


def test_it_is_written_and_read_whole_and_its_digest_tells_it_from_others() -> None:
    clip = clip_of(tuple(range(250)), Fraction(1, 25), Fraction(25))
    made = Timeline.without(clip, [(2, 3)])
    assert Timeline.from_json(made.to_json()) == made
    assert Timeline.from_json(made.to_json()).digest == made.digest
    assert Timeline.without(clip, [(2, 3.04)]).digest != made.digest
