"""Decoding: which formats are opened, and what happens with packets that do not decode.

Probing and reading share this loop, so that the frames that were counted are the frames that are read.
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
"""Formats that may be opened. Playlists (HLS, DASH, ffconcat) and others that refer to further files are left out."""

OPEN_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
DECODING_THREADS = min(8, os.cpu_count() or 1)
"""More threads gain little, and each holds pictures of its own."""

_BEFORE_ALL = -(1 << 62)


@dataclass(slots=True)
class Losses:
    """Counts of what a pass over a file could not use. They become notes on the Clip, so that nothing is silent."""

    packets: int = 0
    damaged_packets: int = 0
    dropped_frames: int = 0
    flawed_frames: int = 0
    hidden_packets: int = 0
    key_bytes: dict[int, int] = field(default_factory=dict)
    """Position in the file of each key frame's packet, by pts."""

    @property
    def any(self) -> bool:
        """Whether pictures or sound are missing."""
        return self.damaged_packets + self.dropped_frames > 0


DEEPEST_REORDERING = 32
"""Number of packets; no codec holds more pictures back than this."""

SKIPPING = ("h264", "hevc")
"""Decoders that can skip non-reference pictures, switched from packet to packet."""


@dataclass(slots=True)
class Goal:
    """The picture wanted next; non-reference pictures before it need not be decoded."""

    pts: int = _BEFORE_ALL


@contextmanager
def open_input(path: Path) -> Iterator[InputContainer]:
    """Open a file as a container; only local files, and only formats that cannot refer to other files."""
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
    """The video stream to use: the largest that is not cover art.

    A damaged stream (not `intact`) is decoded without frame threads, because they lose track of which packet failed.
    """
    streams = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic
    ]
    if not streams:
        raise UnreadableClip(
            f"There is no picture in {path.name!r}: it has {_stream_kinds(container)}.",
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
    """Yield every picture that decodes, in display order.

    After damage (and with `from_key`, after a seek) it continues at the next key frame, so that no picture is yielded
    whose reference is missing.
    """
    damage = _Damage(_BEFORE_ALL) if from_key else None
    decoded_pts: deque[int | None] = deque(maxlen=DEEPEST_REORDERING)
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
            damage = damage or _Damage(packet.pts or 0, frozenset(decoded_pts))
            continue
        decoded_pts.append(packet.pts)
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
    """Position of a packet that failed, and the pictures decoded before it that the decoder has not output yet."""

    pts: int
    before: frozenset[int | None] = frozenset()

    def ends_with(self, frame: av.VideoFrame) -> bool:
        """Whether the damage ends here: no picture refers across a key frame shown after the failed packet."""
        return bool(frame.key_frame) and (frame.pts or 0) >= self.pts

    def spares(self, frame: av.VideoFrame) -> bool:
        """Whether a picture is sound: decoded and shown before the failure. Others may refer to what is missing."""
        return frame.pts in self.before and (frame.pts or 0) < self.pts and not frame.is_corrupt


def decode_sound(container: InputContainer, stream: AudioStream, losses: Losses) -> Iterator[av.AudioFrame]:
    """Yield every audio frame that decodes and has a time."""
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
    """Yield packets to the end, or to where the file breaks off; the last is empty and flushes the decoder."""
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
    """Start time of an audio frame, on the file's own clock."""
    return Fraction(frame.pts or 0) * Fraction(frame.time_base or 0)


def _reason(error: Exception) -> str:
    """FFmpeg's own message, as a clause of a sentence."""
    text = getattr(error, "strerror", None) or str(error)
    if text == "Invalid argument":
        return "its format is not supported"
    return str(text)[:1].lower() + str(text)[1:]


def _stream_kinds(container: InputContainer) -> str:
    """The kinds of streams in a file, such as "1 audio, 2 subtitle"."""
    kinds = [stream.type for stream in container.streams]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)) or "no streams"
