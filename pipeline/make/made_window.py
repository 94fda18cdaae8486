"""Making a window: an engine fills its pixels. The costly stage, with nothing in its key of what comes after it.

Its inputs are what an engine may see. The window before is one of them only where the engine goes on from it.
"""

import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import Carry, Engine, EngineError, EngineFrame, Output, Session, View, Window
from pipeline.engines.sessions import Sessions
from pipeline.make.colour_lock import colour_lock
from pipeline.make.controls import controls
from pipeline.make.fitting import Fitting
from pipeline.plan.stable_picture import StablePicture
from pipeline.plan.style_samples import StyleSamples
from pipeline.plan.windows import WindowPlan
from pipeline.stage import Stage, Work
from pipeline.types import Reference
from utils.errors import ReshootError
from utils.image import RGB, Size, placed
from utils.image.blending import ColourLock
from utils.media.chunk import read_chunk, write_chunk
from utils.prefetch import prefetch
from utils.store import Entry

VERSION = 1
NEAR_PX = 10
"""Around the person: more than any resampling reaches. Beyond it an engine that keeps what is outside shows the source,
and black is stored, which costs nothing."""
FRAMES, ALPHA, FACTS, STATE = "frames.mkv", "alpha.mkv", "made.json", "state.npz"
TOOLS = ("numpy", "opencv-contrib-python", "av")


@dataclass(frozen=True)
class MadeWindow:
    """The frames that an engine made of a window, read from the cache."""

    plan: WindowPlan
    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Where the pixels come from, what was done otherwise than asked, and what kind of engine made them."""
        return dict(json.loads(self.entry.read_bytes(FACTS)))

    def frames(self, start: int = 0) -> Iterator[EngineFrame]:
        """Every frame of its span, counted within it, from one of them on."""
        pictures = read_chunk(self.entry.path(FRAMES), len(self.plan.span), start)
        if not self.facts["alpha"]:
            yield from map(EngineFrame, pictures)
            return
        for rgb, alpha in zip(pictures, self.alphas(start), strict=True):
            yield EngineFrame(rgb, alpha)

    def alphas(self, start: int = 0) -> Iterator[NDArray[np.uint8]]:
        """The engine's own mattes, where it made any."""
        yield from read_chunk(self.entry.path(ALPHA), len(self.plan.span), start)

    def carry(self, plan: WindowPlan, count: int) -> Carry:
        """The first frames of the next window as this one made them, in that one's part of the picture."""
        first = plan.span.start - self.plan.span.start
        lock = ColourLock(np.array(self.facts["colour_map"])) if self.facts["colour_map"] else ColourLock()
        kept = [lock.apply(made.rgb) for made in islice(self.frames(first), count)]
        valid = placed(np.full(self.plan.box.size[::-1], 255, np.uint8), self.plan.box, plan.box)
        state: dict[str, NDArray[Any]] = {}
        if self.facts["state"]:
            with np.load(self.entry.path(STATE), allow_pickle=False) as arrays:
                state = {name: arrays[name] for name in arrays.files}
        return Carry(tuple(placed(each, self.plan.box, plan.box) for each in kept), (valid,) * len(kept), state)


def making(engine: Engine, sessions: Sessions) -> Stage:
    """The stage that makes one window with this engine.

    Inputs: the stable picture, the samples, the plan, and where they exist a reference and the window before.
    """

    def run(work: Work) -> None:
        tell = _Telling(work)
        with sessions.use(engine, work.settings, tell) as session:
            _Making(engine, session, work, tell).run()

    machine = () if engine.caps.deterministic == "anywhere" else (str(sessions.device),)
    return Stage(
        "make with " + engine.name,
        version=VERSION + 1000 * engine.version,
        run=run,
        settings=tuple(sorted({*engine.settings, *engine.opening, "generate.apply_to"})),
        tools=tuple(sorted({*TOOLS, *engine.tools})),
        machine=machine,
    )


class _Telling:
    """Passes on what an engine says of its progress within a window as frames of the stage."""

    def __init__(self, work: Work) -> None:
        plan: WindowPlan = work.inputs["plan"]
        self._work, self._total = work, len(plan.span)
        self._note = plan.segment

    def __call__(self, share: float, note: str) -> None:
        self._work.report(round(share * self._total), self._total, note or self._note)


