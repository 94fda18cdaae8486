"""The guidance tracker: what guides each frame of a timeline, so that unguided frames are known and shown."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

from utils.media.timebase import Span

Source = Literal["structure", "anchor", "overlap"]


@dataclass(frozen=True)
class Guidance:
    """One thing that guides a stretch of frames: what it is, its name for people, and how much it counts."""

    source: Source
    name: str
    span: Span
    strength: float = 1.0


@dataclass
class GuidanceTracker:
    """What guides the frames 0 to `frames` - 1, always by timeline index."""

    frames: int
    guidances: list[Guidance] = field(default_factory=list)

    def mark(self, source: Source, name: str, span: Span, strength: float = 1.0) -> None:
        """Record that something guides a span; strength 0 guides as well: it says that nothing moves."""
        if span.stop > self.frames:
            raise ValueError(f"{name} guides {span}, beyond a timeline of {self.frames}")
        if span:
            self.guidances.append(Guidance(source, name, span, strength))

    def at(self, index: int) -> list[Guidance]:
        """What guides a frame."""
        return [each for each in self.guidances if index in each.span]

    def unguided(self) -> list[Span]:
        """The stretches that nothing guides."""
        runs = groupby(range(self.frames), key=lambda index: bool(self.at(index)))
        return [_span(list(indices)) for guided, indices in runs if not guided]

    def anchors(self) -> list[int]:
        """The frames that are given as pictures."""
        return sorted(each.span.start for each in self.guidances if each.source == "anchor")

    def anchor_before(self, index: int) -> int | None:
        """The last anchor at or before a frame."""
        return max((anchor for anchor in self.anchors() if anchor <= index), default=None)

    def sliced(self, span: Span) -> "GuidanceTracker":
        """The guidance of a part of the timeline, whose own index 0 is the first frame of the part."""
        part = GuidanceTracker(len(span))
        for each in self.guidances:
            shared = each.span & span
            if shared:
                inside = Span(shared.start - span.start, shared.stop - span.start)
                part.mark(each.source, each.name, inside, each.strength)
        return part

    def sentences(self) -> Iterator[str]:
        """What people should know: the frames that nothing guides."""
        for span in self.unguided():
            frames = f"frame {span.start}" if len(span) == 1 else f"frames {span.start} to {span.stop - 1}"
            yield f"Nothing guides {frames}: a generator is free there."

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "frames": self.frames,
            "guided": [
                {"by": each.source, "name": each.name, "frames": [each.span.start, each.span.stop],
                 "strength": each.strength}
                for each in self.guidances
            ],
            "unguided": [[span.start, span.stop] for span in self.unguided()],
        }  # fmt: skip


def _span(indices: list[int]) -> Span:
    return Span(indices[0], indices[-1] + 1)
