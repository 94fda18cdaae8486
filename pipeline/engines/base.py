"""What every engine promises: it fills the pixels of a window, and nothing else.

The app owns time, space and truth. An engine says what it can do and needs (Caps), whether it can run here (probe) and
for what price (estimate), and opens a session that makes exactly the frames of a window, at exactly its size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from utils.errors import ReshootError

if TYPE_CHECKING:
    from fractions import Fraction

    import numpy as np
    from numpy.typing import NDArray

    from utils.image import RGB, Size
    from utils.media.timebase import Span
    from utils.progress import Cancel


class EngineError(ReshootError):
    """An engine is unknown, or did not keep its promise."""


@dataclass(frozen=True, slots=True)
class WeightSpec:
    """A model's weights: where they come from, how large they are, under which licence."""

    repo: str
    revision: str
    size_bytes: int
    licence: str


@dataclass(frozen=True, slots=True)
class Caps:
    """What an engine can do, and the shape in which it wants its work."""

    kind: Literal["frame", "segment"]
    tasks: frozenset[str]
    """restyle, replace."""
    controls: frozenset[str] = frozenset()
    """What guides it: pose, depth, canny, rgb."""
    wants: frozenset[str] = frozenset()
    """What it can use besides: reference, matte, keypoints, carry, plate."""
    size_multiple: int = 1
    """It works best on sizes that divide by this; it takes any, and undoes its own padding."""
    window: tuple[int, int] = (48, 240)
    """Lengths in frames: the one it prefers, and the most it takes."""
    stride: tuple[int, int] = (1, 0)
    """Lengths that it need not pad: length % first == second, such as (4, 1)."""
    carry: tuple[int, ...] = ()
    """How many finished frames of the window before it can go on from."""
    native_fps: float | None = None
    """The rate it was trained on; None takes any."""
    weights: tuple[WeightSpec, ...] = ()
    keeps_geometry: bool = False
    """Feet stay where the source has them."""
    keeps_outside: bool = False
    """Pixels outside of what is restyled are the source's own, so that colours need no lock."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether an engine can run here; if not, why, and what to do about it."""

    ready: bool
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run will take."""

    seconds: float
    ram_mb: float
    vram_mb: float = 0.0


@dataclass(frozen=True)
class Provenance:
    """Where pixels come from, as facts that JSON can hold."""

    engine: str
    version: int
    label: str
    settings: Mapping[str, Any]
    fallbacks: tuple[str, ...] = ()


@dataclass(frozen=True)
class View:
    """One frame as an engine sees it: a crop of the stable picture.

    `corner` is where the crop's first pixel lies in the stable picture, so that textures stay put when crops differ.
    """

    index: int
    rgb: RGB
    matte: NDArray[np.uint8]
    keypoints: NDArray[np.float32]
    """33 x 2 px of the crop; NaN where missing."""
    corner: tuple[int, int] = (0, 0)

    @property
    def size(self) -> Size:
        """Of the crop."""
        from utils.image import Size

        return Size(self.rgb.shape[1], self.rgb.shape[0])


@dataclass(frozen=True)
class Window:
    """What one call of an engine may see: a span of one segment, whose views are made when they are asked for.

    `carry` are the last finished pictures of the window before.
    """

    span: Span
    segment: str
    size: Size
    rate: Fraction
    views: Callable[[], Iterator[View]] = field(repr=False)
    carry: tuple[RGB, ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.span)


@dataclass(frozen=True)
class Made:
    """A finished picture, and its own matte where the engine changes the person's outline."""

    rgb: RGB
    alpha: NDArray[np.uint8] | None = None


class Session(Protocol):
    """An engine at work with fixed settings."""

    @property
    def provenance(self) -> Provenance:
        """Where its pixels come from."""
        ...

    def preview(self, view: View) -> RGB:
        """One picture, as cheaply as possible."""
        ...

    def run(self, window: Window, cancel: Cancel) -> Iterator[Made]:
        """The window's frames one by one, each of exactly its size; stops between two when it is cancelled."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


class Engine(Protocol):
    """What fills pixels."""

    @property
    def name(self) -> str:
        """As the settings call it."""
        ...

    @property
    def label(self) -> str:
        """As people read it: what it is and what it needs."""
        ...

    @property
    def version(self) -> int:
        """Grows whenever its pixels may change."""
        ...

    @property
    def caps(self) -> Caps:
        """What it can do."""
        ...

    @property
    def settings(self) -> tuple[str, ...]:
        """The dotted settings it reads: they become its cache key."""
        ...

    def probe(self) -> Readiness:
        """Whether it can run here; downloads nothing and loads nothing heavy."""
        ...

    def estimate(self, size: Size, frames: int) -> Cost:
        """What so many frames of a crop of this size will take on this machine."""
        ...

    def open(self, settings: Mapping[str, Any], survey: Sequence[View], reference: RGB | None) -> Session:
        """Start work. `survey` is a dozen views of the whole clip: all that is known of its colours comes from it."""
        ...


def checked(made: Iterable[Made], window: Window, engine: str) -> Iterator[Made]:
    """The same frames, once they are as many as the window has and as large."""
    count = 0
    for count, each in enumerate(_explained(made, engine), start=1):
        if count > len(window):
            break
        _check_shape(each, window, engine, window.span.start + count - 1)
        yield each
    if count != len(window):
        which = "more" if count > len(window) else f"{count}"
        raise EngineError(
            f"The engine {engine!r} made {which} of the {len(window)} frames {window.span.start}"
            f" to {window.span.stop - 1}.",
            "This is a fault of the engine: choose another one, and please report it.",
        )


def _explained(made: Iterable[Made], engine: str) -> Iterator[Made]:
    """The same; what goes wrong inside an engine becomes a sentence about it."""
    try:
        yield from made
    except ReshootError:
        raise
    except Exception as error:
        raise EngineError(
            f"The engine {engine!r} failed: {type(error).__name__}: {error}".rstrip(": ") + ".",
            "Try again; if it fails again, choose another engine, and please report it.",
        ) from error


def _check_shape(made: Made, window: Window, engine: str, index: int) -> None:
    height, width = window.size.height_px, window.size.width_px
    wrong = made.rgb.shape != (height, width, 3) or made.rgb.dtype.name != "uint8"
    if made.alpha is not None:
        wrong = wrong or made.alpha.shape != (height, width) or made.alpha.dtype.name != "uint8"
    if wrong:
        raise EngineError(
            f"The engine {engine!r} made frame {index} as {made.rgb.shape[1]}x{made.rgb.shape[0]} {made.rgb.dtype},"
            f" where {window.size} 8-bit pixels belong.",
            "This is a fault of the engine: choose another one, and please report it.",
        )
