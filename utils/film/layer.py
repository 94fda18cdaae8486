"""A layer of a film: something that draws on some of its frames, one after the other, in place."""

from typing import Any, Protocol

from utils.film.canvas import Canvas
from utils.media.timebase import Span


class Layer(Protocol):
    """What is drawn on the frames of a span of the film."""

    @property
    def span(self) -> Span: ...

    def apply(self, canvas: Canvas, index: int) -> None:
        """Draw on a frame of the film that lies in the span."""
        ...

    def hides(self, index: int) -> bool:
        """Whether nothing is seen any more of what is below in this frame."""
        ...

    def told(self, span: Span) -> Any:
        """All that decides what it draws on these frames, as JSON values; frames count from the first of them."""
        ...


def faded(index: int, span: Span, fade_in: int, fade_out: int) -> float:
    """The opacity in a frame of a span whose first and last frames fade; it reaches neither 0 nor 1 while it fades."""
    into = (index - span.start + 1) / (fade_in + 1)
    out = (span.stop - index) / (fade_out + 1)
    return max(0.0, min(1.0, into, out))


def placed(own: Span, within: Span) -> list[int]:
    """A layer's span counted from the first frame of another one: what a chunk's digest knows of its place."""
    return [own.start - within.start, own.stop - within.start]


def placed_as_seen(own: Span, within: Span, fade_in: int, fade_out: int) -> list[int]:
    """The place of a layer that may fade, as `placed` tells it: an end counts only if it changes inside the other."""
    start, stop = placed(own, within)
    return [0 if start + fade_in <= 0 else start, len(within) if stop - fade_out >= len(within) else stop]
