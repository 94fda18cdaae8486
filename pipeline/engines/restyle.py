"""restyle: the engine that is always there, without model or GPU. Each frame depends on itself and the style alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.engines.base import Caps, Cost, EngineFrame, Output, Provenance, Readiness, Session, Tell, Window
from pipeline.engines.device import processors

if TYPE_CHECKING:
    from pipeline.engines.device import Device
    from pipeline.engines.looks.brush import Brush
    from utils.image import RGB, Size
    from utils.progress import Cancel

_NS_PER_PIXEL = 40.0
_START_S = 2.0
_BYTES_PER_PIXEL = 60


class Restyle:
    """The engine; what it paints with is loaded when a session opens."""

    name = "restyle"
    label = "Restyle (CPU, no model)"
    version = 3
    caps = Caps(
        kind="frame",
        tasks=frozenset({"restyle"}),
        is_edit_of_source=True,
        keeps_feet=True,
        keeps_outside=True,
    )
    settings = ("generate.look", "generate.strength", "generate.feather_px", "generate.apply_to", "generate.seed")
    opening = ()
    tools = ("numpy", "opencv-contrib-python", "numba", "scipy")

    def models(self, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """It has none."""
        return {}

    def probe(self) -> Readiness:
        """Ready wherever its packages are."""
        from importlib.util import find_spec

        if missing := [name for name in ("cv2", "numba", "scipy") if find_spec(name) is None]:
            return Readiness(False, f"The package {missing[0]!r} is missing.", "Run `make run`, which installs it.")
        return Readiness(True)

    def estimate(self, size: Size, frames: int, device: Device) -> Cost:
        """Priced by the slowest look; it computes on processors whatever the device is."""
        pixels = size.area_px
        seconds = _START_S + frames * pixels * _NS_PER_PIXEL * 1e-9 * 2 / min(2, processors())
        return Cost(seconds, 200 + pixels * _BYTES_PER_PIXEL / 1e6)

    def open(self, settings: Mapping[str, Any], device: Device, tell: Tell) -> Session:
        """Nothing is loaded yet: colours are mixed when the first window says for which style."""
        return _Session(Provenance(self.name, self.version, self.label, {}))


class _Session:
    """Paints windows, and keeps the brush of the latest style and settings."""

    def __init__(self, provenance: Provenance) -> None:
        self.provenance = provenance
        self._brush: Brush | None = None
        self._mixed_for: object = None

    def preview(self, window: Window, index: int) -> RGB:
        """The very picture that `run` makes."""
        view = next(view for view in window.views() if view.index == index)
        return self._ready(window)(view)

    def run(self, window: Window, cancel: Cancel, tell: Tell) -> Output:
        """One frame at a time."""
        return Output(self._frames(window, self._ready(window), cancel))

    def _frames(self, window: Window, brush: Brush, cancel: Cancel) -> Iterator[EngineFrame]:
        for view in window.views():
            cancel.check()
            yield EngineFrame(brush(view))

    def _ready(self, window: Window) -> Brush:
        """The brush for a window's style and settings; colours are measured once for all windows of a clip."""
        from pipeline.engines.looks.brush import Brush, BrushSettings

        settings, style = window.settings, window.style
        wish = BrushSettings(
            look=settings["generate.look"],
            strength=settings["generate.strength"],
            feather_px=settings["generate.feather_px"],
            part=settings["generate.apply_to"],
            seed=settings["generate.seed"],
        )
        if self._brush is None or self._mixed_for != (wish, style.digest):
            self._brush, self._mixed_for = Brush(wish, style.samples, style.reference), (wish, style.digest)
        return self._brush

    def close(self) -> None:
        """Nothing is held open."""
        self._brush = self._mixed_for = None


ENGINE = Restyle()
