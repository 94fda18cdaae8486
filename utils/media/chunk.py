"""Lossless chunks: intermediate pictures between stages, bit for bit, as small video files.

They are encoded with MagicYUV in RGB, each picture by itself, so that reading can start anywhere. Lossless x264 takes
1.7 times as long for files that are a tenth smaller (of a painted person), FFV1 six times (benchmarks/chunks.py).
A strip is a long run of pictures, split into several chunks.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, groupby, islice
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from utils.errors import UnreadableClip, WriteError
from utils.media.colour import samples
from utils.media.decode import Losses, open_input, packets, picture_stream

Pictures = NDArray[np.uint8]
"""H x W x 3 (RGB) or H x W (one channel, such as a matte)."""

RATE_HZ = 25
CHUNK_FRAMES = 96
"""Pictures per chunk of a strip."""
FULL_RANGE = 2
_FORMATS = {3: "gbrp", 2: "gray"}
"""The pixel format by the number of an array's axes."""


def write_chunk(path: Path, pictures: Iterable[Pictures]) -> int:
    """Write pictures of one size and kind; returns how many. Atomic replacement is up to the caller."""
    count = 0
    try:
        with av.open(str(path.absolute()), "w", format="nut", options={"fflags": "+bitexact"}) as output:
            for count, picture in enumerate(pictures, start=1):
                if count == 1:
                    shape, stream = picture.shape, _add_stream(output, picture)
                if picture.shape != shape or picture.dtype != np.uint8:
                    raise ValueError(f"a picture of {picture.shape} {picture.dtype} in a chunk of {shape}")
                frame = _frame(picture)
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
    with open_input(path) as container:
        stream = picture_stream(container, path)
        for packet in islice(packets(container, stream, Losses()), start, None):
            for frame in _decoded(packet, path):
                read += 1
                yield _pixels(frame)
    if read != count:
        raise _damaged(path)


def write_strip(folder: Path, name: str, pictures: Iterable[Pictures]) -> int:
    """Write pictures as a strip of chunks, `name`-0000.nut and so on; returns how many there were."""
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
    return f"{name}-{number:04}.nut"


def _add_stream(output: OutputContainer, picture: Pictures) -> VideoStream:
    """Add the lossless video stream for pictures like this one."""
    stream: VideoStream = output.add_stream(
        "magicyuv",
        rate=RATE_HZ,
        width=picture.shape[1],
        height=picture.shape[0],
        pix_fmt=_FORMATS[picture.ndim],
        options={"pred": "gradient"},
    )
    stream.codec_context.thread_count = 1
    stream.codec_context.color_range = FULL_RANGE
    return stream


def _frame(picture: Pictures) -> av.VideoFrame:
    """A picture as the encoder takes it, in planes."""
    frame = av.VideoFrame(picture.shape[1], picture.shape[0], _FORMATS[picture.ndim])
    planes = [samples(plane) for plane in frame.planes]
    if picture.ndim == 2:
        planes[0][:] = picture
    else:
        green, blue, red = planes
        cv2.mixChannels([np.ascontiguousarray(picture)], [red, green, blue], [0, 0, 1, 1, 2, 2])
    return frame


def _decoded(packet: "av.Packet[VideoStream]", path: Path) -> list[av.VideoFrame]:
    """The pictures of a packet; no damage is tolerated."""
    try:
        return packet.decode()
    except av.FFmpegError as error:
        raise _damaged(path) from error


def _pixels(frame: av.VideoFrame) -> Pictures:
    """A decoded frame as RGB, or its only plane."""
    if frame.format.name == "gbrp":
        green, blue, red = map(samples, frame.planes)
        return np.asarray(cv2.merge([red, green, blue]), np.uint8)
    return np.ascontiguousarray(samples(frame.planes[0]))


def _damaged(path: Path) -> UnreadableClip:
    return UnreadableClip(
        f"The intermediate file {path.name!r} is damaged.", "Run `python -m pipeline cache verify` and try again."
    )
