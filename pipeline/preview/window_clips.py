"""Window clips: small clips of finished windows, to be watched while the rest is still being generated.

They are cheap: reduced, at a lower frame rate, and the source is decoded once for all of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import islice
from math import ceil
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.compose.compositor import over
from pipeline.compose.steady_window import SteadyWindow
from pipeline.engines.base import EngineFrame
from pipeline.plan.stable_picture import StablePicture
from pipeline.preview.web_copies import even_size
from utils.camera.tracking import Mask
from utils.image import RGB, Box, Size, bounding_box
from utils.image.geometry import inverse, resize, shift
from utils.media.clip import Clip
from utils.media.video import ClipFrames, Frame, Rolling
from utils.media.write import ClipWriter, Encoding, Shape
from utils.progress import Cancel

TALL_PX = 360
"""The height of a window clip."""
RATE_HZ = 12
"""Every n-th frame is taken, with the largest n that leaves at least this rate."""
ENCODING = Encoding(26, "ultrafast", 2)
KEEP = 12
"""Decoded frames that are kept; windows overlap by fewer."""


@dataclass(frozen=True)
class WindowClips:
    """Writes the window clips of one run."""

    stable: StablePicture

    def write(self, path: Path, window: SteadyWindow, restyled: str, cancel: Cancel) -> None:
        """Write a window laid over the source, before feet and seams are corrected.

        `restyled` is what of the picture is generated: person, background or both.
        """
        span, step, rate = window.plan.span, self._source.step, self.stable.clip.rate
        first = -(-span.start // step)
        wanted = range(first * step, span.stop, step)
        frames = self._frames.read(range(first, first + len(wanted)))
        mattes = self.stable.analysis.mattes(wanted)
        pictures = islice(window.frames(), wanted.start - span.start, None, step)
        with ClipWriter(path, Shape.steady(self._source.size, rate / step), ENCODING) as writer:
            for frame, matte, generated in zip(frames, mattes, pictures, strict=True):
                cancel.check()
                writer.write(self._composited(frame, matte, generated, window, restyled), frame.index - first)

    @cached_property
    def _source(self) -> "_EveryNth":
        clip = self.stable.clip
        size = even_size(clip.size, min(Fraction(1), Fraction(TALL_PX, clip.size.height_px)))
        return _EveryNth(clip, size, max(1, int(clip.rate / RATE_HZ)))

    @cached_property
    def _frames(self) -> Rolling[Frame]:
        return Rolling(self._source, KEEP)

    def _composited(
        self, frame: Frame, matte: Mask, generated: EngineFrame, window: SteadyWindow, restyled: str
    ) -> RGB:
        """A generated picture laid over the reduced source frame."""
        small, crop = self._source.size, window.plan.box.size
        shrunk = Size(*(max(1, round(side * small.height_px / matte.shape[0])) for side in crop))
        crop_to_frame = inverse(self.stable.frame_to_crop(frame.index * self._source.step, window.plan.box))
        shrunk_to_small = resize(Size.of(matte), small) @ crop_to_frame @ resize(shrunk, crop)
        person = np.asarray(cv2.resize(matte, small, interpolation=cv2.INTER_AREA))
        if generated.alpha is not None:
            person = _placed(generated.alpha, shrunk, shrunk_to_small, Box(0, 0, *small))
        alpha = {"person": person, "background": 255 - person}.get(restyled, np.full_like(person, 255))
        part = bounding_box(alpha)
        if part is None:
            return frame.rgb
        result = frame.rgb.copy()
        result[part.slices] = over(
            frame.rgb[part.slices],
            _placed(generated.rgb, shrunk, shrunk_to_small, part),
            np.ascontiguousarray(alpha[part.slices]),
        )
        return result


@dataclass(frozen=True)
class _EveryNth:
    """A frame source of every n-th frame of a clip, reduced, and counted from 0."""

    clip: Clip
    size: Size
    step: int

    def __len__(self) -> int:
        return ceil(len(self.clip) / self.step)

    def read(self, wanted: Iterable[int]) -> Iterator[Frame]:
        """The wanted frames, ascending."""
        for frame in ClipFrames.of(self.clip, self.size).read(index * self.step for index in wanted):
            yield Frame(frame.index // self.step, frame.pts, frame.rgb)


def _placed(
    picture: NDArray[np.uint8], shrunk: Size, shrunk_to_small: NDArray[np.float64], part: Box
) -> NDArray[np.uint8]:
    """A crop as it lies in a part of the reduced frame; shrunk by area first, so that it does not alias."""
    small = cv2.resize(picture, shrunk, interpolation=cv2.INTER_AREA)
    edge = cv2.BORDER_REPLICATE if picture.ndim == 3 else cv2.BORDER_CONSTANT
    shrunk_to_part = shift(-part.left, -part.top) @ shrunk_to_small
    return np.asarray(cv2.warpPerspective(small, shrunk_to_part, part.size, flags=cv2.INTER_LINEAR, borderMode=edge))
