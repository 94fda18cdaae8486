"""A run: it takes the results of stages one after the other, and records what each took and what people should know."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.stage import Digested, RunContext, Stage
from pipeline.types import Done, Event
from utils.store import Entry


@dataclass
class Run:
    """One run of a job's story."""

    context: RunContext
    done: list[Done] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    started_s: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Wall-clock time since it began."""
        return time.perf_counter() - self.started_s

    def take(self, stage: Stage, models: Mapping[str, str] | None = None, /, **inputs: Digested) -> Entry:
        """The result of a stage, with its duration and cache hit recorded."""
        start = time.perf_counter()
        entry = stage.result(self.context, models=models, **inputs)
        about = entry.manifest
        self.done.append(Done(stage.name, time.perf_counter() - start, entry.hit, about.bytes, about.seconds))
        if entry.mended:
            self.events.append(Event(stage.name, f"A cached result was damaged ({entry.mended}) and made again."))
        if sharing := self.context.store.sharing:
            self.events += [Event(stage.name, sentence, "warning") for sentence in sharing.troubles()]
        return entry

    def change(self, stage: str, name: str, value: Any, why: str) -> None:
        """Continue with another value of a setting than requested, and record a warning."""
        self.context = replace(self.context, settings={**self.context.settings, name: value})
        self.events.append(Event(stage, why, "warning"))
