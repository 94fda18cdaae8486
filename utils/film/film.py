"""A film: a clip's frames by a timeline, with layers drawn on them in their order, one frame at a time."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import av

from utils.film.canvas import Canvas
from utils.film.in_order import UNSEEN, InOrder
from utils.film.inset import Inset
from utils.film.layer import Layer
from utils.film.repaint import Repaint
from utils.film.timeline import Timeline
from utils.image import Size
from utils.media.clip import Clip
from utils.media.colour import ColourTags
from utils.media.timebase import Span

LEAST, MOST = 150, 250
"""Frames of a chunk. It ends at the last cut between these, so that a change before a cut leaves what follows alone;
x264 begins anew after 250 frames anyway."""


@dataclass(frozen=True)
class Film:
    """What is seen of a film."""

    clip: Clip
    timeline: Timeline
    size: Size
    layers: tuple[Layer, ...] = ()

    def __len__(self) -> int:
        return len(self.timeline)

    @property
    def rate(self) -> Fraction:
        """Frames a second."""
        return self.timeline.rate

    @property
    def colour(self) -> ColourTags:
        """That of its pictures: the clip's own."""
        return self.clip.colour.worked

    @cached_property
    def shown(self) -> "array[int]":
        """The clip's frame in each frame of the film; UNSEEN where a layer hides it. Hours have hundred thousands."""
        shown = array("q", self.timeline.shown(self.clip))
        for layer in self.layers:
            for index in layer.span:
                if layer.hides(index):
                    shown[index] = UNSEEN
        return shown

    def is_hidden(self, index: int) -> bool:
        """Whether nothing of the clip is seen in a frame."""
        return self.shown[index] == UNSEEN

    def chunks(self) -> list[Span]:
        """Spans that are encoded one by one."""
        cuts, spans, start = self.timeline.cuts, list[Span](), 0
        while start < len(self):
            fitting = [cut for cut in cuts if start + LEAST <= cut <= start + MOST]
            stop = len(self) if len(self) - start <= MOST else max(fitting, default=start + MOST)
            spans.append(Span(start, stop))
            start = stop
        return spans

    def told(self, span: Span) -> dict[str, Any]:
        """All that decides the pictures of a span, as JSON values; equal ones give equal pictures."""
        told = {
            "clip": self.clip.digest,
            "rate": str(self.rate),
            "size": list(self.size),
            **self._seen(span, self.layers),
        }
        before, lowest = self.before(span.start)
        return told | {"before": self._seen(before, lowest)} if before else told

    def _seen(self, span: Span, layers: tuple[Layer, ...]) -> dict[str, Any]:
        return {
            "shown": [None if each == UNSEEN else each for each in self.shown[span.start : span.stop]],
            "layers": [layer.told(span) for layer in layers if layer.span & span],
        }

    def before(self, index: int) -> tuple[Span, tuple[Layer, ...]]:
        """The frames that a frame depends on, and the lowest layers, which are all that matters of those."""
        first, count = index, 0
        for number in reversed(range(len(self.layers))):
            layer = self.layers[number]
            if isinstance(layer, Repaint) and (since := layer.since(first)) < first:
                first, count = since, max(count, number + 1)
        return Span(first, index), self.layers[:count]


class Showing:
    """A film whose pictures are being drawn. Spans that follow each other continue decoding where it was."""

    def __init__(self, film: Film) -> None:
        self.film = film
        self._base = InOrder(film.clip, film.colour, film.shown)
        self._canvas = Canvas(film.size, full_range=film.colour.full_range)
        self._drawn: int | None = None
        """The last frame that was drawn with all of its layers."""

    def pictures(self, span: Span) -> Iterator[av.VideoFrame]:
        """The finished pictures of a span, for the encoder."""
        if self._drawn is None or self._drawn + 1 != span.start:
            for _ in self._pictures(*self.film.before(span.start)):
                pass
        for index, picture in zip(span, self._pictures(span, self.film.layers), strict=True):
            self._drawn = index
            yield picture

    def _pictures(self, span: Span, among: tuple[Layer, ...]) -> Iterator[av.VideoFrame]:
        layers = [layer for layer in among if layer.span & span]
        for index in span:
            touching = [layer for layer in layers if index in layer.span]
            lowest = max((number for number, layer in enumerate(touching) if layer.hides(index)), default=0)
            self._canvas.begin(None if self.film.is_hidden(index) else self._base.at(index))
            for layer in touching[lowest:]:
                layer.apply(self._canvas, index)
            yield self._canvas.picture()

    def bare(self, index: int) -> av.VideoFrame:
        """A frame without its layers, none of which may hide it; with them it can follow without decoding again."""
        self._canvas.begin(self._base.at(index))
        return self._canvas.picture()

    def close(self) -> None:
        """Stop decoding."""
        self._base.close()
        for layer in self.film.layers:
            if isinstance(layer, Inset):
                layer.close()
