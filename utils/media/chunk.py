"""Lossless chunks: intermediate pictures between stages, bit for bit, as small video files.

They are encoded with lossless x264 in RGB at its fastest preset: beside FFV1 it writes and reads more than twice as
fast, and its files are smaller (benchmarks/chunks.py). A strip is a long run of pictures, split into several chunks.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain, groupby, islice
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
"""Distance of key frames, so that reading can start in the middle of a chunk."""
CHUNK_FRAMES = 96
"""Pictures per chunk of a strip."""
FULL_RANGE = 2
THREADS = 4
_FORMATS: dict[int, tuple[str, str, Literal["rgb24", "gray"]]] = {
    3: ("libx264rgb", "rgb24", "rgb24"),
    2: ("libx264", "gray", "gray"),
}


def write_chunk(path: Path, pictures: Iterable[Pictures]) -> int:
    """Write pictures of one size and kind; returns how many. Atomic replacement is up to the caller."""
    count = 0
    try:
        with av.open(str(path.absolute()), "w", format="matroska", options={"fflags": "+bitexact"}) as output:
            for count, picture in enumerate(pictures, start=1):
                if count == 1:
                    shape, stream = picture.shape, _add_stream(output, picture)
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
    """Read the pictures of a chunk of `count`, from `start` on, exactly as they were written.

    A chunk with missing pictures is refused; that its bytes are unchanged is verified by the cache.
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


def write_strip(folder: Path, name: str, pictures: Iterable[Pictures]) -> int:
    """Write pictures as a strip of chunks, `name`-0000.mkv and so on; returns how many there were."""
    count, remaining = 0, iter(pictures)
    for number, first in enumerate(remaining):
        count += write_chunk(folder / _chunk_name(name, number), chain([first], islice(remaining, CHUNK_FRAMES - 1)))
    return count


def read_strip(folder: Path, name: str, count: int, wanted: Iterable[int]) -> Iterator[Pictures]:
    """Read the pictures of the given ascending indices from a strip of `count`; only the chunks needed are read."""
    for number, group in groupby(wanted, lambda index: index // CHUNK_FRAMES):
        start, remaining = number * CHUNK_FRAMES, set(group)
        if max(remaining) >= count:
            raise ValueError(f"picture {max(remaining)} of a strip of {count}")
        first = min(remaining)
        pictures = read_chunk(folder / _chunk_name(name, number), min(CHUNK_FRAMES, count - start), first - start)
        for index, picture in enumerate(pictures, start=first):
            if index in remaining:
                yield picture
                remaining.remove(index)
            if not remaining:
                break


def _chunk_name(name: str, number: int) -> str:
    """File name of a chunk."""
    return f"{name}-{number:04}.mkv"


def _add_stream(output: OutputContainer, picture: Pictures) -> VideoStream:
    """Add the lossless video stream for pictures like this one."""
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
    """A decoded frame as RGB, or its luma plane: one-channel video is decoded as 4:2:0 with empty chroma."""
    if frame.format.name == "gbrp":
        green, blue, red = map(samples, frame.planes)
        return np.asarray(cv2.merge([red, green, blue]), np.uint8)
    return np.ascontiguousarray(samples(frame.planes[0]))
