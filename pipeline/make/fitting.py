"""Fitting: a window padded to a length and size that an engine takes, and what it made cut back to the window."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipeline.engines.base import Caps, Carry, EngineFrame, View, Window
from utils.image import RGB, Size
from utils.media.timebase import Span


@dataclass(frozen=True)
class Fitting:
    """How many frames are added at the end, and how many pixels on the right and at the bottom."""

    frames: int
    right_px: int
    below_px: int

    @classmethod
    def of(cls, window: Window, caps: Caps) -> "Fitting":
        """What a window lacks; nothing where the planner could give it the shape that the engine wants."""
        multiple = caps.size_multiple
        frames = caps.lengths.fitting(len(window)) - len(window)
        return cls(frames, -window.size.width_px % multiple, -window.size.height_px % multiple)

    @property
    def is_needed(self) -> bool:
        """Whether anything is missing."""
        return bool(self.frames or self.right_px or self.below_px)

    def padded(self, window: Window) -> Window:
        """The window as the engine gets it: its last frame held, its edges drawn out, nobody in what was added."""
        if not self.is_needed:
            return window
        return replace(
            window,
            span=Span(window.span.start, window.span.stop + self.frames),
            size=Size(window.size.width_px + self.right_px, window.size.height_px + self.below_px),
            views=lambda: self._views(window),
            carry=self._carry(window.carry) if window.carry else None,
        )

    def cut(self, made: Iterable[EngineFrame], window: Window) -> Iterator[EngineFrame]:
        """Frames of the padded window as frames of the window itself."""
        if not self.is_needed:
            yield from made
            return
        rows, columns = slice(window.size.height_px), slice(window.size.width_px)
        for count, each in enumerate(made):
            if count < len(window):
                alpha = None if each.alpha is None else each.alpha[rows, columns]
                yield EngineFrame(np.ascontiguousarray(each.rgb[rows, columns]), alpha)

    def _views(self, window: Window) -> Iterator[View]:
        view = None
        for view in window.views():
            yield self._view(view)
        assert view is not None
        for more in range(1, self.frames + 1):
            yield replace(self._view(view), index=view.index + more)

    def _view(self, view: View) -> View:
        return replace(view, rgb=self._drawn_out(view.rgb), matte=self._bordered(view.matte, cv2.BORDER_CONSTANT))

    def _carry(self, carry: Carry) -> Carry:
        return replace(
            carry,
            frames=tuple(map(self._drawn_out, carry.frames)),
            valid=tuple(self._bordered(each, cv2.BORDER_CONSTANT) for each in carry.valid),
        )

    def _drawn_out(self, picture: RGB) -> RGB:
        return self._bordered(picture, cv2.BORDER_REPLICATE)

    def _bordered(self, picture: RGB, kind: int) -> RGB:
        return np.asarray(cv2.copyMakeBorder(picture, 0, self.below_px, 0, self.right_px, kind))