class _Making:
    """One window in the making."""

    def __init__(self, engine: Engine, session: Session, work: Work, tell: _Telling) -> None:
        self._engine, self._session, self._work, self._tell = engine, session, work, tell
        self._stable: StablePicture = work.inputs["stable"]
        self._plan: WindowPlan = work.inputs["plan"]
        self._alphas: list[bytes] = []
        self._mattes: dict[int, NDArray[np.uint8]] = {}
        caps = engine.caps
        self._stores_near_only = (
            caps.keeps_outside and not caps.carry and work.settings["generate.apply_to"] == "person"
        )

    def run(self) -> None:
        """Fit the window to the engine, make it, cut what was made back, and keep it."""
        work, window = self._work, self._window()
        fitting = Fitting.of(window, self._engine.caps)
        fitted = fitting.padded(window)
        output = self._session.run(fitted, work.cancel, self._tell)
        made = fitting.cut(checked(output.frames, fitted, self._engine.name), window)
        write_chunk(work.folder / FRAMES, prefetch(self._pictures(made)))
        if any(self._alphas):
            write_chunk(work.folder / ALPHA, self._unpacked())
        if output.state:
            np.savez(work.folder / STATE, **output.state)
        (work.folder / FACTS).write_text(json.dumps(self._facts(output)))

    def _window(self) -> Window:
        work, plan = self._work, self._plan
        samples: StyleSamples = work.inputs["samples"]
        reference: Reference | None = work.inputs.get("reference")
        return Window(
            span=plan.span,
            segment=plan.segment,
            size=plan.box.size,
            rate=self._stable.clip.rate,
            settings=work.settings,
            style=samples.style(reference),
            views=self._views,
            carry=self._carry(),
            controls=controls(self._engine.caps.controls),
        )

    def _carry(self) -> Carry | None:
        """From the window before, as many frames as the engine can go on from and both windows have."""
        before: MadeWindow | None = self._work.inputs.get("before")
        count = max((each for each in self._engine.caps.carry if each <= self._plan.overlap), default=0)
        return before.carry(self._plan, count) if before else None

    def _views(self) -> Iterator[View]:
        """The window's views on their way to the engine."""
        for view in prefetch(self._stable.kept_views(self._plan.span, self._plan.box)):
            if self._stores_near_only:
                self._mattes[view.index] = view.matte
            yield view

    def _pictures(self, made: Iterable[EngineFrame]) -> Iterator[RGB]:
        """The pictures alone, told of as they come. Outlines are flat: packed they take next to nothing."""
        span = self._plan.span
        for index, each in zip(span, made, strict=True):
            self._alphas.append(b"" if each.alpha is None else zlib.compress(each.alpha.tobytes(), 1))
            yield self._near(each.rgb, index) if self._stores_near_only else each.rgb
            self._work.report(index + 1 - span.start, len(span), self._plan.segment)

    def _near(self, picture: RGB, index: int) -> RGB:
        """Black away from the person."""
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
            **{name: getattr(caps, name) for name in ("is_edit_of_source", "keeps_feet", "keeps_outside")},
        }

    def _colour_map(self) -> list[list[float]] | None:
        """What undoes the colour drift of this window for the one that goes on from it."""
        caps = self._engine.caps
        if not caps.carry or caps.keeps_outside:
            return None
        pictures = read_chunk(self._work.folder / FRAMES, len(self._plan.span))
        found = colour_lock(self._stable, self._plan, map(EngineFrame, pictures)).map
        return None if found is None else found.tolist()


def near(matte: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """255 on the person and a little around them: what is ever shown of a picture that leaves the rest alone."""
    return np.asarray(cv2.dilate(matte, np.ones((2 * NEAR_PX + 1, 2 * NEAR_PX + 1), np.uint8)))


def checked(made: Iterable[EngineFrame], window: Window, engine: str) -> Iterator[EngineFrame]:
    """The same frames; EngineError as soon as they are not as many and as large as those of the window."""
    count = 0
    for count, each in enumerate(_explained(made, engine), start=1):
        if count > len(window):
            break
        _check_shape(each, window.size, engine, window.span.start + count - 1)
        yield each
    if count != len(window):
        which = "more" if count > len(window) else f"{count}"
        raise EngineError(
            f"The engine {engine!r} made {which} of the {len(window)} frames {window.span.start}"
            f" to {window.span.stop - 1}.",
            "This is a fault of the engine: choose another one, and please report it.",
        )


def _explained(made: Iterable[EngineFrame], engine: str) -> Iterator[EngineFrame]:
    """The same frames; what goes wrong inside an engine becomes a sentence about it."""
    try:
        yield from made
    except ReshootError:
        raise
    except Exception as error:
        raise EngineError(
            f"The engine {engine!r} failed: {type(error).__name__}: {error}".rstrip(": ") + ".",
            "Try again; if it fails again, choose another engine, and please report it.",
        ) from error


def _check_shape(made: EngineFrame, size: Size, engine: str, index: int) -> None:
    height, width = size.height_px, size.width_px
    wrong = made.rgb.shape != (height, width, 3) or made.rgb.dtype.name != "uint8"
    if made.alpha is not None:
        wrong = wrong or made.alpha.shape != (height, width) or made.alpha.dtype.name != "uint8"
    if wrong:
        raise EngineError(
            f"The engine {engine!r} made frame {index} as {made.rgb.shape[1]}x{made.rgb.shape[0]} {made.rgb.dtype},"
            f" where {size} 8-bit pixels belong.",
            "This is a fault of the engine: choose another one, and please report it.",
        )
