"""What counts as good in a result: the one table of measures that the report page, the studio and the dashboard read.

Light on purpose: the web app imports it, so nothing here loads what computes pictures.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["good", "look", ""]
"""Good, worth a look, or neither: in between, unknown, or a measure that is neither good nor bad."""


@dataclass(frozen=True)
class Measure:
    """One measure of a result: good up to `good`, worth a look from `look` on; None where it has no such limits.

    Where `more_is_better`, as with a PSNR, the limits count downwards.
    """

    name: str
    title: str
    unit: str
    meaning: str
    good: float | None = None
    look: float | None = None
    more_is_better: bool = False

    def verdict(self, value: float | None) -> Verdict:
        """Whether a value is good, worth a look, or neither."""
        if value is None or self.good is None or self.look is None:
            return ""
        sign = -1 if self.more_is_better else 1
        if sign * value <= sign * self.good:
            return "good"
        return "look" if sign * value >= sign * self.look else ""


FOOT_SLIDE = Measure(
    "slide_px",
    "Foot slide",
    "px",
    "How far a planted foot wanders over the ground in the finished clip, on average. "
    "Up to 0.5 px a foot stands, for all that anybody sees; from 2.5 px on, look at it.",
    0.5,
    2.5,
)
STEADINESS = Measure(
    "warp_ratio",
    "Steadiness",
    "×",
    "Change along the person's own motion, against that of the source. 1 is as steady as the footage; "
    "up to 1.1 nobody sees the difference, from 1.5 on it flickers.",
    1.1,
    1.5,
)
SEAMS = Measure(
    "seam_ratio",
    "Seams",
    "×",
    "Change where one part of the work gives way to the next, against elsewhere. 1 is no seam; up to 1.2 is good.",
    1.2,
    1.2,
)
COLOUR_DRIFT = Measure(
    "colour_drift",
    "Colour drift",
    "ΔE",
    "How far the colours wander from the first part to any later one. Up to 1 nobody sees it, 2.3 is noticed.",
    1.0,
    2.3,
)
CHANGE = Measure(
    "edit_magnitude",
    "Change",
    "ΔE",
    "How much the look changed the person. Neither good nor bad: below 0.5 hardly anything was changed, "
    "and the other numbers say little.",
)
FLICKER = Measure(
    "flicker_ratio",
    "Flicker",
    "levels",
    "Change per frame while the person stands, of 255 levels. Good is at most 1.1 times that of the source; "
    "from 1.5 times on, look at it.",
    1.1,
    1.5,
)
ROUND_TRIP = Measure(
    "roundtrip_psnr",
    "Round trip",
    "dB",
    "What taking the shake out and putting it back costs the picture, as a PSNR; from 40 dB up nobody sees it, "
    "at 35 dB and below many do.",
    40.0,
    35.0,
    more_is_better=True,
)
BACKGROUND = Measure(
    "seen_fraction",
    "Background",
    "",
    "Of the place behind the person: seen in some frame, so that it need not be invented.",
    0.99,
    0.9,
    more_is_better=True,
)
CAMERA_FOLLOWED = Measure(
    "camera_followed", "Camera followed", "", "Of all frames: those in which the camera was followed well.",
    0.95, 0.7, more_is_better=True,
)  # fmt: skip
PERSON_FOUND = Measure(
    "detected_fraction", "Person found", "", "Of all frames: those in which the person was found.",
    0.9, 0.3, more_is_better=True,
)  # fmt: skip
FEET_SHOWN = Measure(
    "feet_shown", "Feet in the picture", "", "Of the frames with the person: those with a whole foot in the picture.",
    0.9, 0.3, more_is_better=True,
)  # fmt: skip

SURE = Measure(
    "sure_percent",
    "Sure frames",
    "%",
    "Of all frames of the foreground: those whose time is known. From 95 % on it is good; up to 60 %, look at it.",
    95.0,
    60.0,
    more_is_better=True,
)
WORST_SIGMA = Measure(
    "worst_sigma",
    "Least sure",
    "frames",
    "One sigma of the sure frame whose time is known least, in frames of the background. "
    "Up to 0.25 it is good, from 1 on look at it.",
    0.25,
    1.0,
)
LIKENESS = Measure(
    "likeness",
    "Likeness",
    "",
    "How alike matched frames are without their coarse light and colour, from 0 to 1. Neither good nor bad: "
    "a strong look lowers it, and times may be exact nevertheless.",
)

SSIM = Measure(
    "ssim",
    "Encoded like drawn",
    "SSIM",
    "How alike encoded frames are to those that were drawn, over a frame of each chunk. From 0.98 on nobody sees the "
    "encoding; at 0.95 and below look at it, and lower the CRF.",
    0.98,
    0.95,
    more_is_better=True,
)
PSNR = Measure(
    "psnr_db",
    "Encoding noise",
    "dB",
    "The same as a PSNR of the same frames; from 40 dB up nobody sees it, at 35 dB and below many do.",
    40.0,
    35.0,
    more_is_better=True,
)

RESTYLED, ALIGNED = (FOOT_SLIDE, STEADINESS, SEAMS, COLOUR_DRIFT, CHANGE), (SURE, WORST_SIGMA, LIKENESS)
FINISHED = (SSIM, PSNR)
"""The measures of restyled clips, of aligned ones, and of films."""
MEASURES = (*RESTYLED, *ALIGNED, *FINISHED)
"""The measures that the studio shows of a result and the dashboard compares between results."""

UNCHANGED_DELTA_E = 0.5
"""Edits of fewer Delta E hardly change anything."""
STEADY_BUT_UNCHANGED = "Hardly anything was changed, so that being steady says little."
"""The meaning of the steadiness of such an edit."""
CALM_JERK_SHARE, CALM_JERK_PX = 0.2, 0.05
"""A camera is calm with this share of its jerk left, or with as little as nobody sees."""
SOUND_FRAMES = 1.0
"""Sound may be off by this many frames."""


def verdicts(values: Mapping[str, float | None]) -> dict[str, Verdict]:
    """The verdict of each of `MEASURES`; being steady is not praised where hardly anything was changed."""
    marks = {measure.name: measure.verdict(values.get(measure.name)) for measure in MEASURES}
    if values.get(STEADINESS.name) is not None and is_unchanged(values.get(CHANGE.name)):
        marks[STEADINESS.name] = "look"
    return marks


def is_unchanged(edit_delta_e: float | None) -> bool:
    """Whether an edit is so small that the other measures say little."""
    return edit_delta_e is not None and edit_delta_e < UNCHANGED_DELTA_E


def frames_verdict(frames_in: int | None, frames_out: int | None) -> Verdict:
    """Whether no frame was lost or doubled."""
    if frames_in is None or frames_out is None:
        return ""
    return "good" if frames_in == frames_out else "look"


def sound_verdict(offset_ms: float | None, fps: float | None) -> Verdict:
    """Whether the sound is within a frame of where it was."""
    if offset_ms is None or not fps:
        return ""
    return "good" if abs(offset_ms) * fps <= 1000 * SOUND_FRAMES else "look"


def camera_verdict(jerk_before_px: float | None, jerk_after_px: float | None) -> Verdict:
    """Whether stabilizing has calmed the camera; one that became jumpier is worth a look."""
    if jerk_before_px is None or jerk_after_px is None:
        return ""
    if jerk_after_px <= max(CALM_JERK_SHARE * jerk_before_px, CALM_JERK_PX):
        return "good"
    return "look" if jerk_after_px > jerk_before_px else ""
