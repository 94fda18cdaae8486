"""The parts of clips that a request asks for, where not all of a clip is to be used."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.library.clips import StoredClip
from utils.errors import ClipError, SettingsError

ROUNDING_S = 0.001


@dataclass(frozen=True)
class Part:
    """A part of a clip, in seconds from its first frame; 0 as the end means the end of the clip."""

    from_s: float
    to_s: float

    def settings(self, clip: StoredClip) -> dict[str, float]:
        """The settings that choose this part; ClipError if the clip, once it is inspected, has no such part."""
        facts = clip.inspection.facts if clip.inspection else None
        length_s = float(facts["seconds"]) if facts else None
        if self.to_s and self.to_s <= self.from_s:
            raise ClipError(f"The part of {clip.title} is empty.", "Let it end later than it begins.")
        if length_s is not None and (self.from_s >= length_s or self.to_s > length_s + ROUNDING_S):
            raise ClipError(
                f"The part of {clip.title} is beyond its end, at {length_s:g} s.", "Choose a part that lies in it."
            )
        return {"trim.from_s": self.from_s, "trim.to_s": self.to_s}


def asked_parts(body: Mapping[str, Any]) -> dict[str, Part]:
    """The part of each clip, by its id, for those of which not all is to be used."""
    parts = body.get("parts") or {}
    if not isinstance(parts, dict) or not all(isinstance(part, dict) for part in parts.values()):
        raise SettingsError("The parts of the clips cannot be read.", "Reload the page and try again.")
    return {str(clip): Part(_seconds(part.get("from_s")), _seconds(part.get("to_s"))) for clip, part in parts.items()}


def _seconds(value: object) -> float:
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        raise SettingsError("Where a part begins or ends is not a time.", "Give seconds from the start of the clip.")
    return float(value)
