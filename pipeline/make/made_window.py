"""The stage that makes a window with an engine. It is the costly one, so its cache key holds nothing of later stages.

Its inputs are what the engine may see. The previous window is one of them only if the engine continues from it.
"""

import json
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import MEMORY, Carry, Cost, Engine, EngineError, EngineFrame, Output, Session, View, Window
from pipeline.engines.clearing import Clearing
from pipeline.engines.device import Device
from pipeline.engines.sessions import Sessions
from pipeline.make.anchored import Anchors
from pipeline.make.colour_lock import colour_lock
from pipeline.make.controls import leads
from pipeline.make.fitting import Fitting
from pipeline.make.given_guide import GivenGuide, WindowGuide
from pipeline.make.given_keys import WindowKeys
from pipeline.make.window_cost import WindowCost
from pipeline.plan.stable_picture import StablePicture
from pipeline.plan.style_samples import StyleSamples
from pipeline.plan.windows import WindowPlan
from pipeline.stage import Stage, Work
from pipeline.types import REFERENCES, References
from utils.errors import ReshootError
from utils.image import RGB, Size, placed
from utils.image.blending import ColourLock
from utils.media.chunk import read_chunk, write_chunk
from utils.prefetch import prefetch
from utils.store import Entry

VERSION = 3
NEAR_PX = 10
"""Margin around the person that is stored of an engine that leaves everything else as in the source; it exceeds the
reach of any resampling. Beyond it black is stored, which compresses to almost nothing."""
FRAMES, ALPHA, FACTS, STATE = "frames.nut", "alpha.nut", "made.json", "state.npz"
TOOLS = ("numpy", "opencv-contrib-python", "av")


@dataclass(frozen=True)
class MadeWindow:
    """The frames that an engine made of a window, in the cache."""

    plan: WindowPlan
    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Provenance of the pixels, fallbacks that the engine took, and its capabilities."""
        return dict(json.loads(self.entry.read_bytes(FACTS)))

    def frames(self, start: int = 0) -> Iterator[EngineFrame]:
        """The frames of the window from `start` on, counted from the window's first frame."""
        pictures = read_chunk(self.entry.path(FRAMES), len(self.plan.span), start)
        if not self.facts["alpha"]:
            yield from map(EngineFrame, pictures)
            return
        for rgb, alpha in zip(pictures, self.alphas(start), strict=True):
            yield EngineFrame(rgb, alpha)

    def alphas(self, start: int = 0) -> Iterator[NDArray[np.uint8]]:
        """The engine's own mattes, if it made any."""
        yield from read_chunk(self.entry.path(ALPHA), len(self.plan.span), start)

    def carry(self, plan: WindowPlan, count: int) -> Carry:
        """The first `count` frames of the next window as this one made them, placed in the next window's crop."""
        first = plan.span.start - self.plan.span.start
        lock = ColourLock(np.array(self.facts["colour_map"])) if self.facts["colour_map"] else ColourLock()
        frames = [lock.apply(frame.rgb) for frame in islice(self.frames(first), count)]
        valid = placed(np.full(self.plan.box.size[::-1], 255, np.uint8), self.plan.box, plan.box)
        state: dict[str, NDArray[Any]] = {}
        if self.facts["state"]:
            with np.load(self.entry.path(STATE), allow_pickle=False) as arrays:
                state = {name: arrays[name] for name in arrays.files}
        pictures = tuple(placed(frame, self.plan.box, plan.box) for frame in frames)
        return Carry(pictures, (valid,) * len(pictures), state)


def making(engine: Engine, sessions: Sessions, tell_cost: Callable[[WindowCost], None] = lambda cost: None) -> Stage:
    """The stage that makes one window with this engine; what that took is told, for it is no part of the result.

    Inputs: stable picture, style samples and window plan; optionally reference pictures, a guide, the painted frames of
    this window, anchors, and the previous window.
    """

    def run(work: Work) -> None:
        plan: WindowPlan = work.inputs["plan"]
        tell = EngineProgress(work, len(plan.span), plan.segment)
        with sessions.use(engine, work.settings, tell) as session:
            tell_cost(_Making(engine, session, work, tell).run(sessions.device))

    return stage_with(engine, sessions, "make", VERSION, run)


def stage_with(engine: Engine, sessions: Sessions, name: str, version: int, run: Callable[[Work], None]) -> Stage:
    """A stage that makes frames with this engine, whose results depend on all that its pixels depend on."""
    machine = () if engine.caps.deterministic == "anywhere" else (str(sessions.device),)
    return Stage(
        f"{name} with {engine.name}",
        version=version + 1000 * engine.version,
        run=run,
        settings=tuple(sorted({*engine.settings, *engine.opening, "generate.apply_to"} - {*MEMORY})),
        unkeyed=MEMORY,
        tools=tuple(sorted({*TOOLS, *engine.tools})),
        machine=machine,
    )


