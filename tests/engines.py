"""Engines for tests: one that draws with a function and counts what it is asked, and windows to give to any engine."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from pipeline.engines import engine as find_engine
from pipeline.engines.base import (
    Caps,
    Cost,
    Engine,
    EngineFrame,
    Lengths,
    Output,
    Provenance,
    Readiness,
    Session,
    Style,
    Tell,
    View,
    Window,
)
from pipeline.engines.device import Device
from pipeline.settings import Settings
from utils.digest import digest_bytes
from utils.image import RGB, Size
from utils.media.timebase import Span
from utils.progress import Cancel

Draw = Callable[[View], EngineFrame]
CPU = Device("cpu", "2 processors", 4096)
REPLACES = Caps("frame")
READY = Readiness(True)
MODELS = frozenset(
    ["torch", "torchvision", "diffusers", "transformers", "accelerate", "peft", "controlnet_aux", "safetensors.torch"]
)
"""The modules of engines with models, which only the worker loads, and only when a model is chosen."""


def plain(window: Window) -> Draw:
    """Gives back what the engine sees."""
    return lambda view: EngineFrame(view.rgb)


@dataclass(frozen=True)
class Drawing:
    """An engine that draws frame by frame; `windows` are those that it was given, `opened` with what it was opened."""

    name: str
    draw: Callable[[Window], Draw] = plain
    caps: Caps = REPLACES
    spoil: Callable[[Iterator[EngineFrame]], Iterator[EngineFrame]] = iter
    ready: Readiness = READY
    label: str = "A test's own"
    version: int = 1
    settings: tuple[str, ...] = ()
    opening: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    weights: Mapping[str, str] = field(default_factory=dict)
    state: Callable[[Window], Mapping[str, np.ndarray[Any, Any]]] = lambda window: {}
    fallbacks: tuple[str, ...] = ()
    windows: list[Window] = field(default_factory=list, compare=False)
    opened: list[Mapping[str, Any]] = field(default_factory=list, compare=False)
    closed: list[str] = field(default_factory=list, compare=False)

    def models(self, settings: Mapping[str, Any]) -> Mapping[str, str]:
        return self.weights

    def probe(self) -> Readiness:
        return self.ready

    def estimate(self, settings: Mapping[str, Any], size: Size, frames: int, device: Device) -> Cost:
        return Cost(0.01 * frames, 100)

    def open(self, settings: Mapping[str, Any], device: Device, tell: Tell) -> "Drawing":
        self.opened.append({name: settings[name] for name in self.opening})
        return self

    @property
    def provenance(self) -> Provenance:
        return Provenance(self.name, self.version, self.label, {})

    def preview(self, window: Window, index: int) -> RGB:
        view = next(view for view in window.views() if view.index == index)
        return self.draw(window)(view).rgb

    def run(self, window: Window, cancel: Cancel, tell: Tell) -> Output:
        self.windows.append(window)
        output = Output(iter(()))

        def frames() -> Iterator[EngineFrame]:
            draw = self.draw(window)
            yield from self.spoil(draw(view) for view in window.views())
            output.state.update(self.state(window))
            output.fallbacks.extend(self.fallbacks)

        return Output(frames(), output.fallbacks, output.state)

    def close(self) -> None:
        self.closed.append(self.name)


def style_of(views: Sequence[View], *references: RGB) -> Style:
    """The style of a clip that these views were taken from."""
    parts = [np.ascontiguousarray(each.rgb).tobytes() for each in views]
    parts += [each.matte.tobytes() for each in views] + [each.tobytes() for each in references]
    return Style(digest_bytes(b"".join(parts)), list(views), references)


def window_of(
    views: Sequence[View], settings: Mapping[str, Any], style: Style | None = None, rate: Fraction = Fraction(30)
) -> Window:
    """These views as one window."""
    return Window(
        span=Span(views[0].index, views[0].index + len(views)),
        segment="hold",
        size=views[0].size,
        rate=rate,
        settings=settings,
        style=style or style_of(views),
        views=lambda: iter(views),
    )


def opened(engine: Engine, settings: Mapping[str, Any]) -> Session:
    """A session on a small machine."""
    return engine.open(settings, CPU, lambda share, note: None)


@dataclass(frozen=True)
class Painter:
    """The embedded engine with fixed settings and style, for one view at a time."""

    style: Style
    settings: Mapping[str, Any]
    session: Session

    @classmethod
    def of(cls, samples: Sequence[View], reference: RGB | None = None, **generate: Any) -> "Painter":
        """Settings without their group: look, strength and so on."""
        settings = Settings.load(overrides={f"generate.{key}": value for key, value in generate.items()}).flat()
        style = style_of(samples) if reference is None else style_of(samples, reference)
        return cls(style, settings, opened(find_engine("restyle"), settings))

    def __call__(self, view: View) -> RGB:
        """One view painted."""
        window = Window.single(view, self.settings, self.style, Fraction(30))
        return self.session.preview(window, view.index)


class Blended:
    """A segment engine without a model: each frame is mixed with the middle one of its window, in its own shape.

    It takes 4n + 1 frames, sides that divide by 16, one canvas for the clip, and goes on from 1 or 5 frames.
    """

    name, label, version = "blended", "A test's own, by segment", 1
    caps = Caps(
        kind="segment",
        lengths=Lengths(preferred=17, most=17, step=4, rest=1),
        size_multiple=16,
        canvas="one",
        controls=frozenset({"pose", "edges", "matte"}),
        carry=(1, 5),
    )
    settings: tuple[str, ...] = ("generate.strength", "generate.seed", "generate.apply_to")
    opening: tuple[str, ...] = ()
    tools: tuple[str, ...] = ("numpy",)

    def __init__(self) -> None:
        self.windows: list[Window] = []

    def models(self, settings: Mapping[str, Any]) -> Mapping[str, str]:
        return {"mixer": "0" * 64}

    def probe(self) -> Readiness:
        return READY

    def estimate(self, settings: Mapping[str, Any], size: Size, frames: int, device: Device) -> Cost:
        return Cost(1 + frames * size.area_px * 1e-8, 50 + size.area_px * 1e-5)

    def open(self, settings: Mapping[str, Any], device: Device, tell: Tell) -> "Blended":
        tell(1.0, "mixed")
        return self

    @property
    def provenance(self) -> Provenance:
        return Provenance(self.name, self.version, self.label, {})

    def preview(self, window: Window, index: int) -> RGB:
        return next(self._mixed(view, view.rgb, window) for view in window.views() if view.index == index)

    def run(self, window: Window, cancel: Cancel, tell: Tell) -> Output:
        self.windows.append(window)
        output = Output(iter(()))

        def frames() -> Iterator[EngineFrame]:
            views = list(window.views())
            assert len(views) == len(window) and len(views) % 4 == 1
            assert {view.size for view in views} == {window.size} and not (
                window.size.width_px % 16 or window.size.height_px % 16
            )
            middle = views[len(views) // 2].rgb
            for number, view in enumerate(views):
                cancel.check()
                tell(number / len(views), "mixing")
                yield EngineFrame(self._mixed(view, middle, window))
            output.state["latents"] = np.full((2, 3), window.span.start, np.float32)

        return Output(frames(), output.fallbacks, output.state)

    def _mixed(self, view: View, middle: RGB, window: Window) -> RGB:
        guides = [drawn for draw in window.controls.values() if (drawn := draw(view)) is not None]
        drift = int(window.settings["generate.seed"]) % 7 + sum(int(guide.max()) for guide in guides) // 255
        mixed = (0.75 * view.rgb + 0.25 * middle + drift).clip(0, 255)
        share = float(window.settings["generate.strength"])
        return np.asarray(np.rint(share * mixed + (1 - share) * view.rgb), np.uint8)

    def close(self) -> None:
        """Nothing is held."""
