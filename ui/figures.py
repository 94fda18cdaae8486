"""Formats a result's numbers for people: label, value with unit, meaning and verdict.

The verdicts come from `pipeline.report.quality`, which the report page uses too.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.filesize import decimal

from pipeline.report.quality import (
    CHANGE,
    MEASURES,
    STEADINESS,
    STEADY_BUT_UNCHANGED,
    Verdict,
    camera_verdict,
    frames_verdict,
    is_unchanged,
    sound_verdict,
    verdicts,
)

NOTHING = "nothing to measure"


@dataclass(frozen=True)
class Figure:
    """One formatted number of a result; `mark` is its verdict, empty if it is neither good nor bad."""

    label: str
    value: str
    hint: str
    mark: Verdict = ""


def figures(numbers: Mapping[str, Any], fps: float, measures: Collection[str]) -> list[Figure]:
    """The figures of a finished clip, from its published `numbers`, the most important first.

    `measures` are the names of those that its kind of job has.
    """
    measured = (*_measures(numbers, measures), *_placement(numbers))
    return [*measured, *_frames(numbers), *_sound(numbers, fps), *_footage(numbers), *_spent(numbers)]


def marked(numbers: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The measures that a finished job has: name -> value and verdict."""
    values = _values(numbers)
    marks = verdicts(values)
    return {name: {"value": value, "mark": marks[name]} for name, value in values.items() if value is not None}


def number(value: Any) -> float | None:
    """A finite number rounded to four decimals, None for anything else; of a before/after pair the one after."""
    if isinstance(value, Mapping):
        value = value.get("after")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return round(float(value), 4)


def _values(numbers: Mapping[str, Any]) -> dict[str, float | None]:
    return {measure.name: number(numbers.get(measure.name)) for measure in MEASURES}


def _measures(numbers: Mapping[str, Any], names: Collection[str]) -> Iterator[Figure]:
    """The measures by which the dashboard compares jobs."""
    values = _values(numbers)
    marks = verdicts(values)
    for measure in (each for each in MEASURES if each.name in names):
        value, meaning = values[measure.name], measure.meaning
        if measure is STEADINESS and is_unchanged(values[CHANGE.name]):
            meaning = STEADY_BUT_UNCHANGED
        yield Figure(measure.title, _quantity(value, measure.unit), meaning, marks[measure.name])


def _placement(numbers: Mapping[str, Any]) -> Iterator[Figure]:
    """Where an aligned foreground lies."""
    if place := numbers.get("placement"):
        value = f"({place['x_px']:.1f}, {place['y_px']:.1f}) ×{place['scale']:.3f}"
        yield Figure("Placement", value, "The foreground's upper left corner in the background, in px, and its scale.")


def _frames(numbers: Mapping[str, Any]) -> Iterator[Figure]:
    before, after = numbers.get("frames_in"), numbers.get("frames_out")
    mark = frames_verdict(before, after)
    if mark == "good":
        yield Figure("Frames", f"all {after:,}", "As many as the clip has: none lost, none doubled.", mark)
    else:
        yield Figure("Frames", f"{before} → {after}", "Frames of the clip, and of the result.", mark)


def _sound(numbers: Mapping[str, Any], fps: float) -> Iterator[Figure]:
    offset_ms = number(numbers.get("audio_offset_ms"))
    if offset_ms is not None:
        value = "exact" if abs(offset_ms) < 0.05 else _quantity(offset_ms, "ms")
        hint = "How far the sound has moved against the picture; a frame is the limit."
        yield Figure("Sound", value, hint, sound_verdict(offset_ms, fps))


def _footage(numbers: Mapping[str, Any]) -> Iterator[Figure]:
    """How often the person was found, and how much camera shake was removed."""
    share = number(numbers.get("detected_fraction"))
    if share is not None:
        percent = "100 %" if share >= 1 else f"{min(99, round(100 * share))} %"
        yield Figure("Person found", percent, "Of all frames: those in which the person was found.")
    before, after = (number(numbers.get(f"jerk_{when}")) for when in ("before", "after"))
    if before is not None and after is not None:
        hint = "How jumpy the camera is: as it was filmed, and while the look was made."
        value = f"{_short(before)} → {_short(after)} px"
        yield Figure("Camera shake", value, hint, camera_verdict(before, after))


def _spent(numbers: Mapping[str, Any]) -> Iterator[Figure]:
    """What making it took of time and machine, and what the cache spared."""
    spent = [number(numbers.get(name)) for name in ("computed_s", "found_s", "saved_s", "saved_bytes", "peak_rss_mb")]
    computed_s, found_s, saved_s, saved_bytes, peak_mb = (value or 0.0 for value in spent)
    if None in spent:
        return
    hint = f"What was computed for it. Without anything in the cache that would have been {computed_s + saved_s:.1f} s."
    yield Figure("Computing", f"{computed_s:.1f} s", hint)
    hint = f"Reading what had once taken {saved_s:.1f} s to compute: {decimal(round(saved_bytes))} were not made again."
    none = Figure("From the cache", "nothing", "Nothing of it was in the cache.")
    yield Figure("From the cache", f"{found_s:.2f} s", hint) if saved_bytes else none
    yield Figure("Memory", f"{peak_mb:,.0f} MB", "The most that the worker's process took while it made this.")
    card = numbers.get("card")
    hint = "How busy the graphics card was, and the most of its memory that was taken, whoever took it."
    value = f"{100 * card['busy']:.0f} %, {card['peak_mb'] / 1024:.1f} GB" if card else "not there"
    yield Figure("Graphics card", value, hint if card else "No graphics card was seen.")


def _quantity(value: float | None, unit: str) -> str:
    if value is None:
        return NOTHING
    return f"{_short(value)} {unit}".strip()


def _short(value: float) -> str:
    """A number with two or three significant digits: 12.3, 1.04, 0.90, 0.042."""
    return f"{value:.2f}" if 0.1 <= abs(value) < 10 else f"{value:.3g}" if abs(value) >= 10 else f"{value:.2g}"
