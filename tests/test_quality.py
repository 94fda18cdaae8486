"""One verdict per value: the report page, the studio's figures and the dashboard never judge a number differently."""

import re
from typing import Any

import pytest

from pipeline.report.page.figures import figures as page_figures
from pipeline.report.quality import (
    FOOT_SLIDE,
    RESTYLED,
    ROUND_TRIP,
    Measure,
    Verdict,
    camera_verdict,
    frames_verdict,
    sound_verdict,
)
from pipeline.restyle.kind import KIND
from ui.figures import figures, marked

CARD = re.compile(r'<h3>(?P<title>[^<]+?)(?: <span class="mark (?P<mark>\w+)">[^<]*</span>)?</h3>')
CLASSES = {"good": "good", "attention": "look", "": ""}
NUMBERS: dict[str, Any] = {
    "frames_in": 300, "frames_out": 300, "audio_offset_ms": 0.0, "jerk_before": 3.0, "jerk_after": 0.1,
    "slide_px": 0.3, "warp_ratio": 1.0, "seam_ratio": 1.0, "colour_drift": 0.5, "edit_magnitude": 12.0,
}  # fmt: skip


def report(numbers: dict[str, Any]) -> dict[str, Any]:
    """As much of a report as the key figures are drawn from; feet slid as far before the correction as after it."""
    return {
        **{name: numbers[name] for name in ("frames_in", "frames_out", "audio_offset_ms")},
        **{name: numbers[name] for name in ("seam_ratio", "colour_drift", "edit_magnitude")},
        "fps": 30.0,
        "subject": {"detected_fraction": 1.0},
        "camera": {
            "jerk_before": numbers["jerk_before"], "jerk_after": numbers["jerk_after"],
            "roundtrip_psnr": None, "crop": None,
        },
        "warp_error": {"source": 1.0, "result": numbers["warp_ratio"], "ratio": numbers["warp_ratio"]},
        "flicker_hold": {"source": None, "result": None},
        "slide_px": {"before": numbers["slide_px"], "after": numbers["slide_px"]},
        "plate": {"seen_fraction": None},
    }  # fmt: skip


def on_page(numbers: dict[str, Any]) -> dict[str, str]:
    """The verdict of each key figure of the report page, by its title."""
    html = str(page_figures(report(numbers)))
    return {card["title"]: CLASSES[card["mark"] or ""] for card in CARD.finditer(html)}


def around(measure: Measure) -> list[float | None]:
    """Values at, just below and just above the limits of a measure, and far from them."""
    limits = [limit for limit in (measure.good, measure.look) if limit is not None]
    return [None, 0.0, *(limit + step for limit in limits for step in (-0.001, 0.0, 0.001)), 0.4, 0.7, 1.05, 50.0]


@pytest.mark.parametrize("measure", RESTYLED, ids=lambda measure: measure.name)
def test_page_figures_and_dashboard_judge_a_value_the_same(measure: Measure) -> None:
    for value in around(measure):
        numbers = NUMBERS | {measure.name: value}
        page, studio, dashboard = on_page(numbers), figures(numbers, 30.0, KIND.measures), marked(numbers)
        for each in RESTYLED:
            (figure,) = [figure for figure in studio if figure.label == each.title]
            assert figure.mark == dashboard.get(each.name, {"mark": ""})["mark"], (each.name, value)
            if each.title in page:
                assert figure.mark == page[each.title], (each.name, value)
        assert len(page.keys() & {each.title for each in RESTYLED}) == len(RESTYLED) - 1, "the change is not a card"


@pytest.mark.parametrize(
    ("changes", "card", "label", "verdict"),
    [
        ({}, "Frames", "Frames", "good"),
        ({"frames_out": 299}, "Frames", "Frames", "look"),
        ({"frames_out": None}, "Frames", "Frames", ""),
        ({"audio_offset_ms": 33.0}, "Sound", "Sound", "good"),
        ({"audio_offset_ms": -34.0}, "Sound", "Sound", "look"),
        ({}, "Camera jerk", "Camera shake", "good"),
        ({"jerk_after": 1.5}, "Camera jerk", "Camera shake", ""),
        ({"jerk_after": 3.5}, "Camera jerk", "Camera shake", "look"),
    ],
)
def test_counts_sound_and_camera_are_judged_the_same(
    changes: dict[str, Any], card: str, label: str, verdict: Verdict
) -> None:
    numbers = NUMBERS | changes
    (figure,) = [figure for figure in figures(numbers, 30.0, KIND.measures) if figure.label == label]
    assert (on_page(numbers)[card], figure.mark) == (verdict, verdict)


def test_a_result_that_is_hardly_changed_is_not_praised_for_being_steady() -> None:
    numbers = NUMBERS | {"edit_magnitude": 0.1}
    (figure,) = [figure for figure in figures(numbers, 30.0, KIND.measures) if figure.label == "Steadiness"]
    assert on_page(numbers)["Steadiness"] == figure.mark == marked(numbers)["warp_ratio"]["mark"] == "look"
    assert "Hardly anything was changed" in figure.hint


def test_limits_count_downwards_where_more_is_better() -> None:
    assert [ROUND_TRIP.verdict(value) for value in (None, 41.0, 40.0, 37.0, 35.0, 20.0)] == [
        "", "good", "good", "", "look", "look",
    ]  # fmt: skip
    assert [FOOT_SLIDE.verdict(value) for value in (None, 0.5, 0.7, 2.5)] == ["", "good", "", "look"]


def test_what_is_unknown_is_not_judged() -> None:
    assert camera_verdict(None, 1.0) == frames_verdict(None, 3) == sound_verdict(None, 30.0) == ""
    assert sound_verdict(5.0, None) == "", "without a rate nobody knows how long a frame is"
