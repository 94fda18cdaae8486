"""What the page of a run is drawn of: lines, scales, words, marks, and the sheet of stills."""

import math
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.report.contact_sheet import ContactSheet
from pipeline.report.page.camera import jerk
from pipeline.report.page.clock import Clock, nice_ticks
from pipeline.report.page.markup import tag
from pipeline.report.page.plot import Line, Plot, thinned
from pipeline.report.page.words import amount_bytes, duration, rounded
from utils.image import Size
from utils.image.geometry import steps
from utils.image.metrics import jerk_px


def test_a_sheet_is_close_enough_to_see_the_person(tmp_path: Path) -> None:
    """A small person in the corner of a large picture fills most of a tile."""
    contact_sheet = ContactSheet(1, whole=False)
    picture, matte = np.zeros((720, 1280, 3), np.uint8), np.zeros((720, 1280), np.uint8)
    matte[600:700, 1200:1230] = 255
    picture[matte > 0] = 255
    contact_sheet.add(0, picture, picture, matte)
    contact_sheet.write(tmp_path / "sheet.jpg")
    sheet = cv2.imread(str(tmp_path / "sheet.jpg"), cv2.IMREAD_GRAYSCALE)
    assert np.ptp(np.flatnonzero((sheet[: len(sheet) // 2] > 128).any(axis=1))) > 250


def test_a_long_line_keeps_its_peaks_and_its_gaps() -> None:
    values = np.sin(np.arange(20_000) / 50)
    values[7_777], values[12_345] = 9.0, -8.0
    values[15_000:15_100] = np.nan
    kept = dict(thinned(values))
    assert kept[7_777] == 9 and kept[12_345] == -8
    assert any(math.isnan(kept[index]) for index in kept if 15_000 <= index < 15_100)
    assert all(value == values[index] or math.isnan(value) for index, value in kept.items())
    assert list(kept) == sorted(kept)


def test_a_line_stops_where_there_is_no_value_and_at_a_cut() -> None:
    clock = Clock(8, 25.0)
    whole = Plot("A", "px", [Line("a", "after", [1, 2, 3, 4, 5, 6, 7, 8])], clock).draw()
    broken = Plot("A", "px", [Line("a", "after", [1, 2, None, 4, 5, 6, 7, 8])], clock, cuts=[6]).draw()
    ways = [re.search(r'd="([^"]*)" class="line', str(each)) for each in (whole, broken)]
    assert [way[1].count("M") for way in ways if way] == [1, 3]


def test_jerk_is_that_of_the_metrics_for_a_camera_that_only_shifts() -> None:
    shifts = np.random.default_rng(3).normal(0, 4, (40, 2))
    cameras = np.tile(np.eye(3), (40, 1, 1))
    cameras[:, :2, 2] = shifts
    found = np.array([value for value in jerk(shifts.tolist(), []) if value is not None])
    # Per frame it is a length; the metric means the squares of both coordinates.
    assert np.sqrt((found**2).mean() / 2) == pytest.approx(jerk_px(steps(cameras), Size(64, 48)))
    assert [value is None for value in jerk(shifts.tolist(), [10])[8:15]] == [
        False,
        False,
        True,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 30, ["0", "10", "20", "30"]),
        (-22, 53, ["−50", "0", "50", "100"]),
        (0, 0.042, ["0.00", "0.02", "0.04", "0.06"]),
    ],
)
def test_scales_are_of_round_numbers(low: float, high: float, expected: list[str]) -> None:
    assert [shown for _, shown in nice_ticks(low, high, 4)] == expected


@pytest.mark.parametrize("value", [0.0, 5.0, -3.25, 1e-9, 1e9])
def test_a_level_line_has_a_scale_too(value: float) -> None:
    ticks = [number for number, _ in nice_ticks(value, value, 4)]
    assert ticks[0] <= value <= ticks[-1] and len(ticks) >= 2 and ticks[0] < ticks[-1]


def test_numbers_are_written_for_people() -> None:
    assert [rounded(each) for each in (0.0, 0.0415, 0.62, 1.0432, 43.7, 911.3, 1234.5, 7)] == [
        "0", "0.042", "0.62", "1.04", "43.7", "911", "1,234", "7",
    ]  # fmt: skip
    assert [duration(each) for each in (0.0, 0.004, 0.04, 12.34, 185, 3720)] == [
        "0 s", "under 0.01 s", "0.040 s", "12.3 s", "3 min 05 s", "1 h 02 min",
    ]  # fmt: skip
    assert [amount_bytes(each) for each in (0, 532, 4_210_000, 2_000_000_000_000)] == [
        "0 B",
        "532 B",
        "4.21 MB",
        "2 TB",
    ]


def test_text_is_escaped_and_markup_is_not() -> None:
    assert tag("p", "a < b", tag("b", "&"), class_='"', hidden=True, title=None) == (
        '<p class="&quot;" hidden="">a &lt; b<b>&amp;</b></p>'
    )
