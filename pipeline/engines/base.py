"""The contract of engines: an engine fills the pixels of a window, and nothing else.

The app owns time, space and truth. An engine says what it can do and in which shape it wants its work (Caps), whether
it can run here (probe) and at what price (estimate). It opens a session once, which makes window after window: exactly
as many frames as the window has, each of exactly its size. Windows come in the lengths and sizes that Caps names;
whatever does not fit is padded before and cut afterwards by `pipeline.make`, not by the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from utils.errors import ReshootError

if TYPE_CHECKING:
    from fractions import Fraction

    import numpy as np
    from numpy.typing import NDArray

    from pipeline.engines.device import Device
    from utils.image import RGB, Size
    from utils.media.timebase import Span
    from utils.progress import Cancel

Control = Literal["pose", "edges", "matte"]
"""A picture that guides an engine, drawn by the app from what it measured."""

Tell = Callable[[float, str], None]
"""Progress of one long act: the share that is done, 0 to 1, and what is happening."""


class EngineError(ReshootError):
    """An engine is unknown, cannot run, or broke its promise."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """How many frames an engine takes at once, those that windows share counted in.

    Every length n with n <= most and n % step == rest % step; video models want 4n + 1: Lengths(81, 81, 4, 1).
    """

    preferred: int = 48
    """How many frames of its own a window has at most."""
    most: int = 240
    step: int = 1
    rest: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.preferred <= self.most or self.most % self.step != self.rest % self.step:
            raise ValueError(f"{self} allows nothing, or not its own longest window")

    def fitting(self, frames: int) -> int:
        """The shortest length that is allowed and holds so many frames; the longest one when none does."""
        missing = (self.rest - frames) % self.step
        return min(self.most, max(frames + missing, self.least))

    @property
    def least(self) -> int:
        """The shortest length that is allowed."""
        return self.rest % self.step or self.step


@dataclass(frozen=True, slots=True)
class Caps:
    """What an engine can do, and the shape in which it wants its work. The planner and `pipeline.make` honour all."""

    kind: Literal["frame", "segment"]
    """A frame engine makes each frame by itself; a segment engine makes the frames of a window together."""
    tasks: frozenset[str]
    """restyle, replace."""
    lengths: Lengths = Lengths()
    size_multiple: int = 1
    """Both sides of a window divide by this."""
    canvas: Literal["any", "one"] = "any"
    """Whether all windows of a clip must have one size."""
    controls: frozenset[Control] = frozenset()
    """Guiding pictures that it uses."""
    carry: tuple[int, ...] = ()
    """From how many finished frames of the window before it can go on; none when windows do not need each other."""
    is_edit_of_source: bool = False
    """The result is the source with something laid on: edges and detail lie where the source has them."""
    keeps_feet: bool = False
    """Feet stand where the source has them, so that they need no correction."""
    keeps_outside: bool = False
    """Pixels outside of what is restyled are the source's own, so that colours need no correction."""
    deterministic: Literal["anywhere", "same card", "no"] = "anywhere"
    """On which machines the same input and seed give the same pixels."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether an engine can run here; if not, why, and what to do about it."""

    ready: bool
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run of an engine takes: seconds, and memory at its peak."""

    seconds: float
    ram_mb: float
    vram_mb: float = 0.0


@dataclass(frozen=True)
class Provenance:
    """Where the pixels of a session come from, as facts that JSON can hold."""

    engine: str
    version: int
    label: str
    settings: Mapping[str, Any]


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

        return Size.of(self.rgb)


@dataclass(frozen=True)
class Style:
    """What a whole clip is to look like, the same for each of its windows.

    `samples` are a few views spread over the clip: all that is known of its colours comes from them. The digest names
    both, so that a session may keep what it worked out from them.
    """

    digest: str
    samples: Sequence[View] = field(default=(), repr=False)
    reference: RGB | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Carry:
    """The end of the window before, as it was made: its last frames, and whatever else its engine left for the next.

    `valid` (0 or 255) says of each frame where the window before had pixels; elsewhere its picture is black.
    """

    frames: tuple[RGB, ...] = ()
    valid: tuple[NDArray[np.uint8], ...] = ()
    state: Mapping[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Window:
    """What one call of an engine may see: a span of one segment, whose views are made when they are asked for."""

    span: Span
    segment: str
    size: Size
    rate: Fraction
    settings: Mapping[str, Any]
    style: Style
    views: Callable[[], Iterator[View]] = field(repr=False)
    carry: Carry | None = field(default=None, repr=False)
    controls: Mapping[Control, Callable[[View], RGB]] = field(default_factory=dict, repr=False)
    """Draws a guiding picture of a view; those that Caps names are there."""

    @classmethod
    def single(cls, view: View, settings: Mapping[str, Any], style: Style, rate: Fraction) -> Window:
        """One view as a window of its own."""
        from utils.media.timebase import Span

        span = Span(view.index, view.index + 1)
        return cls(span, "preview", view.size, rate, settings, style, lambda: iter([view]))

    def __len__(self) -> int:
        return len(self.span)


@dataclass(frozen=True)
class EngineFrame:
    """A picture that an engine made, and its own matte where the engine changes the person's outline."""

    rgb: RGB
    alpha: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Output:
    """What comes of one window: its frames one by one, and what an engine adds while it makes them.

    Once the last frame was taken, `fallbacks` tells in sentences what was done otherwise than asked, and `state` holds
    what the next window may go on from besides the last frames, such as latents.
    """

    frames: Iterator[EngineFrame]
    fallbacks: list[str] = field(default_factory=list)
    state: dict[str, NDArray[Any]] = field(default_factory=dict)


class Session(Protocol):
    """An engine at work. It is opened once and makes window after window, also of other clips and other settings."""

    @property
    def provenance(self) -> Provenance:
        """Where its pixels come from."""
        ...

    def preview(self, window: Window, index: int) -> RGB:
        """One frame of a window, by its index, as cheaply as possible."""
        ...

    def run(self, window: Window, cancel: Cancel, tell: Tell) -> Output:
        """The frames of a window; stops between two frames or steps when it is cancelled."""
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
        """The dotted settings that it reads: they become part of the cache key."""
        ...

    @property
    def opening(self) -> tuple[str, ...]:
        """Those of its settings that a session is opened with; for other values of them another one is opened."""
        ...

    @property
    def tools(self) -> tuple[str, ...]:
        """Installed packages that its pixels depend on: their versions become part of the cache key."""
        ...

    def models(self, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """The weights that these settings use, name -> digest: they become part of the cache key."""
        ...

    def probe(self) -> Readiness:
        """Whether it can run here; downloads nothing and loads nothing heavy."""
        ...

    def estimate(self, size: Size, frames: int, device: Device) -> Cost:
        """What so many frames of a crop of this size take on this device."""
        ...

    def open(self, settings: Mapping[str, Any], device: Device, tell: Tell) -> Session:
        """Load what is needed. Slow where there is a model, so it is done once and the session is kept."""
        ...
