"""A clip made by a model: window after window, each from the end of the one before, then encoded once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipeline.animate.settings import CARRIED
from pipeline.animate.window import Given, MadeWindow, Part, making, parts
from pipeline.engines import engine as find_engine
from pipeline.engines import ready, weights
from pipeline.engines.base import Engine
from pipeline.guide.drawn import Drawing
from pipeline.guide.story import DRAW, Guide
from pipeline.make.window_cost import Costs
from pipeline.report.making import Making
from pipeline.run import Run
from pipeline.settings import Settings
from pipeline.stage import Digested, RunContext
from pipeline.types import Event
from utils.digest import canonical_json, digest_bytes
from utils.graphics_card import CardWatch
from utils.image import RGB
from utils.media.timebase import Span
from utils.progress import Progress

WHOLE = {"generate.apply_to": "both", "generate.control": "pose", "generate.carry": "pixels"}
"""What a model is asked for that makes whole frames: whatever the guide shows, it is handed over under one name."""


@dataclass(frozen=True)
class Model:
    """The engine of a run, all settings that it reads, the digests of its weights, and what its windows take."""

    engine: Engine
    settings: Mapping[str, Any]
    digests: Mapping[str, str]
    costs: Costs


@dataclass(frozen=True)
class ModelFrames:
    """The frames of the whole clip: those of each window up to where the next one goes on."""

    windows: tuple[MadeWindow, ...]
    making: Making
    unmeasured: tuple[str, ...] = ()
    """Sentences on what could not be measured while they were made."""

    @property
    def digest(self) -> str:
        """Digest of all frames."""
        return digest_bytes(canonical_json([each.digest for each in self.windows]))

    def pictures(self) -> Iterator[RGB]:
        """The frames, in order."""
        starts = [each.part.span.start + each.part.carried for each in self.windows]
        ends = [*starts[1:], self.windows[-1].part.span.stop]
        for window, start, stop in zip(self.windows, starts, ends, strict=True):
            yield from window.frames(Span(start, stop))

    def events(self) -> Iterator[Event]:
        """What the engine did otherwise than asked for, each once."""
        sentences = (sentence for window in self.windows for sentence in window.facts["fallbacks"])
        for sentence in dict.fromkeys(sentences):
            yield Event("animate", sentence, "warning")
        yield from (Event("animate", sentence) for sentence in self.unmeasured)


def chosen_model(context: RunContext) -> Model | None:
    """The model that the settings choose, if it can run here; None if pictures are carried without one."""
    name = context.settings["animate.engine"]
    if name == CARRIED:
        return None
    engine = ready(find_engine(name))
    usual = {each: Settings.field(each).default for each in (*engine.settings, *engine.opening)}
    settings = {**usual, **context.settings, **WHOLE}
    settings |= weights.named(name, settings)
    costs = Costs(name, context.sessions.device.name)
    return Model(engine, settings, engine.models(settings), costs)


def modelled(run: Run, model: Model, drawing: Drawing, leading: Drawing) -> ModelFrames:
    """Make the frames of a clip; `drawing` has its anchors, and `leading` draws the guide without them."""
    guide = Guide(leading.plan, run.take(DRAW, drawing=leading), None)
    stage = making(model.engine, run.context.sessions, model.costs.windows.append)
    windows: list[MadeWindow] = []
    with run.context.card.watching(), model.costs.learning():
        for part in parts(guide.plan.frames, model.engine.caps):
            inputs: dict[str, Digested] = {"guide": guide, "given": Given(drawing, part.span), "part": part}
            if windows and part.carried:
                inputs["before"] = windows[-1]
            window_run = _of_part(run, model, part, guide.plan.frames)
            windows.append(MadeWindow(part, window_run.take(stage, model.digests, **inputs)))
    made = Making(tuple(model.costs.windows), run.context.card.use)
    return ModelFrames(tuple(windows), made, tuple(_unmeasured(model.costs, run.context.card)))


def _unmeasured(costs: Costs, card: CardWatch) -> Iterator[str]:
    if costs.problem:
        yield f"Later estimates do not learn from this run: {costs.problem}."
    if card.problem:
        yield f"The graphics card no longer said how it is used: {card.problem}."


def _of_part(run: Run, model: Model, part: Part, frames: int) -> Run:
    """The run with all that the model reads, and with progress on a window reported as a part of the whole clip."""
    listener = run.context.listener

    def listen(progress: Progress) -> None:
        done = part.span.start + round(len(part.span) * progress.done / (progress.total or len(part.span)))
        listener(replace(progress, done=done, total=frames))

    return replace(run, context=replace(run.context, settings=model.settings, listener=listen))
