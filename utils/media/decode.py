"""From a file to decoded pictures: which formats are opened, and what happens when one does not decode.

Probing and reading share this loop, so the frames that were counted are the frames that are read.
"""

import os
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from errno import ENOMEM
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from utils.errors import UnreadableClip

StreamT = TypeVar("StreamT", AudioStream, VideoStream)

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,gif,apng,mxf,dv,ivf,nut,"
    "h264,hevc,av1,obu,m4v,mjpeg,yuv4mpegpipe,wav,mp3,flac,aac"
)
"""What may be opened. Playlists (HLS, DASH, ffconcat) and everything that reaches for other files are left out."""

OPEN_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
DECODING_THREADS = min(8, os.cpu_count() or 1)
"""More gain little, and each holds pictures of its own."""

_BEFORE_ALL = -(1 << 62)


@dataclass(slots=True)
class Losses:
    """What a pass over the file met and could not use. Nothing of it is silent: it becomes notes on the Clip."""

    packets: int = 0
    damaged_packets: int = 0
    dropped_frames: int = 0
    flawed_frames: int = 0
    hidden_packets: int = 0
    key_bytes: dict[int, int] = field(default_factory=dict)
    """Where in the file the packet of each key frame lies, by its pts."""

    @property
    def any(self) -> bool:
        """Whether something is missing."""
        return self.damaged_packets + self.dropped_frames > 0


DEEPEST_REORDERING = 32
"""Packets: no codec holds more pictures back than this."""

SKIPPING = ("h264", "hevc")
"""Decoders that can be told from packet to packet to leave out pictures that no other builds on."""


@dataclass(slots=True)
class Goal:
    """The picture that is wanted next: those before it that nothing builds on need not be decoded."""

    pts: int = _BEFORE_ALL


@contextmanager
def open_input(path: Path) -> Iterator[InputContainer]:
    """The file as a container; only local files, only formats that cannot lead to other files."""
    try:
        container = av.open(str(path), options=dict(OPEN_OPTIONS), metadata_errors="replace")
    except MemoryError:
        raise
    except (av.FFmpegError, OSError, ValueError) as error:
        if getattr(error, "errno", None) == ENOMEM:
            raise MemoryError from error
        raise UnreadableClip(
            f"{path.name!r} cannot be opened as a video ({_reason(error)}).",
            "Play it in a media player; if it plays there, convert it to MP4 and try again.",
        ) from error
    with container:
        yield container


def picture_stream(container: InputContainer, path: Path, *, intact: bool = True) -> VideoStream:
    """The stream to show: the largest, cover art left aside.

    A damaged one is decoded frame after frame: threads that run ahead lose track of which packet failed.
    """
    streams = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic
    ]
    if not streams:
        raise UnreadableClip(
            f"There is no picture in {path.name!r}: it has {_kinds(container)}.",
            "Choose a file with a video track that a media player can show.",
        )
    stream = max(streams, key=lambda each: (each.width * each.height, bool(each.disposition & Disposition.default)))
    stream.thread_type = "AUTO" if intact else "SLICE"
    stream.codec_context.thread_count = DECODING_THREADS
    return stream


def decode(
    container: InputContainer,
    stream: VideoStream,
    losses: Losses,
    *,
    from_key: bool = False,
    goal: Goal | None = None,
) -> Generator[av.VideoFrame]:
    """Every picture that decodes, in order of showing.

    After damage (and with `from_key`, after a seek) it goes on at the next key frame, so that no picture is
    shown that was built on a missing one.
    """
    damage = _Damage(_BEFORE_ALL) if from_key else None
    fed: deque[int | None] = deque(maxlen=DEEPEST_REORDERING)
    for packet in packets(container, stream, losses):
        losses.packets += packet.size > 0
        losses.hidden_packets += packet.is_discard
        if packet.is_keyframe and packet.pts is not None and packet.pos is not None:
            losses.key_bytes[packet.pts] = packet.pos
        if goal is not None and packet.pts is not None and stream.codec_context.name in SKIPPING:
            stream.codec_context.skip_frame = "NONREF" if packet.pts < goal.pts else "DEFAULT"
        try:
            frames = packet.decode()
        except MemoryError:  # a limit of ours is no damage of the file's
            raise
        except av.FFmpegError:
            losses.damaged_packets += 1
            damage = damage or _Damage(packet.pts or 0, frozenset(fed))
            continue
        fed.append(packet.pts)
        for frame in frames:
            if damage is not None and damage.ends_with(frame):
                damage = None
            if damage is not None and not damage.spares(frame):
                losses.dropped_frames += 1
                continue
            losses.flawed_frames += frame.is_corrupt
            yield frame


@dataclass(frozen=True, slots=True)
class _Damage:
    """Where a packet failed, and which pictures were decoded before it and are still on their way out."""

    pts: int
    before: frozenset[int | None] = frozenset()

    def ends_with(self, frame: av.VideoFrame) -> bool:
        """Nothing builds across a key frame that is shown after it."""
        return bool(frame.key_frame) and (frame.pts or 0) >= self.pts

    def spares(self, frame: av.VideoFrame) -> bool:
        """What was decoded and is shown before it is whole; all else may be built on what is missing."""
        return frame.pts in self.before and (frame.pts or 0) < self.pts and not frame.is_corrupt


def decode_sound(container: InputContainer, stream: AudioStream, losses: Losses) -> Iterator[av.AudioFrame]:
    """Every piece of sound that decodes and has a time."""
    for packet in packets(container, stream, losses):
        try:
            frames = packet.decode()
        except MemoryError:
            raise
        except av.FFmpegError:
            losses.damaged_packets += 1
            continue
        yield from (frame for frame in frames if frame.pts is not None)


def packets(container: InputContainer, stream: StreamT, losses: Losses) -> Iterator["av.Packet[StreamT]"]:
    """Packets to the end, or to where the file breaks off; the last is empty and asks for what is still inside."""
    demuxed = container.demux(stream)
    while True:
        try:
            yield next(demuxed)
        except StopIteration:
            return
        except MemoryError:
            raise
        except (av.FFmpegError, IndexError) as error:  # an index error: a stream that appeared on the way
            losses.damaged_packets += isinstance(error, av.FFmpegError)
            last: av.Packet[StreamT] = av.Packet()  # type: ignore[assignment]
            last.stream = stream
            yield last
            return


def moment_s(frame: av.AudioFrame) -> Fraction:
    """When a piece of sound begins, on the file's own clock."""
    return Fraction(frame.pts or 0) * Fraction(frame.time_base or 0)


def _reason(error: Exception) -> str:
    """The library's own words, as a clause."""
    text = getattr(error, "strerror", None) or str(error)
    if text == "Invalid argument":
        return "its format is not supported"
    return str(text)[:1].lower() + str(text)[1:]


def _kinds(container: InputContainer) -> str:
    kinds = [stream.type for stream in container.streams]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)) or "no streams"
