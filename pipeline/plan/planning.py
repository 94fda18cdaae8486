"""Planning: the calm camera, the segments, and the windows in which the engine works."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import ceil
from typing import Any

from pipeline.engines.base import Caps
from pipeline.plan.segmentation import Segment, SplitRule, split
from pipeline.plan.stable_view import Staging
from pipeline.see.analysis import Seen
from pipeline.stage import Stage, Work
from pipeline.types import Event, WindowPlan
from utils.camera.stabilization import Calm, stabilise
from utils.media.timebase import Span
from utils.store import Entry


def _stabilise(work: Work) -> None:
    seen: Seen = work.inputs["seen"]
    chosen = work.chosen
    calm = Calm(
        window_s=chosen["stabilise.window_s"],
        strength=chosen["stabilise.strength"],
        method=chosen["stabilise.method"],
        model=chosen["stabilise.model"],
    )
    (work.folder / "stable.json").write_text(stabilise(seen.camera, calm).to_json())


STABILISE = Stage(
    "stabilise",
    version=2,
    run=_stabilise,
    settings=("stabilise.window_s", "stabilise.strength", "stabilise.method", "stabilise.model"),
    tools=("numpy", "scipy"),
)


def _split(work: Work) -> None:
    seen: Seen = work.inputs["seen"]
    rule = SplitRule(work.chosen["segments.count"], work.chosen["segments.split"], work.chosen["segments.least_s"])
    found = split(seen.poses, seen.camera, rule)
    segments = [
        {"name": each.name, "start": each.span.start, "stop": each.span.stop, "reason": each.reason}
        for each in found.segments
    ]
    (work.folder / "segments.json").write_text(json.dumps({"segments": segments, "fallback": found.reason_of_fallback}))


SPLIT = Stage(
    "segments",
    version=1,
    run=_split,
    settings=("segments.count", "segments.split", "segments.least_s"),
    tools=("numpy",),
)


@dataclass(frozen=True)
class Segments:
    """The pieces of a clip, read from the cache."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def all(self) -> tuple[Segment, ...]:
        """In order; together they cover the clip."""
        return tuple(
            Segment(each["name"], Span(each["start"], each["stop"]), each["reason"]) for each in self.told["segments"]
        )

    @cached_property
    def told(self) -> dict[str, Any]:
        """As the report tells it."""
        return dict(json.loads(self.entry.read_bytes("segments.json")))

    @property
    def events(self) -> list[Event]:
        return [Event("segments", self.told["fallback"], "warning")] if self.told["fallback"] else []


def windows(
    staging: Staging, segments: Sequence[Segment], caps: Caps, overlap_frames: int, *, whole: bool
) -> tuple[WindowPlan, ...]:
    """The calls of the engine, in order. Where nobody is seen there is none, unless the whole picture is worked on."""
    plans: list[WindowPlan] = []
    starts_shot = {0, *staging.stable.path.breaks}
    for name, span in _pieces(segments, caps.window[0]):
        before = plans[-1].span if plans else None
        joined = before is not None and before.stop == span.start and span.start not in starts_shot
        overlap = min(overlap_frames, _free(plans[-1]), len(span)) if joined else 0
        wide = Span(span.start - overlap, span.stop)
        if (box := staging.box(wide, whole=whole)) is not None:
            plans.append(WindowPlan(len(plans), name, wide, box, overlap))
    return tuple(plans)


def _free(plan: WindowPlan) -> int:
    """How many of its frames the next window can share: none that it shares itself, and one stays to go on from."""
    return len(plan.span) - max(1, plan.overlap)


def _pieces(segments: Sequence[Segment], longest: int) -> Iterator[tuple[str, Span]]:
    """Segments in equal pieces that the engine can take."""
    for segment in segments:
        count = max(1, ceil(len(segment.span) / longest))
        edges = [segment.span.start + round(len(segment.span) * part / count) for part in range(count + 1)]
        for start, stop in pairwise(edges):
            yield segment.name, Span(start, stop)
