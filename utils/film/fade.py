"""Fades: the picture comes out of black, or goes into it."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from utils.film.canvas import BLACK, GREY, Canvas
from utils.film.layer import placed
from utils.media.timebase import Span


@dataclass(frozen=True)
class Fade:
    """A span over which the picture becomes brighter from black on, or darker until it is black."""

    span: Span
    out: bool = False

    def light(self, index: int) -> float:
        """How much of the picture's light is left, 0 to 1."""
        done = (index - self.span.start + 0.5) / len(self.span)
        return 1 - done if self.out else done

    def apply(self, canvas: Canvas, index: int) -> None:
        """Darken the frame."""
        light, levels = self.light(index), np.arange(256, dtype=np.float64)
        black = 0 if canvas.full_range else BLACK
        for plane, rest in zip(canvas.own(), (black, GREY, GREY), strict=True):
            table = np.rint(rest + (levels - rest) * light).clip(0, 255).astype(np.uint8)
            plane[:] = cv2.LUT(plane, table)

    def hides(self, index: int) -> bool:
        """A fade is taken for something that leaves the picture visible."""
        return False

    def told(self, span: Span) -> Any:
        """Where it lies, and its direction."""
        return ["fade", *placed(self.span, span), self.out]
