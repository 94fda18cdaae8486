"""The whole pipeline for a clip, as one function that reads from top to bottom: `restyle`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.compose.composite import Composite, CompositeSettings
from pipeline.compose.encoded import ENCODE, Encoded, Watched
from pipeline.compose.foot_correction import CORRECT_FEET, FootCorrection
from pipeline.compose.person_frames import PersonFrames
from pipeline.compose.plates import PLATE, Place, Plates
from pipeline.compose.steady_window import STEADY, SteadyWindow
from pipeline.engines import engine as find_engine
from pipeline.engines import ready, weights
from pipeline.engines.base import Engine
from pipeline.make.given_guide import given_guide
from pipeline.make.given_keys import GivenKeys, given_keys
from pipeline.make.made_window import MadeWindow
from pipeline.make.window_cost import Costs
from pipeline.make.window_making import Maker, WindowMaking, among
from pipeline.plan.segments import SPLIT, Segments
from pipeline.plan.stable_path import STABILISE, StablePath
from pipeline.plan.stable_picture import StablePicture
from pipeline.plan.windows import WindowPlan, windows
from pipeline.report.journey import Journey
from pipeline.report.making import Making
from pipeline.report.measured import MEASURE, Measured, Measuring
from pipeline.run import Run
from pipeline.see.analysis import Analysis
from pipeline.see.foot_contacts import CONTACTS, FootContacts
from pipeline.see.ground import GROUND, Ground
from pipeline.see.joints import JOINTS, Joints
from pipeline.see.mended_matte import analysed
from pipeline.stage import Digested, RunContext
from pipeline.types import Event, References
from utils.graphics_card import CardWatch
from utils.media.clip import Clip
from utils.media.video import ClipFrames
from utils.prefetch import prefetch
from utils.progress import one_at_a_time

OnWindow = Callable[[StablePicture, SteadyWindow, str], None]
"""Callback for each finished window, with the part of the picture that is restyled (`generate.apply_to`)."""


def restyle(clip: Clip, context: RunContext, engine: Engine | None = None, shown: OnWindow | None = None) -> Journey:
    """Restyle a clip. Every stage is cached, so that a stopped run resumes where it was."""
    run = Run(replace(context, listener=one_at_a_time(context.listener)))

    # 1. and 2. Analyse the clip, and plan.
    seen, planned, maker = _prepared(run, clip, engine)
    analysis, stable, engine = seen.analysis, planned.stable, maker.engine

    # 3. Make each window with the engine, which is the costly part, and reduce flicker and colour drift.
    with context.card.watching(), maker.costs.learning():
        frames = _frames(run, maker, stable, planned.windows, shown)

    # 4. Compose: correct the feet, restore the camera movement, and put the person over the source or a clean plate.
    feet = FootCorrection(run.take(CORRECT_FEET, stable=stable, frames=frames, contacts=seen.contacts), stable)
    plates = _plates(run, engine, clip, analysis)
    composite = Composite(stable, frames, feet, plates, _composite_settings(run.context.settings))

    # 5. Encode the frames, and measure them in the same pass.
    measuring = Measuring(composite, planned.segments, seen.contacts)
    is_measured = MEASURE.known(run.context, measuring=measuring)
    watched = Watched(composite) if is_measured else Watched(composite, measuring.see)
    encoded = Encoded(run.take(ENCODE, composite=watched))
    measured = Measured(run.take(MEASURE, measuring=measuring))

    costs = _cost_events(maker.costs, context.card)
    events = [*run.events, *analysis.events, *planned.segments.events, *_fallbacks(frames), *costs, *feet.events]
    return Journey(
        clip, engine, run.context.settings, stable, planned.segments, seen.contacts, frames, feet, plates, encoded,
        measured, run.seconds, tuple(run.done), (*events, *(plates.events if plates else ())),
        Making(tuple(maker.costs.windows), context.card.use),
    )  # fmt: skip


def make_window(clip: Clip, context: RunContext, index: int) -> MadeWindow:
    """Make one window of a clip and nothing else, for the run of another machine; it continues from no other window."""
    run = Run(context)
    _, planned, maker = _prepared(run, clip)
    with context.card.watching(), maker.costs.learning():
        plan = planned.windows[index]
        stable = planned.stable.for_windows(max(plan.overlap for plan in planned.windows))
        return WindowMaking(run, maker, stable, planned.windows).made(plan)


@dataclass(frozen=True)
class _Seen:
    """What was found in a clip."""

    analysis: Analysis
    contacts: FootContacts


@dataclass(frozen=True)
class _Planned:
    """What is to be made."""

    segments: Segments
    stable: StablePicture
    windows: tuple[WindowPlan, ...]


def _prepared(run: Run, clip: Clip, engine: Engine | None = None) -> tuple[_Seen, _Planned, Maker]:
    """All that comes before the windows are made."""
    context = run.context
    engine = ready(engine or find_engine(context.settings["generate.engine"]))
    named = weights.named(engine.name, context.settings)
    models = engine.models({**context.settings, **named})
    given, keys = _given(run, engine, clip), _keys(run, engine, clip)

    # 1. Analyse the clip: person, camera, ground, joints and foot contacts.
    analysis = analysed(run.take, clip, context.settings)
    if not analysis.has_subject and context.settings["generate.apply_to"] == "person":
        run.change(
            "analyse", "generate.apply_to", "both", "Nobody was found in this clip, so the whole picture is restyled."
        )
    ground = Ground(run.take(GROUND, analysis=analysis))
    joints = Joints(run.take(JOINTS, analysis=analysis, ground=ground))
    contacts = FootContacts(run.take(CONTACTS, analysis=analysis, ground=ground))

    # 2. Plan: the segments, the stabilized camera, and windows in shapes that the engine accepts.
    segments = Segments(run.take(SPLIT, analysis=analysis, ground=ground))
    stable_path = StablePath(run.take(STABILISE, analysis=analysis))
    stable = StablePicture(clip, analysis, ground, stable_path, joints, ClipFrames.of(clip))
    plans = _plans(run, engine, stable, segments, keys)
    maker = Maker(engine, named, models, given, keys, Costs(engine.name, context.sessions.device.name))
    return _Seen(analysis, contacts), _Planned(segments, stable, plans), maker


def _given(run: Run, engine: Engine, clip: Clip) -> dict[str, Digested]:
    """What people gave for the engine beside the clip; what it has no use for is told."""
    references = References.of(run.context.settings, engine.caps.most_references(run.context.settings))
    guide, told = given_guide(run.take, clip, run.context, engine)
    run.events.extend(Event("make", note) for note in (references.note(engine.name), told) if note)
    found: dict[str, Digested] = {"references": references} if references.pictures else {}
    return {**found, "guide": guide} if guide else found


def _keys(run: Run, engine: Engine, clip: Clip) -> GivenKeys | None:
    """The painted frames, for an engine that makes what lies between them."""
    keys, told = given_keys(run.take, clip, run.context, engine)
    run.events.extend([*([Event("make", told)] if told else []), *(keys.events if keys else [])])
    return keys


def _plans(
    run: Run, engine: Engine, stable: StablePicture, segments: Segments, keys: GivenKeys | None
) -> tuple[WindowPlan, ...]:
    settings = run.context.settings
    whole = settings["generate.apply_to"] != "person"
    painted = tuple(keys.keys) if keys else ()
    overlap_frames = settings["segments.overlap_frames"]
    return windows(stable, segments.all, engine.caps, overlap_frames, whole=whole, keys=painted)


def _frames(
    run: Run,
    maker: Maker,
    stable: StablePicture,
    plans: Sequence[WindowPlan],
    shown: OnWindow | None,
) -> PersonFrames:
    """Make and steady all windows; one is steadied while the engine makes the next."""
    overlap = max((plan.overlap for plan in plans), default=0)
    for_engine = stable.for_windows(overlap)
    for_steadying = stable.for_windows(overlap, for_engine.recent)
    steady: list[SteadyWindow] = []
    for made in prefetch(WindowMaking(run, maker, for_engine, plans).all(), depth=1):
        inputs: dict[str, Digested] = {"stable": for_steadying, "made": made, "plan": made.plan}
        if made.plan.overlap:
            inputs["before"] = steady[-1]
        steady.append(SteadyWindow(made, among(run, plans, made.plan).take(STEADY, **inputs)))
        if shown:
            shown(stable, steady[-1], run.context.settings["generate.apply_to"])
    return PersonFrames(tuple(steady))


def _plates(run: Run, engine: Engine, clip: Clip, analysis: Analysis) -> Plates | None:
    """Clean background plates, one per place; None if the background will not be visible."""
    if engine.caps.is_edit_of_source and run.context.settings["composite.background"] != "plate":
        return None
    places = [Place(place.start, place.stop) for place in analysis.camera.places]
    return Plates(analysis, {place: run.take(PLATE, clip=clip, analysis=analysis, place=place) for place in places})


def _composite_settings(settings: Mapping[str, Any]) -> CompositeSettings:
    return CompositeSettings(
        settings["generate.apply_to"],
        settings["composite.feather_px"],
        settings["composite.background"] == "plate",
        settings["reshake.strength"],
    )


def _fallbacks(frames: PersonFrames) -> Iterator[Event]:
    """The engine's fallbacks as events, each once with the frames of all windows that it concerns."""
    plans_of: dict[str, list[WindowPlan]] = {}
    for window in frames.windows:
        for sentence in window.facts["fallbacks"]:
            plans_of.setdefault(sentence, []).append(window.plan)
    for sentence, plans in plans_of.items():
        spans = ", ".join(f"{plan.span.start}-{plan.span.stop - 1}" for plan in plans)
        yield Event("make", f"{sentence} (frames {spans})", "warning")


def _cost_events(costs: Costs, card: CardWatch) -> Iterator[Event]:
    """What could not be measured while the windows were made."""
    if costs.problem:
        yield Event("make", f"Later estimates do not learn from this run: {costs.problem}.")
    if card.problem:
        yield Event("make", f"The graphics card no longer said how it is used: {card.problem}.")
