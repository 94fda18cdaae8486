"""Proxies: the luma of all frames of a clip, reduced, with the times that they are shown at."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.media.clip import Clip
from utils.media.video import ClipBrightness
from utils.size import Size

Luma = NDArray[np.uint8]
Times = NDArray[np.float64]
WIDTH_PX = 320


@dataclass(frozen=True)
class Proxies:
    """The frames of a clip as n x h x w luma, and the size of its pictures."""

    luma: Luma
    times_s: Times
    size: Size

    @classmethod
    def of(cls, clip: Clip, check: Callable[[int], None] = lambda done: None) -> "Proxies":
        """Decode a clip once; `check` is called with the number of frames that are done."""
        small = clip.size.scaled(min(1.0, WIDTH_PX / clip.size.width_px))
        luma = np.empty((len(clip), small.height_px, small.width_px), np.uint8)
        for index, plane in enumerate(islice(ClipBrightness(clip), len(clip))):
            luma[index] = cv2.resize(plane, small, interpolation=cv2.INTER_AREA)
            check(index + 1)
        times_s = np.array([float(clip.time_s(index)) for index in range(len(clip))])
        return cls(luma, times_s, clip.size)

    def __len__(self) -> int:
        return len(self.luma)

    def every(self, step: int) -> "Proxies":
        """Only every so many frames."""
        return Proxies(self.luma[::step], self.times_s[::step], self.size)

    @property
    def small(self) -> Size:
        """The size of the proxies."""
        return Size(self.luma.shape[2], self.luma.shape[1])

    @property
    def reduction(self) -> tuple[float, float]:
        """Pixels of a proxy for each pixel of the clip, across and down."""
        return self.small.width_px / self.size.width_px, self.small.height_px / self.size.height_px

    @cached_property
    def rate(self) -> float:
        """Frames per second, on average."""
        span_s = self.times_s[-1] - self.times_s[0]
        return (len(self) - 1) / span_s if span_s > 0 else 1.0
