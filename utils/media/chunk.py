"""Lossless chunks: intermediate pictures between stages, bit for bit, as small video files.

x264 in RGB without loss at its fastest: measured beside FFV1 it writes and reads more than twice as fast, and its files
are smaller (benchmarks/chunks.py).
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from utils.errors import UnreadableClip, WriteError
from utils.media.colour import samples
from utils.media.decode import Losses, decode, open_input, picture_stream

Pictures = NDArray[np.uint8]
"""H x W x 3 (RGB) or H x W (one channel, such as a matte)."""

RATE_HZ = 25
KEY_EVERY = 24
FULL_RANGE = 2
THREADS = 4
_FORMATS: dict[int, tuple[str, str, Literal["rgb24", "gray"]]] = {
    3: ("libx264rgb", "rgb24", "rgb24"),
    2: ("libx264", "gray", "gray"),
}


def write_chunk(path: Path, pictures: Iterable[Pictures]) -> int:
    """Write pictures of one size and kind; returns how many. The caller owns the path and its atomicity."""
    count = 0
    try:
        with av.open(str(path.absolute()), "w", format="matroska", options={"fflags": "+bitexact"}) as output:
            for count, picture in enumerate(pictures, start=1):
                if count == 1:
                    shape, stream = picture.shape, _add(output, picture)
                if picture.shape != shape or picture.dtype != np.uint8:
                    raise ValueError(f"a picture of {picture.shape} {picture.dtype} in a chunk of {shape}")
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=_FORMATS[picture.ndim][2])
                frame.pts, frame.color_range = count - 1, FULL_RANGE
                output.mux(stream.encode(frame))
            if count:
                output.mux(stream.encode(None))
    except (av.FFmpegError, OSError) as error:
        raise WriteError(
            f"The intermediate file {path.name!r} could not be written: {error.strerror or error}.",
            f"Make room on the disk that holds {str(path.parent)!r} and run it again.",
        ) from error
    return count


def read_chunk(path: Path, count: int, start: int = 0) -> Iterator[Pictures]:
    """The pictures of a chunk of `count` from `start` on, in order, exactly as they were written.

    A chunk that lost some is refused; that its bytes are the ones written is for the cache to vouch.
    """
    read = start
    losses = Losses()
    with open_input(path) as container:
        stream = picture_stream(container, path)
        if start >= KEY_EVERY and stream.time_base:
            container.seek(round(start / RATE_HZ / stream.time_base), stream=stream)
        with closing(decode(container, stream, losses)) as frames:
            for frame in frames:
                if round((frame.time or 0) * RATE_HZ) >= start:
                    read += 1
                    yield _pixels(frame)
    if losses.any or losses.flawed_frames or read != count:
        raise UnreadableClip(
            f"The intermediate file {path.name!r} is damaged.", "Run `python -m pipeline cache verify` and try again."
        )


def _add(output: OutputContainer, picture: Pictures) -> VideoStream:
    codec, pixel_format, _ = _FORMATS[picture.ndim]
    stream: VideoStream = output.add_stream(  # type: ignore[assignment]
        codec,
        rate=RATE_HZ,
        width=picture.shape[1],
        height=picture.shape[0],
        pix_fmt=pixel_format,
        options={"qp": "0", "preset": "ultrafast", "g": str(KEY_EVERY)},
    )
    stream.codec_context.thread_count = THREADS
    stream.codec_context.color_range = FULL_RANGE
    return stream


def _pixels(frame: av.VideoFrame) -> Pictures:
    """RGB, or the luma plane alone: one-channel video comes back as 4:2:0 with empty colour."""
    if frame.format.name == "gbrp":
        green, blue, red = map(samples, frame.planes)
        return np.asarray(cv2.merge([red, green, blue]), np.uint8)
    return np.ascontiguousarray(samples(frame.planes[0]))
