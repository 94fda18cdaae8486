"""The interface of engines: an engine fills the pixels of a window, and nothing else.

Timing, geometry and measurements are the app's. An engine declares what it can do and the window shapes that it accepts
(Caps), whether it can run on this machine (probe), and what a run costs (estimate). A session is opened once and makes
window after window: exactly as many frames as the window has, each of exactly its size. Windows come in the lengths and
sizes that Caps names: `pipeline.make` pads them before and crops the output afterwards.
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

Control = Literal["pose", "edges", "soft_edges", "matte", "depth"]
"""Name of a control image, which the app draws from its measurements to guide an engine."""

Tell = Callable[[float, str], None]
"""Progress callback of a long operation: the share that is done, 0 to 1, and a note."""


MEMORY = ("memory.clear", "memory.offload", "memory.budget_gb")
"""Settings of how the card's memory is used. An engine that reads them lists them like its others, but they change no
pixels, so they are no part of the cache key."""

SPEED = ("generate.attention", "generate.compile")
"""Settings of how a model is made to compute faster. Its pixels differ in rounding, so they are part of the key."""


class EngineError(ReshootError):
    """An engine is unknown, cannot run, failed, or violated its interface."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """The window lengths in frames that an engine accepts, including the overlap with other windows.

    Every length n with n <= most and n % step == rest % step; video models want 4n + 1: Lengths(81, 81, 4, 1).
    """

    preferred: int = 48
    """Most frames of a window without its overlap."""
    most: int = 240
    step: int = 1
    rest: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.preferred <= self.most or self.most % self.step != self.rest % self.step:
            raise ValueError(f"{self} allows nothing, or not its own longest window")

    def fitting(self, frames: int) -> int:
        """The shortest accepted length that holds so many frames; the longest accepted one if none does."""
        missing = (self.rest - frames) % self.step
        return min(self.most, max(frames + missing, self.least))

    @property
    def least(self) -> int:
        """The shortest accepted length."""
        return self.rest % self.step or self.step


@dataclass(frozen=True, slots=True)
class Caps:
    """Capabilities of an engine and the window shapes that it accepts; the planner and `pipeline.make` obey them."""

    kind: Literal["frame", "segment"]
    """A frame engine makes each frame independently; a segment engine makes the frames of a window together."""
    lengths: Lengths = Lengths()
    size_multiple: int = 1
    """Width and height of a window must be multiples of this."""
    canvas: Literal["any", "one"] = "any"
    """Whether all windows of a clip must have one size."""
    controls: frozenset[Control] = frozenset()
    """Control images that it uses."""
    references: int = 1
    """The most reference pictures that it takes; 0 if it reads none."""
    several_for: frozenset[str] = frozenset()
    """The looks that take as many; if there are some, its other looks take one."""
    carry: tuple[int, ...] = ()
    """Numbers of finished frames of the previous window that it can continue from; empty if windows are independent."""
    given_frames: bool = False
    """Whether frames of a window may be given, which it goes between."""
    between_given: bool = False
    """Whether it makes what lies between given frames: windows then go from one of them to the next."""
    paints_keys: bool = False
    """Whether it paints key frames of its own and carries them: given ones stay as they are, and it paints others."""
    is_edit_of_source: bool = False
    """Whether the result is an overlay on the source, with edges and details at the same positions."""
    keeps_feet: bool = False
    """Whether feet stay where they are in the source, so that they need no correction."""
    is_steady: bool = False
    """Whether its frames hold together over time by themselves, so that no flicker need be taken out."""
    keeps_outside: bool = False
    """Whether pixels outside of the restyled part stay as in the source, so that colours need no correction."""
    deterministic: Literal["anywhere", "same card", "no"] = "anywhere"
    """Where the same input and seed give the same pixels: on all machines, on the same graphics card, or nowhere."""

    @property
    def takes_paintings(self) -> bool:
        """Whether it carries frames that people painted."""
        return self.between_given or self.paints_keys

    def most_references(self, settings: Mapping[str, Any]) -> int:
        """The most reference pictures that it takes with these settings."""
        takes_one = self.several_for and settings.get("generate.look") not in self.several_for
        return min(1, self.references) if takes_one else self.references


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether an engine can run on this machine; if not, the reason and a remedy."""

    ready: bool
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """Estimated cost of a run: seconds, and peak memory."""

    seconds: float
    ram_mb: float
    vram_mb: float = 0.0
    basis: str = ""
    """What the estimate rests on, such as "rough"; empty where that goes without saying."""


@dataclass(frozen=True, slots=True)
class Call:
    """What one call of a model took. Later estimates learn from it."""

    model: str
    size: Size
    """The size that the model worked at."""
    frames: int
    steps: int
    passes: int
    """How often the model was asked: once a step, or twice with guidance."""
    seconds: float
    vram_mb: float = 0.0
    """The most of the card's memory that was taken meanwhile; 0 on a processor."""


