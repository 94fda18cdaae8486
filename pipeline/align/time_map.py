"""The map of two aligned clips: for each frame of the foreground its time in the background, as JSON and as facts."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utils.align.alignment import Alignment
from utils.align.labels import Label
from utils.align.placement import Placement
from utils.media.clip import Clip

SCHEMA = 1


@dataclass(frozen=True)
class TimeMap(Alignment):
    """An alignment as it is kept, and told to people and to other programs."""

    @classmethod
    def of(cls, found: Alignment) -> "TimeMap":
        """That of an alignment."""
        return cls(**vars(found))

    @classmethod
    def from_json(cls, text: str | bytes) -> "TimeMap":
        """Read what `to_json` wrote."""
        told = json.loads(text)
        moments, sigma = (
            np.array([np.nan if each is None else each for each in told[name]], np.float64)
            for name in ("moments", "sigma")
        )
        labels = tuple(map(Label, told["labels"]))
        remarks = tuple(told["remarks"])
        return cls(Placement(**told["placement"]), moments, sigma, labels, told["likeness"], remarks)

    def to_json(self) -> str:
        """All of it, exactly."""
        told = {
            "schema": SCHEMA,
            "placement": vars(self.placement),
            "likeness": self.likeness,
            "moments": _plain(self.moments),
            "sigma": _plain(self.sigma),
            "labels": [str(label) for label in self.labels],
            "remarks": self.remarks,
        }
        return json.dumps(told)

    @property
    def counts(self) -> dict[str, int]:
        """How many frames have each label."""
        found = Counter(self.labels)
        return {str(label): found[label] for label in Label if found[label]}

    def matched(self) -> NDArray[np.int64]:
        """The frames of the foreground that show something of the background."""
        return np.flatnonzero(np.isfinite(self.moments))

    def background_s(self, background: Clip) -> NDArray[np.float64]:
        """The time of each frame in the background, in seconds from its first frame."""
        times_s = np.array([float(background.time_s(index)) for index in range(len(background))])
        indices = np.arange(len(times_s))
        inside = np.interp(self.moments, indices, times_s)
        step_s = float(1 / background.rate)
        early, late = self.moments < 0, self.moments > indices[-1]
        after = times_s[-1] + (self.moments - indices[-1]) * step_s
        return np.where(early, self.moments * step_s, np.where(late, after, inside))

    def sigma_s(self, background: Clip) -> NDArray[np.float64]:
        """The uncertainty of each frame's time in seconds: a frame of the background lasts longer here than there."""
        gaps_s = np.diff([float(background.time_s(index)) for index in range(len(background))])
        before = np.clip(np.nan_to_num(self.moments), 0, len(gaps_s) - 1).astype(np.int64)
        return np.asarray(self.sigma * gaps_s[before])

    def document(self, background: Clip, foreground: Clip) -> dict[str, Any]:
        """The map for people and for other programs: frames by their times, in seconds."""
        seconds, sigma_s = self.background_s(background), self.sigma_s(background)
        rows = [
            {
                "frame": index,
                "time_s": round(float(foreground.time_s(index)), 6),
                "background_s": None if np.isnan(moment) else round(float(seconds[index]), 6),
                "background_frame": None if np.isnan(moment) else round(float(moment), 4),
                "sigma_s": None if np.isnan(moment) else round(float(sigma_s[index]), 6),
                "label": str(self.labels[index]),
            }
            for index, moment in enumerate(self.moments)
        ]
        place = self.placement
        return {
            "schema": SCHEMA,
            "background": {"digest": background.digest, "frames": len(background), "rate": str(background.rate)},
            "foreground": {"digest": foreground.digest, "frames": len(foreground), "rate": str(foreground.rate)},
            "placement": {
                "x_px": round(place.left, 4),
                "y_px": round(place.top, 4),
                "scale": round(place.scale, 6),
                "turn_degrees": round(float(np.degrees(place.turn)), 4),
            },
            "likeness": round(self.likeness, 4),
            "labels": self.counts,
            "remarks": self.remarks,
            "frames": rows,
        }


def _plain(values: NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(each) else float(each) for each in values]
