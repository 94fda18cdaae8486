"""A window of the clip that a model makes: what the model is told of it, and its frames in the cache, without loss."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipeline.animate.estimate import OVERLAP
from pipeline.engines.base import MEMORY, Caps, Carry, Control, Engine, Session, Style, View, Window
from pipeline.engines.clearing import Clearing
from pipeline.engines.device import Device
from pipeline.engines.sessions import Sessions
from pipeline.guide.drawn import Drawing
from pipeline.guide.story import Guide
from pipeline.make.fitting import Fitting, filled
from pipeline.make.made_window import checked
from pipeline.make.window_cost import WindowCost
from pipeline.plan.segmentation import Segment
from pipeline.plan.windows import stretches
from pipeline.stage import Stage, Work
from pipeline.types import NO_CONTROL
from utils.digest import canonical_json, digest_bytes
from utils.image import RGB
from utils.media.chunk import read_strip, write_strip
from utils.media.timebase import Span
from utils.people.pose import LANDMARKS
from utils.store import Entry

FRAMES, FACTS = "frames", "made.json"


@dataclass(frozen=True)
class Part:
    """The frames of a window, of which the first `carried` are those of the window before."""

    span: Span
    carried: int = 0

    @property
    def digest(self) -> str:
        """The digest of all fields."""
        return digest_bytes(canonical_json([self.span.start, self.span.stop, self.carried]))


def parts(frames: int, caps: Caps) -> tuple[Part, ...]:
    """The windows of a clip, in lengths that the engine takes; one that is too short for any is padded later."""
    whole = Span(0, frames)
    if frames <= caps.lengths.most:
        return (Part(whole),)
    runs = stretches([Segment("part", whole, "")], [whole], caps.lengths, OVERLAP)
    return tuple(
        Part(each.span, max((count for count in caps.carry if count <= each.overlap), default=0)) for each in runs
    )


@dataclass(frozen=True)
class Given:
    """The anchors of a window, which the model is given as they are."""

    drawing: Drawing
    span: Span

    @property
    def digest(self) -> str:
        """Digest of the pictures at their indexes."""
        plan = self.drawing.plan
        pictures = {str(index): plan.anchors[index].digest for index in self._indexes}
        return digest_bytes(canonical_json([pictures, list(plan.size), plan.fit]))

    @property
    def pictures(self) -> dict[int, RGB]:
        """Each as the clip shows it, by its index."""
        return {index: self.drawing.anchors[index] for index in self._indexes}

    @property
    def _indexes(self) -> list[int]:
        return sorted(index for index in self.drawing.plan.anchors if index in self.span)


@dataclass(frozen=True)
class Leading:
    """The pictures of a guide that lead a window; frames beyond its end, which pad it, are led as its last one."""

    guide: Guide
    span: Span

    def __call__(self, view: View) -> RGB | None:
        index = min(view.index, self.span.stop - 1)
        if self.guide.plan.leading(index) is None:
            return None
        (picture,) = self.guide.pictures(Span(index, index + 1))
        return filled(picture, view.size)


@dataclass(frozen=True)
class MadeWindow:
    """The frames that a model made of a window, in the cache."""

    part: Part
    entry: Entry

    @property
    def digest(self) -> str:
        """Digest of its frames."""
        return self.entry.digest

    @property
    def facts(self) -> dict[str, Any]:
        """Where its pixels come from, and what the engine did otherwise than asked for."""
        return dict(json.loads(self.entry.read_bytes(FACTS)))

    def frames(self, span: Span) -> Iterator[RGB]:
        """Some of its frames, by their index in the clip."""
        start = self.part.span.start
        return read_strip(self.entry.folder, FRAMES, len(self.part.span), range(span.start - start, span.stop - start))

    def carry(self, part: Part) -> Carry:
        """Its end, as far as the next window continues from it."""
        frames = tuple(self.frames(Span(part.span.start, part.span.start + part.carried)))
        return Carry(frames, tuple(np.full(frame.shape[:2], 255, np.uint8) for frame in frames))


def making(engine: Engine, sessions: Sessions, tell_cost: Callable[[WindowCost], None]) -> Stage:
    """The stage that makes one window with a model; what that took is told, for it is no part of the result.

    Inputs: guide, given pictures and part; the window before where there is one.
    """

    def run(work: Work) -> None:
        total = len(work.inputs["part"].span)

        def tell(share: float, note: str) -> None:
            work.report(round(share * total), total, note)

        with sessions.use(engine, work.settings, tell) as session:
            tell_cost(_made(work, engine, session, sessions.device, tell))

    return Stage(
        "animate with " + engine.name,
        version=1 + 1000 * engine.version,
        run=run,
        settings=tuple(sorted({*engine.settings, *engine.opening} - {*MEMORY})),
        unkeyed=MEMORY,
        tools=tuple(sorted({"numpy", "opencv-contrib-python", "av", *engine.tools})),
        machine=() if engine.caps.deterministic == "anywhere" else (str(sessions.device),),
    )


def _made(
    work: Work, engine: Engine, session: Session, device: Device, tell: Callable[[float, str], None]
) -> WindowCost:
    """Let the engine make a window, and write its files."""
    window, started = _window(work, engine.caps), time.perf_counter()
    fitting, clearing = Fitting.of(window, engine.caps), Clearing.of(work.settings, engine.caps)
    fitted = fitting.padded(window)
    output = session.run(fitted, work.cancel, tell)
    frames = fitting.cut(clearing.after(checked(output.frames, fitted, engine.name)), window)
    write_strip(work.folder, FRAMES, (frame.rgb for frame in frames))
    facts = {"provenance": asdict(session.provenance), "fallbacks": list(output.fallbacks)}
    (work.folder / FACTS).write_text(json.dumps(facts))
    expected = engine.estimate(work.settings, window.size, len(window), device)
    return WindowCost(len(window), time.perf_counter() - started, expected, clearing, tuple(output.calls))


def _window(work: Work, caps: Caps) -> Window:
    """What the engine is told: nothing of any source, but what leads it and what is given."""
    guide: Guide = work.inputs["guide"]
    part: Part = work.inputs["part"]
    before: MadeWindow | None = work.inputs.get("before")
    names: frozenset[Control] = caps.controls
    return Window(
        span=part.span,
        segment="part",
        size=guide.plan.size,
        rate=guide.plan.rate,
        settings=work.settings,
        style=Style(guide.digest),
        views=lambda: _views(guide, part.span),
        carry=before.carry(part) if before and part.carried else None,
        controls=dict.fromkeys(names, Leading(guide, part.span)),
        given=work.inputs["given"].pictures,
    )


def _views(guide: Guide, span: Span) -> Iterator[View]:
    """Frames of which nothing is known."""
    width, height = guide.plan.size
    grey = np.full((height, width, 3), NO_CONTROL, np.uint8)
    nobody, joints = np.zeros((height, width), np.uint8), np.full((LANDMARKS, 2), np.nan, np.float32)
    return (View(index, grey, nobody, joints) for index in span)