@dataclass(frozen=True)
class EngineProgress:
    """Converts an engine's progress within a window (0..1) into frames of the stage."""

    work: Work
    total: int
    note: str

    def __call__(self, share: float, note: str) -> None:
        self.work.report(round(share * self.total), self.total, note or self.note)


class _Making:
    """The work of making one window."""

    def __init__(self, engine: Engine, session: Session, work: Work, tell: EngineProgress) -> None:
        self._engine, self._session, self._work, self._tell = engine, session, work, tell
        self._stable: StablePicture = work.inputs["stable"]
        self._plan: WindowPlan = work.inputs["plan"]
        self._alphas: list[bytes] = []
        self._mattes: dict[int, NDArray[np.uint8]] = {}
        self._clearing = Clearing.of(work.settings, engine.caps)
        caps = engine.caps
        self._stores_near_only = (
            caps.keeps_outside and not caps.carry and work.settings["generate.apply_to"] == "person"
        )

    def run(self, device: Device) -> WindowCost:
        """Pad the window for the engine, run it, check and crop its output, and write the files of the entry."""
        work, window, started = self._work, self._window(), time.perf_counter()
        fitting = Fitting.of(window, self._engine.caps)
        fitted = fitting.padded(window)
        output = self._session.run(fitted, work.cancel, self._tell)
        made = self._clearing.after(checked(output.frames, fitted, self._engine.name))
        frames = fitting.cut(made, window)
        write_chunk(work.folder / FRAMES, prefetch(self._pictures(frames)))
        if any(self._alphas):
            write_chunk(work.folder / ALPHA, self._unpacked())
        if output.state:
            np.savez(work.folder / STATE, **output.state)
        (work.folder / FACTS).write_text(json.dumps(self._facts(output)))
        expected = expected_cost(self._engine, work, window, device)
        return WindowCost(len(window), time.perf_counter() - started, expected, self._clearing, tuple(output.calls))

    @property
    def _references(self) -> References:
        references: References = self._work.inputs.get("references", References())
        return references

    def _window(self) -> Window:
        work, plan = self._work, self._plan
        samples: StyleSamples = work.inputs["samples"]
        return Window(
            span=plan.span,
            segment=plan.segment,
            size=plan.box.size,
            rate=self._stable.clip.rate,
            settings=work.settings,
            style=samples.style(self._references),
            views=self._views,
            carry=self._carry(),
            controls=leads(self._engine.caps.controls, lambda: self._stable.views(plan.span, plan.box), self._guide),
            given=self._given(),
            example=self._example(),
        )

    @property
    def _guide(self) -> WindowGuide | None:
        """What of the guide leads this window."""
        guide: GivenGuide | None = self._work.inputs.get("guide")
        return guide.window(self._stable, self._plan.span, self._plan.box) if guide else None

    def _given(self) -> dict[int, RGB]:
        """The painted frames of this window, and its anchors, in its crop."""
        keys: WindowKeys | None = self._work.inputs.get("keys")
        anchors = self._anchors.within(self._plan) if self._anchors else {}
        return {**anchors, **(keys.pictures(self._stable, self._plan.box) if keys else {})}

    def _example(self) -> RGB | None:
        """What the engine's own key frames are to look like: what people painted, or else the first anchor."""
        keys: WindowKeys | None = self._work.inputs.get("keys")
        part = self._work.settings["generate.apply_to"]
        if keys:
            return keys.example(self._stable, part)
        return self._anchors.example(self._stable, part) if self._anchors else None

    @property
    def _anchors(self) -> "Anchors | None":
        anchors: Anchors | None = self._work.inputs.get("anchors")
        return anchors

    def _carry(self) -> Carry | None:
        """Frames of the previous window to continue from: as many as the engine takes and both windows share."""
        before: MadeWindow | None = self._work.inputs.get("before")
        count = max((count for count in self._engine.caps.carry if count <= self._plan.overlap), default=0)
        return before.carry(self._plan, count) if before else None

    def _views(self) -> Iterator[View]:
        """The window's views for the engine, prefetched; keeps the mattes that are needed to store the result."""
        plan = self._plan
        for view in prefetch(self._stable.kept_views(plan.span, plan.box, joins=plan.overlap > 0)):
            if self._stores_near_only:
                self._mattes[view.index] = view.matte
            yield view

    def _pictures(self, frames: Iterable[EngineFrame]) -> Iterator[RGB]:
        """The pictures to store, reporting progress. Mattes stay in memory, compressed to almost nothing."""
        span = self._plan.span
        for index, frame in zip(span, frames, strict=True):
            self._alphas.append(b"" if frame.alpha is None else zlib.compress(frame.alpha.tobytes(), 1))
            yield self._near(frame.rgb, index) if self._stores_near_only else frame.rgb
            self._work.report(index + 1 - span.start, len(span), self._plan.segment)

    def _near(self, picture: RGB, index: int) -> RGB:
        """The picture with everything away from the person set to black."""
        return np.asarray(cv2.copyTo(picture, near(self._mattes.pop(index))))

    def _unpacked(self) -> Iterator[NDArray[np.uint8]]:
        size = self._plan.box.size
        for packed in self._alphas:
            yield np.frombuffer(zlib.decompress(packed), np.uint8).reshape(size.height_px, size.width_px)

    def _facts(self, output: Output) -> dict[str, Any]:
        caps = self._engine.caps
        return {
            "provenance": asdict(self._session.provenance),
            "fallbacks": list(output.fallbacks),
            "alpha": any(self._alphas),
            "state": bool(output.state),
            "colour_map": self._colour_map(),
            "near_only": self._stores_near_only,
            **{name: getattr(caps, name) for name in ("is_edit_of_source", "is_steady", "keeps_feet", "keeps_outside")},
        }

    def _colour_map(self) -> list[list[float]] | None:
        """The colour map that undoes this window's colour drift, for a next window that continues from it."""
        caps = self._engine.caps
        if not caps.carry or caps.keeps_outside:
            return None
        pictures = read_chunk(self._work.folder / FRAMES, len(self._plan.span))
        part = self._work.settings["generate.apply_to"]
        colour_map = colour_lock(self._stable, self._plan, map(EngineFrame, pictures), part).map
        return None if colour_map is None else colour_map.tolist()


