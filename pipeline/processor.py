"""The journey of a clip, as one function that reads from top to bottom."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

from pipeline.compose.composite import Composite, CompositeSettings
from pipeline.compose.encoded import ENCODE, Encoded, Watched
from pipeline.compose.foot_correction import CORRECT_FEET, FootCorrection
from pipeline.compose.person_frames import PersonFrames
from pipeline.compose.plates import PLATE, Plates, Shot
from pipeline.compose.steady_window import STEADY, SteadyWindow
from pipeline.engines import engine as find_engine
from pipeline.engines import ready
from pipeline.engines.base import Engine
from pipeline.make.made_window import MadeWindow, making
from pipeline.plan.segments import SPLIT, Segments
from pipeline.plan.stable_path import STABILISE, StablePath
from pipeline.plan.stable_picture import StablePicture
from pipeline.plan.style_samples import STYLE_SAMPLES, StyleSamples
from pipeline.plan.windows import WindowPlan, windows
from pipeline.report.journey import Journey
from pipeline.report.measured import MEASURE, Measured, Measuring
from pipeline.see.analysis import ANALYSE, Analysis
from pipeline.see.foot_contacts import CONTACTS, FootContacts
from pipeline.see.joints import JOINTS, Joints
from pipeline.stage import Digested, RunContext, Stage
from pipeline.types import Done, Event, Reference
from utils.media.clip import Clip
from utils.media.timebase import Span
from utils.media.video import ClipFrames
from utils.prefetch import prefetch
from utils.progress import Progress, one_at_a_time
from utils.store import Entry

OnWindow = Callable[[StablePicture, SteadyWindow, str], None]
"""Who wants to see each window as soon as it is there, and what of its picture is generated."""


def restyle(clip: Clip, context: RunContext, engine: Engine | None = None, shown: OnWindow | None = None) -> Journey:
    """Take a clip all the way. What is in the cache is not computed again, and a run that was stopped goes on there."""
    start = time.perf_counter()
    run = _Run(replace(context, listener=one_at_a_time(context.listener)))
    engine = ready(engine or find_engine(context.settings["generate.engine"]))
    reference = Reference.of(context.settings["generate.reference"])

    # 1. See what is in the clip.
    analysis = Analysis(run.take(ANALYSE, clip=clip))
    if not analysis.has_subject and context.settings["generate.apply_to"] == "person":
        run.change("generate.apply_to", "both", "Nobody was found in this clip, so the whole picture is restyled.")
    joints = Joints(run.take(JOINTS, analysis=analysis))
    contacts = FootContacts(run.take(CONTACTS, analysis=analysis))

    # 2. Plan: the calm camera, the segments, and the windows as the engine wants them.
    segments = Segments(run.take(SPLIT, analysis=analysis))
    stable_path = StablePath(run.take(STABILISE, analysis=analysis))
    stable = StablePicture(clip, analysis, stable_path, joints, ClipFrames.of(clip))
    plans = _plans(run, engine, stable, segments)

    # 3. Make each window, the costly part, and steady it.
    frames = _frames(run, engine, stable, plans, reference, shown)

    # 4. Compose: feet to where they stand, the camera's movement restored, over source or plate.
    feet = FootCorrection(run.take(CORRECT_FEET, stable=stable, frames=frames, contacts=contacts), stable)
    plates = _plates(run, engine, clip, analysis)
    composite = Composite(stable, frames, feet, plates, _composite_settings(run.context.settings))

    # 5. Encode once, and measure the same pictures.
    measuring = Measuring(composite, segments, contacts)
    is_measured = MEASURE.known(run.context, measuring=measuring)
    watched = Watched(composite) if is_measured else Watched(composite, measuring.see)
    encoded = Encoded(run.take(ENCODE, composite=watched))
    measured = Measured(run.take(MEASURE, measuring=measuring))

    events = [*run.events, *analysis.events, *segments.events, *_fallbacks(frames), *feet.events]
    return Journey(
        clip, engine, run.context.settings, stable, segments, contacts, frames, feet, plates, encoded, measured,
        time.perf_counter() - start, tuple(run.done), (*events, *(plates.events if plates else ())),
    )  # fmt: skip


def _plans(run: "_Run", engine: Engine, stable: StablePicture, segments: Segments) -> tuple[WindowPlan, ...]:
    settings = run.context.settings
    whole = settings["generate.apply_to"] != "person"
    return windows(stable, segments.all, engine.caps, settings["segments.overlap_frames"], whole=whole)


def _frames(
    run: "_Run",
    engine: Engine,
    stable: StablePicture,
    plans: Sequence[WindowPlan],
    reference: Reference | None,
    shown: OnWindow | None,
) -> PersonFrames:
    """Windows are steadied one after the other, while the engine makes the next one."""
    overlap = max((plan.overlap for plan in plans), default=0)
    for_engine = stable.for_windows(overlap)
    for_steadying = stable.for_windows(overlap, for_engine.recent)
    steady: list[SteadyWindow] = []
    for made in prefetch(_made(run, engine, for_engine, plans, reference), depth=1):
        inputs: dict[str, Digested] = {"stable": for_steadying, "made": made, "plan": made.plan}
        if made.plan.overlap:
            inputs["before"] = steady[-1]
        steady.append(SteadyWindow(made, run.among(plans, made.plan).take(STEADY, **inputs)))
        if shown:
            shown(stable, steady[-1], run.context.settings["generate.apply_to"])
    return PersonFrames(tuple(steady))


def _made(
    run: "_Run", engine: Engine, stable: StablePicture, plans: Sequence[WindowPlan], reference: Reference | None
) -> Iterator[MadeWindow]:
    """What the engine makes, window by window. Only an engine that carries on needs the window before."""
    samples = StyleSamples(run.take(STYLE_SAMPLES, stable=stable))
    stage, before = making(engine, run.context.sessions), None
    models = engine.models(run.context.settings)
    for plan in plans:
        inputs: dict[str, Digested] = {"stable": stable, "samples": samples, "plan": plan}
        if reference:
            inputs["reference"] = reference
        if engine.caps.carry and plan.overlap and before:
            inputs["before"] = before
        before = MadeWindow(plan, run.among(plans, plan).take(stage, models, **inputs))
        yield before


def _plates(run: "_Run", engine: Engine, clip: Clip, analysis: Analysis) -> Plates | None:
    """The clean background, where it will be seen."""
    if engine.caps.is_edit_of_source and run.context.settings["composite.background"] != "plate":
        return None
    shots = [Shot(shot.start, shot.stop) for shot in analysis.camera.shots]
    return Plates(analysis, {shot: run.take(PLATE, clip=clip, analysis=analysis, shot=shot) for shot in shots})


def _composite_settings(settings: Mapping[str, Any]) -> CompositeSettings:
    return CompositeSettings(
        settings["generate.apply_to"],
        settings["composite.feather_px"],
        settings["composite.background"] == "plate",
        settings["reshake.strength"],
    )


def _fallbacks(frames: PersonFrames) -> Iterator[Event]:
    """What an engine did otherwise than asked, once for all windows in which it did."""
    where: dict[str, list[WindowPlan]] = {}
    for window in frames.windows:
        for sentence in window.facts["fallbacks"]:
            where.setdefault(sentence, []).append(window.plan)
    for sentence, plans in where.items():
        spans = ", ".join(f"{plan.span.start}-{plan.span.stop - 1}" for plan in plans)
        yield Event("make", f"{sentence} (frames {spans})", "warning")


@dataclass
class _Run:
    """The stages of one run as they are taken, one after the other."""

    context: RunContext
    done: list[Done] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def take(self, stage: Stage, models: Mapping[str, str] | None = None, /, **inputs: Digested) -> Entry:
        """A stage's result, noted."""
        start = time.perf_counter()
        entry = stage.result(self.context, models=models, **inputs)
        self.done.append(Done(stage.name, time.perf_counter() - start, entry.hit, entry.manifest.bytes))
        if entry.mended:
            self.events.append(Event(stage.name, f"A cached result was damaged ({entry.mended}) and made again."))
        return entry

    def change(self, name: str, value: Any, why: str) -> None:
        """Go on with another setting than was asked for, and say so."""
        self.context = replace(self.context, settings={**self.context.settings, name: value})
        self.events.append(Event("analyse", why, "warning"))

    def among(self, plans: Sequence[WindowPlan], plan: WindowPlan) -> "_Run":
        """The same run, telling of a stage that does one window as of all windows together."""
        ends = list(accumulate(len(each.span) for each in plans))
        part, listener = Span(ends[plan.index] - len(plan.span), ends[plan.index]), self.context.listener

        def listen(progress: Progress) -> None:
            done = part.start + round(len(part) * progress.done / (progress.total or len(part)))
            listener(replace(progress, done=done, total=ends[-1]))

        return replace(self, context=replace(self.context, listener=listen))
