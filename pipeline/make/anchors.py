"""The stage that makes the anchors of a clip: together, as one window of frames that are far apart, to look alike."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from pipeline.engines.base import Engine, EngineFrame, Session, View, Window
from pipeline.engines.clearing import Clearing
from pipeline.engines.device import Device
from pipeline.engines.sessions import Sessions
from pipeline.make.anchored import FACTS, FRAMES, Anchor, AnchorPlan
from pipeline.make.controls import leads
from pipeline.make.fitting import Fitting
from pipeline.make.given_guide import GivenGuide, WindowGuide
from pipeline.make.given_keys import WindowKeys
from pipeline.make.made_window import EngineProgress, checked, expected_cost, stage_with
from pipeline.make.window_cost import WindowCost
from pipeline.plan.stable_picture import StablePicture
from pipeline.plan.style_samples import StyleSamples
from pipeline.stage import Stage, Work
from pipeline.types import References
from utils.image import RGB
from utils.media.chunk import write_chunk
from utils.media.timebase import Span

VERSION = 1
NAME = "make anchors"


def making_anchors(engine: Engine, sessions: Sessions, tell_cost: Callable[[WindowCost], None]) -> Stage:
    """The stage that makes the anchors of a clip with this engine.

    Inputs: stable picture, style samples and anchor plan; optionally reference pictures, a guide and painted frames.
    """

    def run(work: Work) -> None:
        plan: AnchorPlan = work.inputs["anchors"]
        tell = EngineProgress(work, len(plan.anchors), "anchors")
        with sessions.use(engine, work.settings, tell) as session:
            tell_cost(_Making(engine, session, work, tell).run(sessions.device))

    return stage_with(engine, sessions, NAME, VERSION, run)


@dataclass(frozen=True)
class _Making:
    """The work of making the anchors of a clip."""

    engine: Engine
    session: Session
    work: Work
    tell: EngineProgress

    def run(self, device: Device) -> WindowCost:
        """Make the frames as one window, and keep what is shown of them over the source."""
        window, started = self._window(), time.perf_counter()
        fitting = Fitting.of(window, self.engine.caps)
        fitted = fitting.padded(window)
        output = self.session.run(fitted, self.work.cancel, self.tell)
        clearing = Clearing.of(self.work.settings, self.engine.caps)
        made = fitting.cut(clearing.after(checked(output.frames, fitted, self.engine.name)), window)
        write_chunk(self.work.folder / FRAMES, self._over_source(made))
        (self.work.folder / FACTS).write_text(json.dumps({"fallbacks": list(output.fallbacks)}))
        expected = expected_cost(self.engine, self.work, window, device)
        return WindowCost(len(window), time.perf_counter() - started, expected, clearing, tuple(output.calls))

    @property
    def _stable(self) -> StablePicture:
        stable: StablePicture = self.work.inputs["stable"]
        return stable

    @property
    def _anchors(self) -> tuple[Anchor, ...]:
        plan: AnchorPlan = self.work.inputs["anchors"]
        return plan.anchors

    @cached_property
    def _views(self) -> list[View]:
        """The view of each anchor, numbered from 0; they are few."""
        indexes = [each.index for each in self._anchors]
        frames, mattes = self._stable.frames.read(indexes), self._stable.analysis.mattes(indexes)
        return [
            replace(self._stable.view(frame.index, frame.rgb, matte, anchor.box), index=number)
            for number, (anchor, frame, matte) in enumerate(zip(self._anchors, frames, mattes, strict=True))
        ]

    def _window(self) -> Window:
        work, part = self.work, self.work.settings["generate.apply_to"]
        samples: StyleSamples = work.inputs["samples"]
        references: References = work.inputs.get("references", References())
        keys: WindowKeys | None = work.inputs.get("keys")
        guide: GivenGuide | None = work.inputs.get("guide")
        led = WindowGuide(0, lambda: self._guided(guide)) if guide else None
        return Window(
            span=Span(0, len(self._anchors)),
            segment="anchors",
            size=self._anchors[0].box.size,
            rate=self._stable.clip.rate,
            settings=work.settings,
            style=samples.style(references),
            views=lambda: iter(self._views),
            controls=leads(self.engine.caps.controls, lambda: iter(self._views), led),
            given=self._given(keys) if keys else {},
            example=keys.example(self._stable, part) if keys else None,
            is_sparse=True,
        )

    def _guided(self, guide: GivenGuide) -> Iterator[RGB | None]:
        """The picture of a guide for each anchor."""
        for each in self._anchors:
            yield from guide.window(self._stable, Span(each.index, each.index + 1), each.box).pictures()

    def _given(self, keys: WindowKeys) -> dict[int, RGB]:
        """The anchors that people painted themselves, by their numbers."""
        return {
            number: replace(keys, indexes=(each.index,)).pictures(self._stable, each.box)[each.index]
            for number, each in enumerate(self._anchors)
            if each.index in keys.indexes
        }

    def _over_source(self, frames: Iterable[EngineFrame]) -> Iterator[RGB]:
        for view, frame in zip(self._views, frames, strict=True):
            if frame.alpha is None:
                yield frame.rgb
            else:
                share = frame.alpha[..., None] / np.float32(255)
                yield np.rint(frame.rgb * share + view.rgb * (1 - share)).astype(np.uint8)
            self.work.report(view.index + 1, len(self._views), "anchors")
