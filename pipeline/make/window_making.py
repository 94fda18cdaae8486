"""Makes all windows of a run: in turn, at once between anchors, or by other machines too."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from pipeline.engines.base import Engine
from pipeline.make.anchored import AnchorPlan, Anchors
from pipeline.make.anchors import making_anchors
from pipeline.make.given_keys import GivenKeys
from pipeline.make.made_window import MadeWindow, making
from pipeline.make.window_cost import Costs
from pipeline.plan.stable_picture import StablePicture
from pipeline.plan.style_samples import STYLE_SAMPLES, StyleSamples
from pipeline.plan.windows import WindowPlan
from pipeline.run import Run
from pipeline.stage import Digested
from pipeline.types import Event
from utils.key import Key
from utils.media.timebase import Span
from utils.progress import Progress

WINDOWS, IN_TURN = "generate.windows", "in turn"


@dataclass(frozen=True)
class Maker:
    """The engine of a run, with all that is the same for its windows, and what these take."""

    engine: Engine
    named: Mapping[str, str]
    """The setting that names its checkpoint."""
    models: Mapping[str, str]
    """The digests of its models."""
    given: Mapping[str, Digested]
    """Reference pictures and guide, where they are given."""
    keys: GivenKeys | None
    """Painted frames, for an engine that makes what lies between them."""
    costs: Costs


class WindowMaking:
    """Makes the windows of a run."""

    def __init__(self, run: Run, maker: Maker, stable: StablePicture, plans: Sequence[WindowPlan]) -> None:
        self._stage = making(maker.engine, run.context.sessions, maker.costs.windows.append)
        samples = StyleSamples(run.take(STYLE_SAMPLES, stable=stable))
        self._run = replace(run, context=replace(run.context, settings={**run.context.settings, **maker.named}))
        self._maker, self._plans = maker, plans
        self._same: dict[str, Digested] = {"stable": stable, "samples": samples, **maker.given}
        anchors = self._made_anchors(stable) if self._wants_anchors() else None
        self._anchors: dict[str, Digested] = {"anchors": anchors} if anchors else {}
        self._goes_on = bool(maker.engine.caps.carry) and anchors is None
        """Whether each window goes on from the one before."""

    def all(self) -> Iterator[MadeWindow]:
        """All windows in their order; those that go on from no other one may be made by others meanwhile."""
        before, spread = None, None if self._goes_on else self._run.context.spread
        if spread:
            needs = self._maker.named.get("generate.model", self._maker.engine.name)
            spread.offer({plan.index: self._key(plan) for plan in self._plans}, self._maker.named, needs=needs)
        for plan in self._plans:
            if spread:
                spread.wait(plan.index)
            before = self.made(plan, before)
            yield before

    def made(self, plan: WindowPlan, before: MadeWindow | None = None) -> MadeWindow:
        """A window; only one that goes on from the one before gets that as an input."""
        run = among(self._run, self._plans, plan)
        return MadeWindow(plan, run.take(self._stage, self._models, **self._inputs(plan, before)))

    def _key(self, plan: WindowPlan) -> Key:
        """The key of a window that goes on from no other one."""
        return self._stage.key(self._run.context.settings, self._inputs(plan), self._models)

    @property
    def _models(self) -> Mapping[str, str]:
        return self._maker.models

    def _inputs(self, plan: WindowPlan, before: MadeWindow | None = None) -> dict[str, Digested]:
        inputs: dict[str, Digested] = {**self._same, **self._anchors, "plan": plan}
        if self._maker.keys:
            inputs["keys"] = self._maker.keys.among(plan.span, self._maker.engine.caps)
        if self._goes_on and plan.overlap and before:
            inputs["before"] = before
        return inputs

    def _wants_anchors(self) -> bool:
        """Whether windows are to go through anchors and not on from each other; where they cannot, it is told."""
        engine, wanted = self._maker.engine, self._run.context.settings[WINDOWS] != IN_TURN
        if not wanted or not engine.caps.carry or not any(plan.overlap for plan in self._plans):
            return False
        if engine.caps.given_frames and len(self._plans) <= engine.caps.lengths.most:
            return True
        why = "there are too many" if engine.caps.given_frames else f"{engine.name} does not go through given frames"
        self._run.events.append(Event("make", f"The windows of this clip are made in turn: {why}.", "warning"))
        return False

    def _made_anchors(self, stable: StablePicture) -> Anchors:
        """The frames where windows meet, made before these."""
        engine, run = self._maker.engine, self._run
        plan = AnchorPlan.of(self._plans, engine.caps, stable.canvas)
        inputs: dict[str, Digested] = {**self._same, "anchors": plan}
        if self._maker.keys:
            inputs["keys"] = self._maker.keys.among({each.index for each in plan.anchors}, engine.caps)
        stage = making_anchors(engine, run.context.sessions, self._maker.costs.windows.append)
        anchors = Anchors(plan, run.take(stage, self._models, **inputs))
        told = (f"{sentence} (frames where windows meet)" for sentence in anchors.fallbacks)
        run.events.extend(Event("make", sentence, "warning") for sentence in told)
        return anchors


def among(run: Run, plans: Sequence[WindowPlan], plan: WindowPlan) -> Run:
    """The run, with the progress of a stage on one window reported as a part of all windows."""
    ends = list(accumulate(len(other.span) for other in plans))
    part, listener = Span(ends[plan.index] - len(plan.span), ends[plan.index]), run.context.listener

    def listen(progress: Progress) -> None:
        done = part.start + round(len(part) * progress.done / (progress.total or len(part)))
        listener(replace(progress, done=done, total=ends[-1]))

    return replace(run, context=replace(run.context, listener=listen))
