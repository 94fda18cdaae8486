"""Exact time: spans, and rates found again behind a container's rounding."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.media.timebase import STANDARD_RATES, Span, cadence

spans = st.tuples(st.integers(0, 500), st.integers(0, 500)).map(lambda ends: Span(min(ends), max(ends)))


@given(spans, spans)
def test_spans_meet_where_both_are(one: Span, other: Span) -> None:
    assert set(one & other) == set(one) & set(other)
    assert len(one) == len(list(one))
    assert all(index in one for index in one)


def test_a_span_does_not_run_backwards() -> None:
    for start, stop in ((3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="runs forward"):
            Span(start, stop)


@given(
    st.sampled_from(STANDARD_RATES),
    st.sampled_from([Fraction(1, 1000), Fraction(1, 90000), Fraction(1, 15360), Fraction(1, 1_000_000)]),
    st.integers(0, 10**6),
    st.integers(20, 2000),
)
def test_a_rate_is_found_behind_rounded_times(rate: Fraction, time_base: Fraction, start: int, frames: int) -> None:
    """23.976 and 24 differ by a tick of Matroska's within 42 frames: with more, the right one is found."""
    pts = [start + round(index / rate / time_base) for index in range(frames)]
    found = cadence(pts, time_base, [rate])
    assert found.constant and found.rate == rate
    undeclared = cadence(pts, time_base)
    assert undeclared.constant
    assert abs(float(undeclared.rate / rate) - 1) * frames / float(rate) <= 2.1 * float(time_base)


def test_one_late_frame_makes_a_rate_variable() -> None:
    pts = [index * 512 for index in range(100)]
    assert cadence(pts, Fraction(1, 15360)).rate == 30
    pts[50] += 40
    found = cadence(pts, Fraction(1, 15360), [Fraction(30)])
    assert not found.constant
    assert found.rate == 30


def test_one_frame_has_the_declared_rate() -> None:
    assert cadence([7], Fraction(1, 600), [Fraction(24)]).rate == 24
    assert cadence([7], Fraction(1, 600)).constant
