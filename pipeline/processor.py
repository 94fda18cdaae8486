"""The journey of a clip, as one function that reads from top to bottom."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.compose.foot_correction import LOCK, Lock
from pipeline.compose.person_frames import Generated
from pipeline.compose.plates import PLATE, Backdrops, Shot
from pipeline.compose.result import RESULT, Result
from pipeline.engines import engine as find_engine
from pipeline.engines import ready
from pipeline.engines.base import Engine
from pipeline.make.generation import WindowResult, generation
from pipeline.plan.planning import SPLIT, STABILISE, Segments, windows
from pipeline.plan.stable_view import Staging
from pipeline.plan.style_samples import SURVEY, Survey
from pipeline.see.analysis import ANALYSE, Seen
from pipeline.see.foot_contacts import FOOTING
from pipeline.stage import Bench, Digested, Stage
from pipeline.types import Done, Event, Reference
from utils.media.clip import Clip
from utils.media.timebase import Span
from utils.progress import Progress
from utils.store import Entry

Shown = Callable[[Staging, WindowResult, str], None]
"""Who wants to see each window as soon as it is there, and what of its picture is generated."""


@dataclass(frozen=True)
class Journey:
    """A finished run: every stage's result, what it took, and what there is to know."""

    clip: Clip
    engine: Engine
    settings: Mapping[str, Any]
    staging: Staging
    segments: Segments
    generated: Generated
    lock: Lock
    plates: Backdrops | None
    result: Result
    done: tuple[Done, ...]
    events: tuple[Event, ...]


def restyle(clip: Clip, bench: Bench, engine: Engine | None = None, shown: Shown | None = None) -> Journey:
    """Take a clip all the way. What is in the cache is not computed again, and a run that was stopped goes on there."""
    run = _Run(bench, shown)
    engine = ready(engine or find_engine(bench.settings["generate.engine"]))
    reference = _reference(bench.settings["generate.reference"])

    seen = Seen(run.take(ANALYSE, clip=clip))
    if not seen.has_subject and bench.settings["generate.apply_to"] == "person":
        run.change("generate.apply_to", "both", "Nobody was found in this clip, so the whole picture is restyled.")

    segments = Segments(run.take(SPLIT, seen=seen))
    entries = run.take(STABILISE, seen=seen), run.take(FOOTING, seen=seen)
    staging = Staging.of(clip, seen, entries, bench.settings["segments.overlap_frames"])

    generated = _generate(run, engine, staging, segments, reference)
    lock = Lock(run.take(LOCK, staging=staging, generated=generated), staging)

    plates = _plates(run, engine, clip, seen)
    inputs: dict[str, Digested] = {"staging": staging, "generated": generated, "lock": lock, "segments": segments}
    if plates:
        inputs["plates"] = plates
    result = Result(run.take(RESULT, **inputs))

    events = (*run.events, *seen.events, *segments.events, *lock.events, *(plates.events if plates else ()))
    return Journey(
        clip, engine, run.bench.settings, staging, segments, generated, lock, plates, result, tuple(run.done), events
    )


def _generate(
    run: "_Run", engine: Engine, staging: Staging, segments: Segments, reference: Reference | None
) -> Generated:
    """Window by window, each going on from the one before."""
    settings = run.bench.settings
    whole = settings["generate.apply_to"] != "person"
    plans = windows(staging, segments.all, engine.caps, settings["segments.overlap_frames"], whole=whole)
    survey = Survey(run.take(SURVEY, staging=staging))
    always: dict[str, Digested] = {"staging": staging, "survey": survey}
    if reference:
        always["reference"] = reference
    stage, made = generation(engine), list[WindowResult]()
    total, before = sum(len(plan.span) for plan in plans), 0
    for plan in plans:
        inputs = {**always, "plan": plan, **({"before": made[-1]} if plan.overlap else {})}
        part = Span(before, before + len(plan.span))
        made.append(WindowResult(plan, run.among(part, total).take(stage, **inputs)))
        before = part.stop
        if run.shown:
            run.shown(staging, made[-1], settings["generate.apply_to"])
    return Generated(tuple(made))


def _plates(run: "_Run", engine: Engine, clip: Clip, seen: Seen) -> Backdrops | None:
    """The clean background, where it will be seen."""
    if engine.caps.keeps_geometry and run.bench.settings["composite.background"] != "plate":
        return None
    shots = [Shot(shot.start, shot.stop) for shot in seen.camera.shots]
    return Backdrops(seen, {shot: run.take(PLATE, clip=clip, seen=seen, shot=shot) for shot in shots})


def _reference(path: str | None) -> Reference | None:
    """The reference picture, or why there is none: read before anything is computed."""
    if not path:
        return None
    reference = Reference(Path(path))
    _ = reference.digest
    return reference


@dataclass
class _Run:
    """The stages of one run as they are taken, one after the other."""

    bench: Bench
    shown: Shown | None = None
    done: list[Done] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def take(self, stage: Stage, /, **inputs: Digested) -> Entry:
        """A stage's result, noted."""
        start = time.perf_counter()
        entry = stage.result(self.bench, models=None, **inputs)
        self.done.append(Done(stage.name, time.perf_counter() - start, entry.hit, entry.manifest.bytes))
        if entry.mended:
            self.events.append(Event(stage.name, f"A cached result was damaged ({entry.mended}) and made again."))
        return entry

    def change(self, name: str, value: Any, why: str) -> None:
        """Go on with another setting than was asked for, and say so."""
        self.bench = replace(self.bench, settings={**self.bench.settings, name: value})
        self.events.append(Event("analyse", why, "warning"))

    def among(self, part: Span, total: int) -> "_Run":
        """The same run, telling of a stage that makes a part of a whole as of the whole."""
        listener = self.bench.listener

        def listen(progress: Progress) -> None:
            done = part.start + round(len(part) * progress.done / (progress.total or len(part)))
            listener(replace(progress, done=done, total=total))

        return replace(self, bench=replace(self.bench, listener=listen))
