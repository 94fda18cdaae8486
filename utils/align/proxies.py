"""Proxies: the luma of all frames of a clip, reduced, with the times that they are shown at."""

import os
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.media.clip import Clip
from utils.media.video import ClipBrightness
from utils.size import Size

Luma = NDArray[np.uint8]
Times = NDArray[np.float64]
WIDTH_PX, LEAST_WIDTH_PX, MOST_BYTES = 320, 160, 10**9
"""How wide the pictures are: as wide as usual, narrower where all of a clip would take more than so many bytes."""
AROUND_FRAMES, STEPS = 31, (0.1, 4.0)
"""Over how many frames it is looked how long they usually are, and the shortest and longest that are believed."""


class Pictures(Protocol):
    """The pictures of a clip, each h x w."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Luma: ...


class StoredPictures:
    """The pictures in a .npy file, each read when it is asked for: the others take no memory."""

    def __init__(self, path: Path) -> None:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        self.shape: tuple[int, ...] = mapped.shape
        self._start, self._bytes = mapped.offset, int(np.prod(self.shape[1:]))
        self._path = path

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int) -> Luma:
        if not 0 <= index < len(self):
            raise IndexError(index)
        read = os.pread(self._file, self._bytes, self._start + index * self._bytes)
        return np.frombuffer(read, np.uint8).reshape(self.shape[1:])

    @cached_property
    def _file(self) -> int:
        file = os.open(self._path, os.O_RDONLY)
        weakref.finalize(self, os.close, file)
        return file


@dataclass(frozen=True)
class Proxies:
    """The frames of a clip as n x h x w luma, and the size of its pictures."""

    luma: Pictures
    times_s: Times
    size: Size

    @classmethod
    def of(cls, clip: Clip) -> "Proxies":
        """Decode a clip once, into memory."""
        planes = list[Luma]()
        decode(clip, planes.append)
        return cls(np.array(planes), times_of(clip), clip.size)

    def __len__(self) -> int:
        return len(self.luma)

    def only(self, indices: Sequence[int]) -> "Proxies":
        """Only some of the frames."""
        luma = np.empty((len(indices), *self.luma.shape[1:]), np.uint8)
        for number, index in enumerate(indices):
            luma[number] = self.luma[index]
        return Proxies(luma, self.times_s[list(indices)], self.size)

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

    @cached_property
    def clock(self) -> Times:
        """When each frame is shown, in frames as long as those around it: its index, where all are equally long."""
        gaps = np.diff(self.times_s)
        padded = np.pad(gaps, AROUND_FRAMES // 2, mode="edge")
        usual = np.median(np.lib.stride_tricks.sliding_window_view(padded, AROUND_FRAMES), axis=1)
        steps = np.clip(gaps / np.maximum(usual, 1e-6), *STEPS)
        return np.concatenate([[0.0], np.cumsum(steps)])


def decode(clip: Clip, take: Callable[[Luma], object]) -> None:
    """Decode all frames of a clip, each of which is given away reduced."""
    small = proxy_size(clip.size, len(clip))
    for plane in islice(ClipBrightness(clip), len(clip)):
        take(np.asarray(cv2.resize(plane, small, interpolation=cv2.INTER_AREA)))


def write(clip: Clip, path: Path, check: Callable[[int], None]) -> None:
    """Decode a clip once, into a .npy file; `check` is called with the number of frames that are done."""
    small, done = proxy_size(clip.size, len(clip)), 0
    with path.open("wb") as file:
        shape = (len(clip), small.height_px, small.width_px)
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)  # type: ignore[no-untyped-call]

        def take(luma: Luma) -> None:
            nonlocal done
            file.write(luma.tobytes())
            done += 1
            check(done)

        decode(clip, take)


def times_of(clip: Clip) -> Times:
    """When each frame of a clip is shown, in s."""
    return np.array([float(clip.time_s(index)) for index in range(len(clip))])


def proxy_size(size: Size, frames: int) -> Size:
    """The size of the proxies of a clip."""
    affordable_px = np.sqrt(MOST_BYTES / frames * size.width_px / size.height_px)
    width_px = min(WIDTH_PX, max(LEAST_WIDTH_PX, affordable_px), size.width_px)
    return size.scaled(width_px / size.width_px)
