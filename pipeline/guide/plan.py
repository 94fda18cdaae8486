"""The plan of a guide: which structure video leads which frames, and which frames are given as pictures.

The timeline is the guide's own: integer frames at a rational rate. Everything says its place on it by its index there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from math import floor
from typing import TYPE_CHECKING, Any

from pipeline.guide.terms import Fit, GuideType, Treatment
from pipeline.types import Reference
from utils.digest import canonical_json, digest_bytes
from utils.errors import SettingsError
from utils.media.timebase import Span
from utils.size import Size

if TYPE_CHECKING:
    from utils.media.clip import Clip


@dataclass(frozen=True)
class Structure:
    """A structure video on the timeline: the frames `at` are led by its own frames `source`.

    `adjust` stretches or squeezes these to fill `at`; `clip` keeps their pace and leaves the rest of `at` unguided.
    """

    clip: Clip
    at: Span
    source: Span
    treatment: Treatment = "adjust"
    type: GuideType = "flow"
    strength: float = 1.0

    def moment(self, index: int, rate: Fraction) -> Fraction | None:
        """The moment of the clip, in its frames, that leads a frame of a timeline of this rate; None if none does."""
        if index not in self.led(rate):
            return None
        gone = index - self.at.start
        if self.treatment == "clip":
            return self._after_s(gone / rate)
        return self._at_share(Fraction(gone, max(1, len(self.at) - 1)))

    def led(self, rate: Fraction) -> Span:
        """The frames of the timeline that it really leads."""
        if self.treatment == "adjust":
            return self.at
        return Span(self.at.start, self.at.start + min(len(self.at), filled(self.clip, self.source, rate)))

    def facts(self) -> dict[str, Any]:
        """What its part of a guide depends on, as JSON values."""
        spans = [self.at.start, self.at.stop, self.source.start, self.source.stop]
        return {"clip": self.clip.digest, "spans": spans, "treatment": self.treatment, "type": self.type,
                "strength": self.strength}  # fmt: skip

    def _at_share(self, share: Fraction) -> Fraction:
        """The moment at a share of the time between the first and the last source frame."""
        first, last = self.source.start, self.source.stop - 1
        if self.clip.constant_rate:
            return first + share * (last - first)
        begin_s, end_s = self.clip.time_s(first), self.clip.time_s(last)
        return self._at_s(begin_s + share * (end_s - begin_s))

    def _after_s(self, seconds: Fraction) -> Fraction:
        """The moment so long after the first source frame."""
        if self.clip.constant_rate:
            return self.source.start + seconds * self.clip.rate
        return self._at_s(self.clip.time_s(self.source.start) + seconds)

    def _at_s(self, at_s: Fraction) -> Fraction:
        """The moment at a time of a clip whose frames are not evenly spaced."""
        pts, last = self.clip.pts, len(self.clip) - 1
        ticks = pts[0] + at_s / self.clip.time_base
        before = min(bisect_right(pts, ticks) - 1, last)
        if before == last:
            return Fraction(last)
        return before + (ticks - pts[before]) / (pts[before + 1] - pts[before])


@dataclass(frozen=True)
class GuidePlan:
    """A guide of `frames` frames: its structures in their order, and its anchors, which are given pictures by index."""

    size: Size
    rate: Fraction
    frames: int
    structures: tuple[Structure, ...]
    anchors: Mapping[int, Reference] = field(default_factory=dict)
    fit: Fit = "crop"
    fade_frames: int = 0
    """Over how many frames one structure turns into the next where their ranges meet."""
    floor_px: float = 0.1
    """Motion of less than this per frame counts as noise and is none."""

    def __post_init__(self) -> None:
        for structure in self.structures:
            _check_range(structure, self.frames)
        ordered = sorted(self.structures, key=lambda each: each.at.start)
        object.__setattr__(self, "structures", tuple(ordered))
        for before, after in pairwise(ordered):
            if before.at.stop > after.at.start:
                both = before.at & after.at
                raise SettingsError(
                    f"Two structure videos lead the frames {both.start} to {both.stop - 1}.",
                    f"End the first at {after.at.start}, or begin the second at {before.at.stop}; they may meet.",
                )
        for index in self.anchors:
            if not 0 <= index < self.frames:
                raise SettingsError(
                    f"An anchor is placed at frame {index}, and the guide has the frames 0 to {self.frames - 1}.",
                    "Give it an index among them.",
                )

    @cached_property
    def digest(self) -> str:
        """Digest of everything that the guide's pixels depend on."""
        anchors = {str(index): picture.digest for index, picture in sorted(self.anchors.items())}
        return digest_bytes(
            canonical_json(
                {
                    "size": list(self.size),
                    "rate": str(self.rate),
                    "frames": self.frames,
                    "structures": [each.facts() for each in self.structures],
                    "anchors": anchors,
                    "fit": self.fit,
                    "fade": self.fade_frames,
                    "floor": self.floor_px,
                }
            )
        )

    def leading(self, index: int) -> Structure | None:
        """The structure that leads a frame; None where none does."""
        reaching = (each for each in self.structures if each.moment(index, self.rate) is not None)
        return next(reaching, None)

    def moment(self, structure: Structure, index: int) -> Fraction:
        """The moment of a structure for an index; beyond its range, that at its nearer end."""
        led = structure.led(self.rate)
        moment = structure.moment(min(max(index, led.start), led.stop - 1), self.rate)
        assert moment is not None, f"{structure.clip.path.name} leads no frame"
        return moment


def sources_of(clip: Clip, begin: int | None, end: int | None) -> Span:
    """The span of a clip's frames from `begin` up to but not including `end`, all of them where nothing is said."""
    first, stop = begin or 0, len(clip) if end is None else end
    if not 0 <= first < stop <= len(clip):
        raise SettingsError(
            f"{clip.path.name!r} has no frames from {first} to {stop}.",
            f"It has {len(clip)}: the first is 0, and a range ends after its last frame, so at {len(clip)} at most.",
        )
    return Span(first, stop)


def filled(clip: Clip, source: Span, rate: Fraction) -> int:
    """How many frames of a timeline some frames of a clip fill at their own pace."""
    first, last = source.start, source.stop - 1
    length_s = (last - first) / clip.rate if clip.constant_rate else clip.time_s(last) - clip.time_s(first)
    return floor(length_s * rate) + 1


def _check_range(structure: Structure, frames: int) -> None:
    at = structure.at
    if not 0 <= at.start < at.stop <= frames:
        raise SettingsError(
            f"{structure.clip.path.name!r} is placed at the frames {at.start}:{at.stop} of a guide of {frames}.",
            f"A range lies within 0:{frames}, and ends after its last frame.",
        )
    if not 0 <= structure.strength <= 4:
        raise SettingsError(
            f"{structure.clip.path.name!r} has the strength {structure.strength:g}.",
            "Give a strength from 0 (no motion) to 4.",
        )
