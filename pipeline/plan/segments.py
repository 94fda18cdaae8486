"""The stage that splits a clip, and its cached result; `segmentation.py` decides what is approach, hold and exit."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipeline.plan.segmentation import Segment, SplitRule, split
from pipeline.see.analysis import Analysis
from pipeline.see.ground import Ground
from pipeline.stage import Stage, Work
from pipeline.types import Event
from utils.media.timebase import Span
from utils.store import Entry


@dataclass(frozen=True)
class Segments:
    """The segments of a clip and the events of finding them, read from the cache."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def all(self) -> tuple[Segment, ...]:
        """The segments in order; together they cover the clip."""
        return tuple(
            Segment(each["name"], Span(each["start"], each["stop"]), each["reason"]) for each in self.facts["segments"]
        )

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The segments and the reason of a fallback, in the form of the report's JSON."""
        return dict(json.loads(self.entry.read_bytes("segments.json")))

    @property
    def hold(self) -> Span:
        """The frames in which the person stands; empty when there is no such segment."""
        holds = [each.span for each in self.all if each.name == "hold"]
        return Span(holds[0].start, holds[-1].stop) if holds else Span(0, 0)

    @property
    def events(self) -> list[Event]:
        return [Event("segments", self.facts["fallback"], "warning")] if self.facts["fallback"] else []


def _split(work: Work) -> None:
    analysis: Analysis = work.inputs["analysis"]
    ground: Ground = work.inputs["ground"]
    rule = SplitRule(
        work.settings["segments.count"], work.settings["segments.split"], work.settings["segments.least_s"]
    )
    result = split(analysis.poses, ground.path, rule)
    segments = [
        {"name": each.name, "start": each.span.start, "stop": each.span.stop, "reason": each.reason}
        for each in result.segments
    ]
    (work.folder / "segments.json").write_text(
        json.dumps({"segments": segments, "fallback": result.reason_of_fallback})
    )


SPLIT = Stage(
    "segments",
    version=2,
    run=_split,
    settings=("segments.count", "segments.split", "segments.least_s"),
    tools=("numpy",),
)
