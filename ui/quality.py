"""The numbers that say how good a finished clip is: what each means in plain words, and from where on it is good."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Mark = Literal["good", "look", ""]


@dataclass(frozen=True)
class Measure:
    """One number. Up to `good` it is good, from `look` on it is worth a look; None where there is no such place.

    The limits are those of a run's own report (pipeline/page/figures.py), which the app cannot load: it is heavy.
    """

    name: str
    title: str
    unit: str
    meaning: str
    good: float | None = None
    look: float | None = None

    def mark(self, value: float | None) -> Mark:
        """What is to be thought of a value."""
        if value is None:
            return ""
        if self.good is not None and value <= self.good:
            return "good"
        return "look" if self.look is not None and value >= self.look else ""


MEASURES = (
    Measure(
        "slide_px",
        "Foot slide",
        "px",
        "How far a planted foot wanders over the ground in the finished clip, on average. "
        "Up to 1 px a foot stands, for all that anybody sees; from 2.5 px on, look at it.",
        1.0,
        2.5,
    ),
    Measure(
        "warp_ratio",
        "Steadiness",
        "×",
        "Change along the person's own motion, against that of the source. 1 is as steady as the footage; "
        "up to 1.1 nobody sees the difference, from 1.5 on it flickers.",
        1.1,
        1.5,
    ),
    Measure(
        "seam_ratio",
        "Seams",
        "×",
        "Change where one window gives way to the next, against everywhere else. 1 is no seam; up to 1.2 is good.",
        1.2,
        1.2,
    ),
    Measure(
        "colour_drift",
        "Colour drift",
        "ΔE",
        "How far the colours wander from the first window to any later one. Up to 1 nobody sees it, 2.3 is noticed.",
        1.0,
        2.3,
    ),
    Measure(
        "edit_magnitude",
        "Change",
        "ΔE",
        "How much the look changed the person. Neither good nor bad: below 0.5 hardly anything was changed, "
        "and the other numbers say little.",
    ),
)


def measured(result: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Those numbers that a finished job has, each with its mark."""
    found = {each: number(result.get(each.name)) for each in MEASURES}
    return {each.name: {"value": value, "mark": each.mark(value)} for each, value in found.items() if value is not None}


def number(told: Any) -> float | None:
    """A number that can be shown; of one before and after, the one after."""
    if isinstance(told, Mapping):
        told = told.get("after")
    if isinstance(told, bool) or not isinstance(told, int | float) or not math.isfinite(told):
        return None
    return round(float(told), 4)
