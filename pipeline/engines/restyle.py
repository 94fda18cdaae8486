"""restyle: the engine that is always there. No model, any CPU; every frame is a function of itself and the survey."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.engines.base import Caps, Cost, Made, Provenance, Readiness, Session, View, Window

if TYPE_CHECKING:
    from pipeline.engines.looks.brush import Brush
    from utils.image import RGB, Size
    from utils.progress import Cancel

_NS_PER_PIXEL = 40.0
_START_S = 2.0
_BYTES_PER_PIXEL = 60


class Restyle:
    """The engine; what it paints with loads when a session opens."""

    name = "restyle"
    label = "Restyle (CPU, no model)"
    version = 3
    caps = Caps(
        kind="frame",
        tasks=frozenset({"restyle"}),
        controls=frozenset({"rgb"}),
        wants=frozenset({"reference", "matte"}),
        keeps_geometry=True,
        keeps_outside=True,
    )
    settings = ("generate.look", "generate.strength", "generate.feather_px", "generate.apply_to", "generate.seed")

    def probe(self) -> Readiness:
        """Ready wherever the packages are."""
        from importlib.util import find_spec

        if missing := [name for name in ("cv2", "numba", "scipy") if find_spec(name) is None]:
            return Readiness(False, f"The package {missing[0]!r} is missing.", "Run `make run`, which installs it.")
        return Readiness(True)

    def estimate(self, size: Size, frames: int) -> Cost:
        """By the slowest look."""
        pixels = size.area_px
        return Cost(_START_S + frames * pixels * _NS_PER_PIXEL * 1e-9, 200 + pixels * _BYTES_PER_PIXEL / 1e6)

    def open(self, settings: Mapping[str, Any], survey: Sequence[View], reference: RGB | None) -> Session:
        """Measure the survey and mix the colours, once for the whole clip."""
        from pipeline.engines.looks.brush import Brush, Wish

        wish = Wish(
            look=settings["generate.look"],
            strength=settings["generate.strength"],
            feather_px=settings["generate.feather_px"],
            part=settings["generate.apply_to"],
            seed=settings["generate.seed"],
        )
        facts = {name: settings[name] for name in self.settings}
        return _Session(Provenance(self.name, self.version, self.label, facts), Brush(wish, survey, reference))


class _Session:
    """A brush, and where its pixels come from."""

    def __init__(self, provenance: Provenance, brush: Brush) -> None:
        self.provenance = provenance
        self._brush = brush

    def preview(self, view: View) -> RGB:
        """The very picture that `run` makes."""
        return self._brush(view)

    def run(self, window: Window, cancel: Cancel) -> Iterator[Made]:
        """One frame at a time."""
        for view in window.views():
            cancel.check()
            yield Made(self.preview(view))

    def close(self) -> None:
        """Nothing is held open."""


ENGINE = Restyle()
