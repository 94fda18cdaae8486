"""Depth as a control image: near is white, far is black, in one scale for a window, so that it does not flicker."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import View
from pipeline.make.fitting import filled
from utils.image import RGB, Size

Views = Callable[[], Iterator[View]]
IGNORED_PERCENT = 1.0
"""Share of the pixels of a window that may be nearer than white, and farther than black."""


@dataclass
class WindowDepth:
    """Draws the depth of a window's views. All of them are looked at when the first is asked for."""

    views: Views
    _drawn: dict[int, NDArray[np.uint8]] = field(default_factory=dict)
    _size: Size = field(default_factory=lambda: Size(0, 0))

    def __call__(self, view: View) -> RGB:
        """The depth of a view; views beyond the window's last, which only fill it up, are as that one."""
        if not self._drawn:
            self._draw()
        small = self._drawn[min(view.index, max(self._drawn))]
        grey = cv2.resize(small, self._size, interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.merge([filled(grey, view.size)] * 3))

    def _draw(self) -> None:
        from pipeline.engines.diffusion.depth import nearness

        indices = list[int]()

        def pictures() -> Iterator[RGB]:
            for view in self.views():
                indices.append(view.index)
                self._size = view.size
                yield view.rgb

        near = nearness(pictures())
        black, white = np.percentile(np.stack(near), (IGNORED_PERCENT, 100 - IGNORED_PERCENT))
        scale = 255 / max(float(white - black), 1e-6)
        greys = [np.asarray(np.clip((each - black) * scale, 0, 255), np.uint8) for each in near]
        self._drawn = dict(zip(indices, greys, strict=True))
