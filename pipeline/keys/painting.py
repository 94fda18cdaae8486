"""Frames to paint that an engine paints, each as a window of its own; people touch them up, or leave them so."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.engines import engines, ready, weights
from pipeline.engines.base import Engine, EngineError
from pipeline.make.made_window import MadeWindow, making
from pipeline.make.window_cost import Costs
from pipeline.plan.stable_picture import StablePicture
from pipeline.plan.style_samples import STYLE_SAMPLES, StyleSamples
from pipeline.plan.windows import KeyedPlan
from pipeline.run import Run
from pipeline.stage import Digested
from pipeline.types import Event, References
from utils.image.picture_file import RGBA
from utils.media.timebase import Span


@dataclass(frozen=True)
class Painter:
    """An engine that paints single frames; of one that looks at what it painted first, all others look at that."""

    engine: Engine

    @classmethod
    def of(cls, engine: Engine, settings: Mapping[str, Any]) -> "Painter":
        """A painter of an engine that can run here; EngineError if it cannot, or makes only whole stretches of frames.

        Weights that are missing are told before anything is computed.
        """
        if not _paints(engine):
            names = ", ".join(each.name for each in engines() if _paints(each))
            raise EngineError(f"{engine.name} does not paint single frames.", f"Let one of these paint: {names}.")
        ready(engine).models({**settings, **weights.named(engine.name, settings)})
        return cls(engine)

    def painted(self, run: Run, stable: StablePicture, frames: Sequence[int]) -> Mapping[int, MadeWindow]:
        """The frames in which there is something to paint, painted, by their index. Each is cached for itself."""
        named = weights.named(self.engine.name, run.context.settings)
        run = replace(run, context=replace(run.context, settings={**run.context.settings, **named}))
        costs = Costs(self.engine.name, run.context.sessions.device.name)
        with run.context.card.watching(), costs.learning():
            found = {made.plan.span.start: made for made in self._made(run, stable, frames, costs)}
        if costs.problem:
            run.events.append(Event("make", f"Later estimates do not learn from this run: {costs.problem}."))
        return found

    def _made(self, run: Run, stable: StablePicture, frames: Sequence[int], costs: Costs) -> Iterator[MadeWindow]:
        settings = run.context.settings
        models = self.engine.models(settings)
        references = References.of(settings, self.engine.caps.most_references(settings))
        if note := references.note(self.engine.name):
            run.events.append(Event("make", note))
        samples = StyleSamples(run.take(STYLE_SAMPLES, stable=stable))
        stage = making(self.engine, run.context.sessions, costs.windows.append)
        given: dict[str, Digested] = {"stable": stable, "samples": samples}
        given |= {"references": references} if references.pictures else {}
        for number, plan in enumerate(_plans(stable, frames, whole=settings["generate.apply_to"] != "person")):
            made = MadeWindow(plan, run.take(stage, models, plan=plan, **given))
            if number == 0 and self.engine.caps.paints_keys:
                given["before"] = made
            for sentence in made.facts["fallbacks"]:
                run.events.append(Event("make", f"{sentence} (frame {plan.span.start})", "warning"))
            yield made


def _paints(engine: Engine) -> bool:
    return engine.caps.paints_keys or (engine.caps.kind == "frame" and not engine.caps.takes_paintings)


def _plans(stable: StablePicture, frames: Sequence[int], *, whole: bool) -> Iterator[KeyedPlan]:
    """A window for each frame in which there is something to paint."""
    for index in frames:
        span = Span(index, index + 1)
        if box := stable.box(span, whole=whole):
            yield KeyedPlan(0, "key frame", span, box, 0)


def laid_into(picture: RGBA, made: MadeWindow) -> RGBA:
    """A picture to paint on (RGBA, of the whole stable picture) with what an engine painted of it."""
    (frame,) = made.frames()
    result, part = picture.copy(), made.plan.box.slices
    result[part][..., :3] = frame.rgb
    if frame.alpha is not None:
        result[..., 3] = 0
        result[part][..., 3] = frame.alpha
    return result
