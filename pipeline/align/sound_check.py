"""Sound as a check: whether clips sound as if they belonged together where their pictures do. It decides nothing."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.align.time_map import TimeMap
from utils.align.sound import Heard
from utils.media.clip import Clip

LEAST_CONFIDENCE, AGREES_S = 0.5, 0.1
"""Below this nothing is said; so far apart sound and picture still agree, for sound may have been delayed a little."""


@dataclass(frozen=True)
class SoundCheck:
    """Where the foreground begins in the background's time, by its sound and by its pictures."""

    sound_s: float
    picture_s: float
    confidence: float

    @classmethod
    def of(cls, heard: Heard | None, found: TimeMap, background: Clip, foreground: Clip) -> "SoundCheck | None":
        """None where there is nothing to hear, or nothing that is sure."""
        if heard is None or heard.confidence < LEAST_CONFIDENCE:
            return None
        times_s = np.array([float(foreground.time_s(index)) for index in range(len(foreground))])
        begins_s = (found.background_s(background) - times_s)[found.matched()]
        nearest = float(begins_s[np.abs(begins_s - heard.begins_s).argmin()])
        near = abs(nearest - heard.begins_s) <= AGREES_S  # after a cut, sound agrees with a part of the pictures
        return cls(heard.begins_s, nearest if near else float(np.median(begins_s)), heard.confidence)

    @property
    def agrees(self) -> bool:
        """Whether some stretch of the pictures, at least, belongs where the sound does."""
        return abs(self.sound_s - self.picture_s) <= AGREES_S

    @property
    def sentence(self) -> str:
        """What people are told."""
        if self.agrees:
            return f"sound and picture agree: the foreground begins at {self.sound_s:.2f} s"
        return (
            f"the sound says that the foreground begins at {self.sound_s:.2f} s, the picture {self.picture_s:.2f} s: "
            "look and listen which is right"
        )

    def document(self) -> dict[str, Any]:
        """What programs are told."""
        seconds = {"sound_s": round(self.sound_s, 3), "picture_s": round(self.picture_s, 3)}
        return {**seconds, "confidence": round(self.confidence, 3), "agrees": self.agrees}
