"""A result's numbers as people read them: what each is called, how it is written, and what it means."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ui.quality import MEASURES, Mark, number

NOTHING = "nothing to measure"
FRAMES_OFF_MS = 1000.0


@dataclass(frozen=True)
class Figure:
    """One line of them; `mark` is empty where a number is neither good nor bad."""

    label: str
    value: str
    hint: str
    mark: Mark = ""


def figures(numbers: Mapping[str, Any], fps: float) -> list[Figure]:
    """Of a finished clip, from the `numbers` that it was published with; what matters most comes first."""
    return [*_measured(numbers), *_counted(numbers), *_heard(numbers, fps), *_seen(numbers)]


def _measured(numbers: Mapping[str, Any]) -> Iterator[Figure]:
    """Those that the dashboard shows of all jobs."""
    for each in MEASURES:
        value = number(numbers.get(each.name))
        yield Figure(each.title, _quantity(value, each.unit), each.meaning, each.mark(value))


def _counted(numbers: Mapping[str, Any]) -> Iterator[Figure]:
    before, after = numbers.get("frames_in"), numbers.get("frames_out")
    if before is not None and before == after:
        yield Figure("Frames", f"all {after:,}", "As many as the clip has: none lost, none doubled.", "good")
    else:
        yield Figure("Frames", f"{before} → {after}", "Frames of the clip, and of the result.", "look")


def _heard(numbers: Mapping[str, Any], fps: float) -> Iterator[Figure]:
    offset = number(numbers.get("audio_offset_ms"))
    if offset is not None:
        mark: Mark = "good" if abs(offset) * fps <= FRAMES_OFF_MS else "look"
        value = "exact" if abs(offset) < 0.05 else _quantity(offset, "ms")
        yield Figure("Sound", value, "How far the sound has moved against the picture; a frame is the limit.", mark)


def _seen(numbers: Mapping[str, Any]) -> Iterator[Figure]:
    """How the footage is, rather than how well it was done."""
    found = number(numbers.get("detected_fraction"))
    if found is not None:
        percent = "100 %" if found >= 1 else f"{min(99, round(100 * found))} %"
        yield Figure("Person found", percent, "Of all frames: those in which the person was found.")
    before, after = (number(numbers.get(f"jerk_{when}")) for when in ("before", "after"))
    if before is not None and after is not None:
        hint = "How jumpy the camera is: as it was filmed, and while the look was made."
        yield Figure("Camera shake", f"{_short(before)} → {_short(after)} px", hint)


def _quantity(value: float | None, unit: str) -> str:
    if value is None:
        return NOTHING
    return f"{_short(value)} {unit}".strip()


def _short(value: float) -> str:
    """Two digits that tell something, or three: 12.3, 1.04, 0.90, 0.042."""
    return f"{value:.2f}" if 0.1 <= abs(value) < 10 else f"{value:.3g}" if abs(value) >= 10 else f"{value:.2g}"