def expected_cost(engine: Engine, work: Work, window: Window, device: Device) -> Cost:
    """What a window was expected to take; estimates ask for the first reference picture, which here is an input."""
    references: References = work.inputs.get("references", References())
    first = next((each.digest for each in references.pictures), None)
    return engine.estimate({**work.settings, REFERENCES[0]: first}, window.size, len(window), device)


def near(matte: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The matte dilated by NEAR_PX: where a picture is ever shown that leaves everything else as in the source."""
    return np.asarray(cv2.dilate(matte, np.ones((2 * NEAR_PX + 1, 2 * NEAR_PX + 1), np.uint8)))


def checked(frames: Iterable[EngineFrame], window: Window, engine: str) -> Iterator[EngineFrame]:
    """Pass on the frames; raise EngineError if their number or size differs from the window's."""
    count = 0
    for count, frame in enumerate(_explained(frames, engine), start=1):
        if count > len(window):
            break
        _check_shape(frame, window.size, engine, window.span.start + count - 1)
        yield frame
    if count != len(window):
        which = "more" if count > len(window) else f"{count}"
        raise EngineError(
            f"The engine {engine!r} made {which} of the {len(window)} frames {window.span.start}"
            f" to {window.span.stop - 1}.",
            "This is a fault of the engine: choose another one, and please report it.",
        )


def _explained(frames: Iterable[EngineFrame], engine: str) -> Iterator[EngineFrame]:
    """Pass on the frames; turn an unexpected exception of the engine into an EngineError that names it."""
    try:
        yield from frames
    except ReshootError:
        raise
    except Exception as error:
        raise EngineError(
            f"The engine {engine!r} failed: {type(error).__name__}: {error}".rstrip(": ") + ".",
            "Try again; if it fails again, choose another engine, and please report it.",
        ) from error


def _check_shape(frame: EngineFrame, size: Size, engine: str, index: int) -> None:
    height, width = size.height_px, size.width_px
    wrong = frame.rgb.shape != (height, width, 3) or frame.rgb.dtype.name != "uint8"
    if frame.alpha is not None:
        wrong = wrong or frame.alpha.shape != (height, width) or frame.alpha.dtype.name != "uint8"
    if wrong:
        raise EngineError(
            f"The engine {engine!r} made frame {index} as {frame.rgb.shape[1]}x{frame.rgb.shape[0]} {frame.rgb.dtype},"
            f" where {size} 8-bit pixels belong.",
            "This is a fault of the engine: choose another one, and please report it.",
        )
