"""What is said of one frame of an alignment, and of all of it, in words."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipeline.align.report.matched_frames import MatchedFrames, Why
from pipeline.align.time_map import TimeMap
from pipeline.report.page.words import count, listed
from utils.align.labels import Label


@dataclass(frozen=True)
class Row:
    """A frame that is shown: its times, how sure they are, its label, and why it is shown."""

    index: int
    time_s: float
    background_s: float | None
    background_frame: float | None
    sigma: float | None
    """In frames of the background."""
    label: str
    why: Why

    @property
    def lines(self) -> list[str]:
        """Its times and what is known of them, in a few short lines."""
        if self.background_s is None:
            return [f"{self.time_s:.3f} s", self.label]
        return [
            f"{self.time_s:.3f} s shows {self.background_s:.3f} s",
            f"background frame {self.background_frame:.2f}",
            f"± {self.sigma:.2f} frame (one sigma)",
            self.label,
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain values, with its words."""
        return {**asdict(self), "lines": self.lines}


def rows_of(frames: MatchedFrames) -> Iterator[Row]:
    """What is said of each frame that is shown."""
    found, seconds = frames.map, frames.map.background_s(frames.background)
    for index, why in frames.picked.why.items():
        time_s, label = round(float(frames.foreground.time_s(index)), 6), str(found.labels[index])
        if np.isnan(found.moments[index]):
            yield Row(index, time_s, None, None, None, label, why)
        else:
            second, moment, sigma = (round(float(each[index]), 6) for each in (seconds, found.moments, found.sigma))
            yield Row(index, time_s, second, moment, sigma, label, why)


MEANINGS = {
    Label.SURE: "known to within a few of its sigmas",
    Label.STILL: "hardly anything moves there, and any time of that stretch would do",
    Label.PERIODIC: "what moves repeats itself, and another round would do as well",
    Label.NOTHING: "the background does not show this",
    Label.CUT: "the first frame after a jump in time",
}


def numbers_of(found: TimeMap) -> dict[str, Any]:
    """The measures of an alignment: what is sure of it, how much so at worst, how alike it is, and where it lies."""
    sure = np.array([label is Label.SURE for label in found.labels])
    worst = float(np.max(found.sigma[sure], initial=0.0)) if sure.any() else None
    place = found.placement
    return {
        "sure_percent": round(100 * float(sure.mean()), 3),
        "worst_sigma": None if worst is None else round(worst, 4),
        "likeness": round(found.likeness, 4),
        "placement": {
            "x_px": round(place.left, 2),
            "y_px": round(place.top, 2),
            "scale": round(place.scale, 5),
            "turn_degrees": round(float(np.degrees(place.turn)), 3),
        },
    }


def sentence_of(found: TimeMap, numbers: dict[str, Any]) -> str:
    """The whole alignment in a sentence or two."""
    told = [f"{amount:,} {label}" for label, amount in found.counts.items()]
    place = numbers["placement"]
    turned = f", turned by {place['turn_degrees']:.2f}°" if place["turn_degrees"] else ""
    where = f"It lies at ({place['x_px']:.2f}, {place['y_px']:.2f}) ×{place['scale']:.4f}{turned}."
    worst = numbers["worst_sigma"]
    sure = f" What is sure is known to ±{worst:.2f} frame at worst, one sigma." if worst is not None else ""
    return f"{count(len(found.labels), 'frame')}: {listed(told)}. {where}{sure}"
