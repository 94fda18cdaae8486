"""Looks: what `restyle` can make of a picture. Each is loaded when it is chosen.

A look is made once per clip, from what the survey says and a seed, and is then a function of one picture.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from pipeline.engines.base import EngineError

if TYPE_CHECKING:
    from pipeline.engines.looks.kernels import Bytes
    from pipeline.engines.looks.picture import Picture
    from pipeline.engines.looks.tone import Tone


class Look(Protocol):
    """Paints a picture; what it returns is of the same size."""

    def __init__(self, tone: Tone, seed: int) -> None: ...

    def __call__(self, picture: Picture) -> Bytes: ...


LOOKS = {
    "film": "A print of negative film: deep colours, warm lights, cool shadows, a soft red breath around highlights.",
    "bleach": "Bleach bypass: silver left in the print, hard, pale and metallic.",
    "noir": "Black and white: deep shadows, glowing skin, light that spills.",
    "golden": "The last hour of sun: low warm light from one side, a bright rim, soft haze.",
    "neon": "A city at night: dark and blue, with a coloured rim of light on each side.",
    "paint": "Oils: broad strokes that follow the form, thick enough to catch the light.",
    "watercolour": "Transparent washes on white paper, their edges darker, colours clear.",
    "ink": "Brush and ink on paper: lines that swell and taper, black areas, grey washes.",
    "charcoal": "Charcoal on toned paper: rubbed shadows, soft strokes, highlights left bare.",
    "cel": "Drawn animation: flat clear colours, one soft shadow tone, clean outlines.",
    "clay": "A figure of modelling clay: simple matt colours, rounded forms, studio light.",
}
"""Every look and what it does, in a line."""

_HOMES = {
    "film": "grades.Film", "bleach": "grades.Bleach", "noir": "grades.Noir", "golden": "lit.Golden", "neon": "lit.Neon",
    "paint": "painted.Paint", "watercolour": "painted.Watercolour", "ink": "drawn.Ink", "charcoal": "drawn.Charcoal",
    "cel": "drawn.Cel", "clay": "clay.Clay",
}  # fmt: skip


def look(name: str) -> type[Look]:
    """The look of this name."""
    if name not in LOOKS:
        raise EngineError(f"There is no look called {name!r}.", f"Choose one of: {', '.join(LOOKS)}.")
    home, _, kind = _HOMES[name].partition(".")
    found: type[Look] = getattr(import_module(f"{__name__}.{home}"), kind)
    return found
