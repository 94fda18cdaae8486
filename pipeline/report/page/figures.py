"""The key figures of the report page: each number with its meaning in plain words and, where known, a verdict."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.report.page.markup import Markup, joined, tag
from pipeline.report.page.words import change, percent, quantity
from pipeline.report.quality import (
    BACKGROUND,
    COLOUR_DRIFT,
    FLICKER,
    FOOT_SLIDE,
    ROUND_TRIP,
    SEAMS,
    STEADINESS,
    STEADY_BUT_UNCHANGED,
    Verdict,
    camera_verdict,
    frames_verdict,
    is_unchanged,
    sound_verdict,
    verdicts,
)

MARKS: dict[Verdict, tuple[str, str]] = {"good": ("good", "good"), "look": ("attention", "worth a look")}
"""Class and words of a verdict on the page."""


@dataclass(frozen=True)
class Card:
    """One key figure: its title, its value, what it means, and the verdict."""

    title: str
    value: Markup
    meaning: str
    verdict: Verdict = ""

    def draw(self) -> Markup:
        """The figure as an item of the list."""
        mark = None
        if self.verdict in MARKS:
            kind, words = MARKS[self.verdict]
            mark = tag("span", words, class_=f"mark {kind}")
        title = tag("h3", self.title, joined((" ", mark)) if mark else None)
        return tag("li", title, tag("p", self.value, class_="value"), tag("p", self.meaning, class_="meaning"))


def figures(report: dict[str, Any]) -> Markup:
    """All key figures as a list, in the order of the journey."""
    makers: tuple[Callable[[dict[str, Any]], Card], ...] = (
        _frames, _sound, _person, _jerk, _round_trip, _steadiness,
        _flicker, _seams, _drift, _feet, _plate, _kept,
    )  # fmt: skip
    return tag("ul", *(make(report).draw() for make in makers), class_="cards")


def _verdicts(report: dict[str, Any]) -> dict[str, Verdict]:
    """The verdicts of the measures that the studio and the dashboard show too."""
    return verdicts(
        {
            "slide_px": (report["slide_px"] or {}).get("after"),
            "warp_ratio": report["warp_error"]["ratio"],
            **{name: report[name] for name in ("seam_ratio", "colour_drift", "edit_magnitude")},
        }
    )


def _frames(report: dict[str, Any]) -> Card:
    before, after = report["frames_in"], report["frames_out"]
    verdict = frames_verdict(before, after)
    meaning = "Frames in and frames out" + (": none lost, none doubled." if verdict == "good" else ".")
    return Card("Frames", change(before, after, "frames"), meaning, verdict)


def _sound(report: dict[str, Any]) -> Card:
    offset_ms = report["audio_offset_ms"]
    if offset_ms is None:
        return Card("Sound", quantity(None), "There is no sound to compare.")
    meaning = "How far the sound has moved against the picture."
    return Card("Sound", quantity(offset_ms, "ms"), meaning, sound_verdict(offset_ms, report["fps"]))


def _person(report: dict[str, Any]) -> Card:
    share = report["subject"]["detected_fraction"]
    return Card("Person", percent(share), "Of all frames: those in which the person was found.")


def _jerk(report: dict[str, Any]) -> Card:
    before, after = report["camera"]["jerk_before"], report["camera"]["jerk_after"]
    meaning = "How jumpy the camera is: as filmed, and in the picture that the engine worked on."
    return Card("Camera jerk", change(before, after, "px"), meaning, camera_verdict(before, after))


def _round_trip(report: dict[str, Any]) -> Card:
    value = report["camera"]["roundtrip_psnr"]
    return Card(ROUND_TRIP.title, quantity(value, ROUND_TRIP.unit), ROUND_TRIP.meaning, ROUND_TRIP.verdict(value))


def _steadiness(report: dict[str, Any]) -> Card:
    ratio, edit = report["warp_error"]["ratio"], report["edit_magnitude"]
    value = quantity(ratio, STEADINESS.unit)
    if edit is not None:
        value = joined((value, tag("small", " at a change of ", quantity(edit, "ΔE"))))
    meaning = STEADY_BUT_UNCHANGED if is_unchanged(edit) else STEADINESS.meaning
    return Card(STEADINESS.title, value, meaning, _verdicts(report)[STEADINESS.name])


def _flicker(report: dict[str, Any]) -> Card:
    before, after = report["flicker_hold"]["source"], report["flicker_hold"]["result"]
    ratio = None if after is None or not before else after / before
    return Card(FLICKER.title, change(before, after, FLICKER.unit), FLICKER.meaning, FLICKER.verdict(ratio))


def _seams(report: dict[str, Any]) -> Card:
    value = quantity(report["seam_ratio"], SEAMS.unit)
    return Card(SEAMS.title, value, SEAMS.meaning, _verdicts(report)[SEAMS.name])


def _drift(report: dict[str, Any]) -> Card:
    value = quantity(report["colour_drift"], COLOUR_DRIFT.unit)
    return Card(COLOUR_DRIFT.title, value, COLOUR_DRIFT.meaning, _verdicts(report)[COLOUR_DRIFT.name])


def _feet(report: dict[str, Any]) -> Card:
    slide = report["slide_px"] or {}
    leg_percent = slide.get("leg_percent_after")
    value = change(slide.get("before"), slide.get("after"), FOOT_SLIDE.unit)
    if leg_percent is not None:
        value = joined((value, tag("small", " ", quantity(leg_percent, "% of the leg"))))
    meaning = f"{FOOT_SLIDE.meaning} Before is as generated, after is in the finished clip."
    return Card(FOOT_SLIDE.title, value, meaning, _verdicts(report)[FOOT_SLIDE.name])


def _plate(report: dict[str, Any]) -> Card:
    share = report["plate"]["seen_fraction"]
    if share is None:
        own = tag("span", "the source’s own", class_="none")
        return Card(BACKGROUND.title, own, "No clean background had to be made.")
    return Card(BACKGROUND.title, percent(share), BACKGROUND.meaning, BACKGROUND.verdict(share))


def _kept(report: dict[str, Any]) -> Card:
    share = report["camera"]["crop"]
    meaning = "Of the frame’s area: what is left after the camera’s edges are hidden."
    return Card("Picture kept", percent(share), meaning, "good" if share == 1 else "")