@dataclass(frozen=True)
class Provenance:
    """Which engine, version and settings the pixels of a session come from; serializable as JSON."""

    engine: str
    version: int
    label: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class View:
    """One frame as an engine sees it: a crop of the stabilized picture.

    `corner` is the position of the crop in the stabilized picture, so that textures stay in place when crops differ.
    """

    index: int
    rgb: RGB
    matte: NDArray[np.uint8]
    keypoints: NDArray[np.float32]
    """33 x 2 positions in pixels of the crop; NaN for missing joints."""
    corner: tuple[int, int] = (0, 0)

    @property
    def size(self) -> Size:
        """The size of the crop."""
        from utils.image import Size

        return Size.of(self.rgb)


@dataclass(frozen=True)
class Style:
    """The style of a whole clip, the same for all of its windows.

    `samples` are a few views spread over the clip, from which its colours are measured. `references` are pictures that
    the result takes after, the most important first, never more than the engine takes. The digest covers both, so that
    a session can cache what it derives from them.
    """

    digest: str
    samples: Sequence[View] = field(default=(), repr=False)
    references: tuple[RGB, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Carry:
    """The end of the previous window as it was made: its last frames, and state that its engine left, such as latents.

    `valid` is a mask (0 or 255) per frame of where the previous window had pixels; elsewhere the frame is black.
    """

    frames: tuple[RGB, ...] = ()
    valid: tuple[NDArray[np.uint8], ...] = ()
    state: Mapping[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Window:
    """The input of one call of an engine: a span of frames of one segment, whose views are computed on demand."""

    span: Span
    segment: str
    size: Size
    rate: Fraction
    settings: Mapping[str, Any]
    style: Style
    views: Callable[[], Iterator[View]] = field(repr=False)
    carry: Carry | None = field(default=None, repr=False)
    controls: Mapping[Control, Callable[[View], RGB | None]] = field(default_factory=dict, repr=False)
    """Functions that give the control image of a view, for those that Caps names; None where nothing leads its frame,
    which only a guide can say."""
    given: Mapping[int, RGB] = field(default_factory=dict, repr=False)
    """Frames that are known, by index, for an engine whose Caps say that it takes some."""
    example: RGB | None = field(default=None, repr=False)
    """What people painted in the first frame that they gave, wherever in the clip: what an engine paints beside theirs
    is to look like it."""
    is_sparse: bool = False
    """Whether its frames are far apart in the clip, so that none can be carried to another."""

    @classmethod
    def single(cls, view: View, settings: Mapping[str, Any], style: Style, rate: Fraction) -> Window:
        """A window of a single view."""
        from utils.media.timebase import Span

        span = Span(view.index, view.index + 1)
        return cls(span, "preview", view.size, rate, settings, style, lambda: iter([view]))

    def __len__(self) -> int:
        return len(self.span)


@dataclass(frozen=True)
class EngineFrame:
    """A frame made by an engine, with its own matte if the engine changes the person's outline."""

    rgb: RGB
    alpha: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Output:
    """The output of an engine for one window: an iterator of its frames, and what the engine adds meanwhile.

    After the last frame, `fallbacks` says in sentences what the engine did differently than requested, `state` holds
    what the next window may continue from besides the last frames, such as latents, and `calls` what its model took.
    """

    frames: Iterator[EngineFrame]
    fallbacks: list[str] = field(default_factory=list)
    state: dict[str, NDArray[Any]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)


class Session(Protocol):
    """An opened engine. It makes window after window, also of other clips and with other settings."""

    @property
    def provenance(self) -> Provenance:
        """Which engine, version and settings its pixels come from."""
        ...

    def preview(self, window: Window, index: int) -> RGB:
        """Make one frame of a window, by its index, as cheaply as possible."""
        ...

    def run(self, window: Window, cancel: Cancel, tell: Tell) -> Output:
        """Make the frames of a window; stops between two frames or diffusion steps when cancelled."""
        ...

    def close(self) -> None:
        """Release models and memory."""
        ...


class Engine(Protocol):
    """An engine: describes itself, and opens sessions that make windows."""

    @property
    def name(self) -> str:
        """Its name in the settings."""
        ...

    @property
    def label(self) -> str:
        """Its name for people, with what it needs."""
        ...

    @property
    def version(self) -> int:
        """A number that must grow whenever its pixels may change; part of the cache key."""
        ...

    @property
    def caps(self) -> Caps:
        """Its capabilities."""
        ...

    @property
    def settings(self) -> tuple[str, ...]:
        """Dotted names of the settings that it reads; all but those of the card's memory are part of the cache key."""
        ...

    @property
    def opening(self) -> tuple[str, ...]:
        """Those of its settings that a session depends on: other values require a new session."""
        ...

    @property
    def tools(self) -> tuple[str, ...]:
        """Installed packages that its pixels depend on; their versions are part of the cache key."""
        ...

    def models(self, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """Weights that these settings use, name -> digest; they are part of the cache key.

        A session is opened for those that the settings in `opening` use; it loads others when they are asked for.
        """
        ...

    def probe(self) -> Readiness:
        """Whether it can run on this machine; must not download or load anything heavy."""
        ...

    def estimate(self, settings: Mapping[str, Any], size: Size, frames: int, device: Device) -> Cost:
        """Estimate the cost of so many frames of this size on this device; settings that are missing have defaults."""
        ...

    def open(self, settings: Mapping[str, Any], device: Device, tell: Tell) -> Session:
        """Open a session. With a model that is slow, so sessions are kept and reused."""
        ...
