"""Looks: the styles of the engine `restyle`. Each module is loaded when its look is chosen.

A look is built once per clip, from the clip's tone and a seed, and is then a function of one picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

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


LookName = Literal[
    "film", "bleach", "noir", "golden", "dusk", "neon", "autumn", "winter", "paint", "watercolour", "ink", "charcoal",
    "blueprint", "cel", "comic", "riso", "clay", "bronze", "marble", "picture",
]  # fmt: skip
"""The name of a look."""

LOOKS = {
    "film": "A print of negative film: deep colours, warm lights, dark cloth turns blue, a red breath around lights.",
    "bleach": "Bleach bypass: silver left in the print, hard and metallic, with hardly any colour left.",
    "noir": "Black and white: deep shadows, glowing skin, light that spills.",
    "golden": "The last hour of sun: low warm light from one side, a bright rim, soft haze.",
    "dusk": "After sunset: blue shadows, a rose glow from one side, lamps that are lit.",
    "neon": "A city at night: dark and blue, with a coloured rim of light on each side.",
    "autumn": "Autumn: leaves and grass turn to rust and gold, under a low amber sun.",
    "winter": "Winter: frost on everything green, snow on what faces up, cold light.",
    "paint": "Oils: broad strokes that follow the form, thick enough to catch the light.",
    "watercolour": "Transparent washes on white paper, their edges darker, colours clear.",
    "ink": "Brush and ink on paper: lines that swell and taper, black areas, grey washes.",
    "charcoal": "Charcoal on toned paper: rubbed shadows, soft strokes, highlights left bare.",
    "blueprint": "A plan on blue paper: white lines and a ruled grid.",
    "cel": "Drawn animation: flat clear colours, one soft shadow tone, clean outlines.",
    "comic": "A printed comic: bold flat colours, black lines, dots in the shadows.",
    "riso": "A risograph print: two bright inks on cream paper, grainy and a little out of place.",
    "clay": "A figure of modelling clay: simple matt colours, rounded forms, studio light.",
    "bronze": "A bronze statue: warm metal that shines, green patina in the hollows.",
    "marble": "A marble statue: white stone with grey veins, soft shadows.",
    "picture": "The colours and strokes of any picture, or of several, taken on by a small network.",
}
"""Every look, with one line on what it does."""

_CLASSES = {
    "film": "grades.Film", "bleach": "grades.Bleach", "noir": "grades.Noir", "golden": "lit.Golden", "dusk": "lit.Dusk",
    "neon": "lit.Neon", "autumn": "seasons.Autumn", "winter": "seasons.Winter", "paint": "painted.Paint",
    "watercolour": "painted.Watercolour", "ink": "drawn.Ink", "charcoal": "drawn.Charcoal",
    "blueprint": "drawn.Blueprint", "cel": "drawn.Cel", "comic": "printed.Comic", "riso": "printed.Riso",
    "clay": "clay.Clay", "bronze": "statue.Bronze", "marble": "statue.Marble",
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
