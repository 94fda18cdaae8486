"""The engine `restyle`, which needs no model or GPU. A frame depends only on itself and on the style.

The look `picture` alone also goes on from the frames before in its window.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.engines.base import Caps, Cost, EngineFrame, Output, Provenance, Readiness, Session, Tell, Window
from pipeline.engines.device import processors
from pipeline.engines.looks import PICTURE, nets
from pipeline.engines.looks.styles import read_weights

if TYPE_CHECKING:
    from pipeline.engines.device import Device
    from pipeline.engines.looks.brush import Brush
    from utils.image import RGB, Size
    from utils.progress import Cancel

_NS_PER_PIXEL = 40.0
_START_S = 2.0
_BYTES_PER_PIXEL = 60
_NETS_S = 0.25
"""What the networks take for a frame, at most, on one processor."""


class Restyle:
    """The engine; the painting code is imported when a session paints its first window."""

    name = "restyle"
    label = "Restyle (CPU, no model)"
    version = 11
    caps = Caps(
        kind="frame",
        is_edit_of_source=True,
        keeps_feet=True,
        keeps_outside=True,
        references=4,
        several_for=frozenset({PICTURE}),
    )
    settings = (
        "generate.look", "generate.strength", "generate.feather_px", "generate.apply_to", "generate.seed",
        "generate.reference_weights",
    )  # fmt: skip
    opening = ()
    tools = ("numpy", "opencv-contrib-python", "numba", "scipy")

    def models(self, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """The networks of the look `picture`; EngineError if they are not here. No other look uses any."""
        return nets.digests() if settings.get("generate.look") == PICTURE else {}

    def probe(self) -> Readiness:
        """Ready if its packages are installed."""
        from importlib.util import find_spec

        if missing := [name for name in ("cv2", "numba", "scipy") if find_spec(name) is None]:
            return Readiness(False, f"The package {missing[0]!r} is missing.", "Run `make run`, which installs it.")
        return Readiness(True)

    def estimate(self, settings: Mapping[str, Any], size: Size, frames: int, device: Device) -> Cost:
        """Cost of the slowest look; it computes on processors whatever the device is."""
        pixels = size.area_px
        seconds = _START_S + frames * pixels * _NS_PER_PIXEL * 1e-9 * 2 / min(2, processors())
        if settings.get("generate.look") == PICTURE:
            seconds += frames * _NETS_S
        return Cost(seconds, 200 + pixels * _BYTES_PER_PIXEL / 1e6)

    def open(self, settings: Mapping[str, Any], device: Device, tell: Tell) -> Session:
        """Open a session; palettes are computed with the first window, which brings the style."""
        return _Session(Provenance(self.name, self.version, self.label, {}))


class _Session:
    """Paints windows, and caches the brush for the latest style and settings."""

    def __init__(self, provenance: Provenance) -> None:
        self.provenance = provenance
        self._brush: Brush | None = None
        self._brush_key: object = None

    def preview(self, window: Window, index: int) -> RGB:
        """One frame, identical to the one that `run` makes."""
        view = next(view for view in window.views() if view.index == index)
        brush = self._brush_for(window)
        brush.restart()
        return brush(view)

    def run(self, window: Window, cancel: Cancel, tell: Tell) -> Output:
        """Paint the frames one at a time."""
        return Output(self._frames(window, self._brush_for(window), cancel))

    def _frames(self, window: Window, brush: Brush, cancel: Cancel) -> Iterator[EngineFrame]:
        brush.restart()
        for view in window.views():
            cancel.check()
            yield EngineFrame(brush(view))

    def _brush_for(self, window: Window) -> Brush:
        """The brush for a window's style and settings; colours are measured once for all windows of a clip."""
        from pipeline.engines.looks.brush import Brush, BrushSettings

        settings, style = window.settings, window.style
        brush_settings = BrushSettings(
            look=settings["generate.look"],
            strength=settings["generate.strength"],
            feather_px=settings["generate.feather_px"],
            part=settings["generate.apply_to"],
            seed=settings["generate.seed"],
            weights=read_weights(settings.get("generate.reference_weights", "")),
        )
        key = (brush_settings, style.digest)
        if self._brush is None or self._brush_key != key:
            self._brush, self._brush_key = Brush(brush_settings, style.samples, style.references), key
        return self._brush

    def close(self) -> None:
        """Drop the cached brush."""
        self._brush = self._brush_key = None


ENGINE = Restyle()
