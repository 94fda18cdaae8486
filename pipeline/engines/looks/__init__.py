"""Looks: the styles of the engine `restyle`. Each module is loaded when its look is chosen.

A look is built once per clip, from the clip's tone and a seed, and is then a function of one picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from pipeline.engines.base import EngineError
from pipeline.engines.looks import nets

if TYPE_CHECKING:
    from pipeline.engines.looks.kernels import Bytes
    from pipeline.engines.looks.picture import Picture
    from pipeline.engines.looks.tone import Tone


class Look(Protocol):
    """Paints a picture; the result has the same size."""

    def __init__(self, tone: Tone, seed: int) -> None: ...

    def __call__(self, picture: Picture) -> Bytes: ...


@runtime_checkable
class Follower(Look, Protocol):
    """A look that takes after several pictures, and goes on from the picture before in its window."""

    def take_after(self, pictures: Sequence[Bytes], weights: tuple[float, ...]) -> None: ...

    def restart(self) -> None: ...


LOOKS = {
    "film": "A print of negative film: deep colours, warm lights, dark cloth turns blue, a red breath around lights.",
    "bleach": "Bleach bypass: silver left in the print, hard and metallic, with hardly any colour left.",
    "noir": "Black and white: deep shadows, glowing skin, light that spills.",
    "golden": "The last hour of sun: low warm light from one side, a bright rim, soft haze.",
    "neon": "A city at night: dark and blue, with a coloured rim of light on each side.",
    "paint": "Oils: broad strokes that follow the form, thick enough to catch the light.",
    "watercolour": "Transparent washes on white paper, their edges darker, colours clear.",
    "ink": "Brush and ink on paper: lines that swell and taper, black areas, grey washes.",
    "charcoal": "Charcoal on toned paper: rubbed shadows, soft strokes, highlights left bare.",
    "cel": "Drawn animation: flat clear colours, one soft shadow tone, clean outlines.",
    "clay": "A figure of modelling clay: simple matt colours, rounded forms, studio light.",
    "picture": "The colours and strokes of any picture, or of several, taken on by a small network.",
}
"""Every look, with one line on what it does."""

_CLASSES = {
    "film": "grades.Film", "bleach": "grades.Bleach", "noir": "grades.Noir", "golden": "lit.Golden", "neon": "lit.Neon",
    "paint": "painted.Paint", "watercolour": "painted.Watercolour", "ink": "drawn.Ink", "charcoal": "drawn.Charcoal",
    "cel": "drawn.Cel", "clay": "clay.Clay",
    "picture": "styled.Styled",
}  # fmt: skip
"""The module and class of each look."""


PICTURE = nets.LOOK
"""The look that several reference pictures make, and that needs networks."""


def is_here(name: str) -> bool:
    """Whether what this look needs is installed."""
    return name != PICTURE or nets.readiness().ready


def look(name: str) -> type[Look]:
    """The class of the look with this name."""
    if name not in LOOKS:
        raise EngineError(f"There is no look called {name!r}.", f"Choose one of: {', '.join(LOOKS)}.")
    module, _, name_of_class = _CLASSES[name].partition(".")
    look_class: type[Look] = getattr(import_module(f"{__name__}.{module}"), name_of_class)
    return look_class
