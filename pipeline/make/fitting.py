"""Pads a window to a length and size that an engine accepts, and crops the engine's output back to the window."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import Caps, Carry, EngineFrame, View, Window
from utils.image import RGB, Size
from utils.media.timebase import Span


@dataclass(frozen=True)
class Fitting:
    """The padding of a window: frames at its end, and pixels on the right and at the bottom."""

    frames: int
    right_px: int
    below_px: int

    @classmethod
    def of(cls, window: Window, caps: Caps) -> "Fitting":
        """The padding that a window needs; none if the planner could already give it an accepted shape."""
        multiple = caps.size_multiple
        frames = caps.lengths.fitting(len(window)) - len(window)
        return cls(frames, -window.size.width_px % multiple, -window.size.height_px % multiple)

    @property
    def is_needed(self) -> bool:
        """Whether there is any padding."""
        return bool(self.frames or self.right_px or self.below_px)

    def padded(self, window: Window) -> Window:
        """The padded window: its last frame and its border pixels are repeated; the matte of the padding is empty."""
        if not self.is_needed:
            return window
        return replace(
            window,
            span=Span(window.span.start, window.span.stop + self.frames),
            size=Size(window.size.width_px + self.right_px, window.size.height_px + self.below_px),
            views=lambda: self._views(window),
            carry=self._carry(window.carry) if window.carry else None,
            given={index: self._replicated(picture) for index, picture in window.given.items()},
        )

    def cut(self, frames: Iterable[EngineFrame], window: Window) -> Iterator[EngineFrame]:
        """Crop the frames of the padded window to those of the window itself."""
        if not self.is_needed:
            yield from frames
            return
        rows, columns = slice(window.size.height_px), slice(window.size.width_px)
        for count, frame in enumerate(frames):
            if count < len(window):
                alpha = None if frame.alpha is None else frame.alpha[rows, columns]
                yield EngineFrame(np.ascontiguousarray(frame.rgb[rows, columns]), alpha)

    def _views(self, window: Window) -> Iterator[View]:
        view = None
        for view in window.views():
            yield self._view(view)
        assert view is not None
        for more in range(1, self.frames + 1):
            yield replace(self._view(view), index=view.index + more)

    def _view(self, view: View) -> View:
        return replace(view, rgb=self._replicated(view.rgb), matte=self._bordered(view.matte, cv2.BORDER_CONSTANT))

    def _carry(self, carry: Carry) -> Carry:
        return replace(
            carry,
            frames=tuple(map(self._replicated, carry.frames)),
            valid=tuple(self._bordered(mask, cv2.BORDER_CONSTANT) for mask in carry.valid),
        )

    def _replicated(self, picture: RGB) -> RGB:
        return self._bordered(picture, cv2.BORDER_REPLICATE)

    def _bordered(self, picture: RGB, kind: int) -> RGB:
        return np.asarray(cv2.copyMakeBorder(picture, 0, self.below_px, 0, self.right_px, kind))


def filled(picture: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """A picture of a window that was not padded yet, grown to the size of its padded views as these are."""
    right_px, below_px = (side - own for side, own in zip(size, Size.of(picture), strict=True))
    return np.asarray(cv2.copyMakeBorder(picture, 0, below_px, 0, right_px, cv2.BORDER_REPLICATE))
