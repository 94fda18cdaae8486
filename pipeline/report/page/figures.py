"""The key figures: each number with what it means in plain words, and a quiet mark where it is known what is good."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.report.page.markup import Markup, joined, tag
from pipeline.report.page.words import change, percent, quantity

Mark = Literal["good", "attention"] | None

CALMED, STILL_PX = 0.2, 0.05
"""A camera is calm with this share of its jerk left, or with as little as nobody sees."""
UNSEEN_DB, SEEN_DB = 40.0, 35.0
"""Above the first nobody sees a resampled picture from its original, below the second many do."""
STEADY, UNSTEADY = 1.1, 1.5
"""Warp error against that of the source."""
SEAMLESS = 1.2
DRIFT_JUST_SEEN, DRIFT_NOTICED = 1.0, 2.3
"""Delta E."""
STANDS_PX = 0.5
"""A foot that slides less stands, for all that anybody sees."""
UNCHANGED = 0.5
"""An edit of fewer Delta E is hardly one."""
PLATE_WHOLE, PLATE_POOR = 0.99, 0.9


@dataclass(frozen=True)
class Card:
    """One figure."""

    title: str
    value: Markup
    meaning: str
    mark: Mark = None

    def draw(self) -> Markup:
        """As it stands on the page."""
        said = {"good": "good", "attention": "worth a look"}.get(self.mark or "")
        mark = tag("span", said, class_=f"mark {self.mark}") if said else None
        title = tag("h3", self.title, joined((" ", mark)) if mark else None)
        return tag("li", title, tag("p", self.value, class_="value"), tag("p", self.meaning, class_="meaning"))


def figures(told: dict[str, Any]) -> Markup:
    """All of them, in the order of the journey."""
    makers: tuple[Callable[[dict[str, Any]], Card], ...] = (
        _frames, _sound, _person, _jerk, _round_trip, _steadiness,
        _flicker, _seams, _drift, _feet, _plate, _kept,
    )  # fmt: skip
    return tag("ul", *(make(told).draw() for make in makers), class_="cards")


def _frames(told: dict[str, Any]) -> Card:
    before, after = told["frames_in"], told["frames_out"]
    mark: Mark = None if before is None or after is None else "good" if before == after else "attention"
    meaning = "Frames in and frames out: none lost, none doubled." if mark == "good" else "Frames in and frames out."
    return Card("Frames", change(before, after, "frames"), meaning, mark)


def _sound(told: dict[str, Any]) -> Card:
    offset, fps = told["audio_offset_ms"], told["fps"]
    if offset is None:
        return Card("Sound", quantity(None), "There is no sound to compare.")
    mark: Mark = None if not fps else "good" if abs(offset) * fps <= 1000 else "attention"
    return Card("Sound", quantity(offset, "ms"), "How far the sound has moved against the picture.", mark)


def _person(told: dict[str, Any]) -> Card:
    return Card(
        "Person", percent(told["subject"]["detected_fraction"]), "Of all frames: those in which the person was found."
    )


def _jerk(told: dict[str, Any]) -> Card:
    before, after = told["camera"]["jerk_before"], told["camera"]["jerk_after"]
    meaning = "How jumpy the camera is: as filmed, and in the picture that the engine worked on."
    return Card("Camera jerk", change(before, after, "px"), meaning, _calmer(before, after, CALMED, STILL_PX))


def _round_trip(told: dict[str, Any]) -> Card:
    meaning = (
        f"What taking the shake out and putting it back costs the picture; from {UNSEEN_DB:.0f} dB up nobody sees it."
    )
    value = told["camera"]["roundtrip_psnr"]
    return Card("Round trip", quantity(value, "dB"), meaning, _high(value, UNSEEN_DB, SEEN_DB))


def _steadiness(told: dict[str, Any]) -> Card:
    ratio, edit = told["warp_error"]["ratio"], told["edit_magnitude"]
    value = quantity(ratio, "×")
    if edit is not None:
        value = joined((value, tag("small", " at a change of ", quantity(edit, "ΔE"))))
    if edit is not None and edit < UNCHANGED:
        return Card("Steadiness", value, "Hardly anything was changed, so that being steady says little.", "attention")
    meaning = "Change along the person’s motion against the source’s own: 1 is as steady as the footage."
    return Card("Steadiness", value, meaning, _low(ratio, STEADY, UNSTEADY))


def _flicker(told: dict[str, Any]) -> Card:
    before, after = told["flicker_hold"]["source"], told["flicker_hold"]["result"]
    mark = None if None in (before, after) or not before else _low(after / before, STEADY, UNSTEADY)
    return Card(
        "Flicker", change(before, after, "levels"), "Change per frame while the person stands, of 255 levels.", mark
    )


def _seams(told: dict[str, Any]) -> Card:
    value = told["seam_ratio"]
    meaning = "Change where one window gives way to the next, against everywhere else: 1 is no seam."
    return Card("Seams", quantity(value, "×"), meaning, _low(value, SEAMLESS, SEAMLESS))


def _drift(told: dict[str, Any]) -> Card:
    value = told["colour_drift"]
    meaning = f"How far the colours of the last window are from the first; {DRIFT_NOTICED} ΔE is noticed."
    return Card("Colour drift", quantity(value, "ΔE"), meaning, _low(value, DRIFT_JUST_SEEN, DRIFT_NOTICED))


def _feet(told: dict[str, Any]) -> Card:
    slide = told["slide_px"] or {}
    before, after, leg = slide.get("before"), slide.get("after"), slide.get("leg_percent_after")
    value = change(before, after, "px")
    if leg is not None:
        value = joined((value, tag("small", " ", quantity(leg, "% of the leg"))))
    meaning = "How far planted feet slide over the ground: as generated, and after the lock."
    mark: Mark = None
    if before is not None and after is not None:
        mark = "good" if after <= max(before, STANDS_PX) else "attention"
    return Card("Foot slide", value, meaning, mark)


def _plate(told: dict[str, Any]) -> Card:
    share = told["plate"]["seen_fraction"]
    if share is None:
        return Card("Background", tag("span", "the source’s own", class_="none"), "No clean background had to be made.")
    meaning = "Of the place behind the person: seen in some frame, so that it need not be invented."
    return Card("Background", percent(share), meaning, _high(share, PLATE_WHOLE, PLATE_POOR))


def _kept(told: dict[str, Any]) -> Card:
    share = told["camera"]["crop"]
    mark: Mark = "good" if share == 1 else None
    return Card(
        "Picture kept", percent(share), "Of the frame’s area: what is left after the camera’s edges are hidden.", mark
    )


def _calmer(before: float | None, after: float | None, share: float, least: float) -> Mark:
    if before is None or after is None:
        return None
    if after <= max(share * before, least):
        return "good"
    return "attention" if after > before else None


def _low(value: float | None, good: float, bad: float) -> Mark:
    return None if value is None else "good" if value <= good else "attention" if value > bad else None


def _high(value: float | None, good: float, bad: float) -> Mark:
    return None if value is None else "good" if value >= good else "attention" if value < bad else None
