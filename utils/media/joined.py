"""Joining: chunks of encoded pictures, and a sound track, become one MP4 without encoding anything again.

Times come from the plan, never from the chunks: each packet is moved by a whole number of frames, so that nothing adds
up. A chunk whose frames are not the expected ones is refused.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from heapq import merge
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from utils.atomic_file import explained, replacing
from utils.errors import UnreadableClip, WriteError
from utils.process_resources import release_free_memory

TICKS_HZ = 90_000
"""Ticks of the whole file: edit lists are exact enough for sound."""
INDEX_BYTES, FRAME_BYTES, PACKET_BYTES = 16_384, 32, 24
"""Room for the index in front: always, and for each frame and each packet of sound. What is left of it stays free."""
TIDIED = 50
"""After so many pieces free memory is given back: each is opened where others left gaps, and touches new ones."""
SOUND_PACKET_S = Fraction(1024, 48_000) / 2
"""The shortest packets of sound that are expected: those of AAC, at 96 kHz."""


@dataclass(frozen=True)
class Piece:
    """A file with nothing but pictures, at a constant rate, that begins and ends with whole groups of pictures."""

    path: Path
    frames: int


def write_joined(path: Path, pieces: Iterable[Piece], rate: Fraction, sound: Path | None = None) -> None:
    """Write the pieces one after the other, with the sound of a file beside them; it appears when it is complete."""
    pieces = list(pieces)
    with explained(path), replacing(path.absolute()) as part:
        try:
            with av.open(str(part), "w", format="mp4", options=_options(pieces, rate)) as output:
                _write(output, pieces, rate, sound)
        except av.FFmpegError as error:
            raise WriteError(
                f"{path.name!r} could not be written: {error.strerror or error}.", "Run it again in another folder."
            ) from error


def _options(pieces: list[Piece], rate: Fraction) -> dict[str, str]:
    """Options of the muxer: the index in front, in room that is reserved, so that nothing is written twice."""
    frames = sum(piece.frames for piece in pieces)
    packets = int(frames / rate / SOUND_PACKET_S) + 1
    room = INDEX_BYTES + frames * FRAME_BYTES + packets * PACKET_BYTES
    return {"moov_size": str(room), "movie_timescale": str(TICKS_HZ)}


def _write(output: OutputContainer, pieces: list[Piece], rate: Fraction, sound: Path | None) -> None:
    """Add both streams, then all packets in the order of their times."""
    with av.open(str(pieces[0].path)) as first:
        pictures = output.add_stream_from_template(first.streams.video[0])
        header = bytes(first.streams.video[0].codec_context.extradata or b"")
    pictures.time_base = 1 / rate
    shown = _pictures(pieces, pictures, 1 / rate, header)
    if sound is None:
        for packet in shown:
            output.mux(packet)
        return
    with av.open(str(sound)) as heard:
        track = output.add_stream_from_template(heard.streams.audio[0])
        both: list[Iterator[av.Packet[Any]]] = [shown, _sound(heard.demux(heard.streams.audio[0]), track)]
        for packet in merge(*both, key=_time_s):
            output.mux(packet)


def _time_s(packet: "av.Packet[Any]") -> float:
    """About when a packet is needed, which decides the order in the file."""
    return (packet.dts or 0) * float(packet.time_base)


def _pictures(
    pieces: list[Piece], target: VideoStream, frame_s: Fraction, header: bytes
) -> Iterator["av.Packet[VideoStream]"]:
    """All packets of pictures, each moved by the frames before its piece."""
    before = 0
    for number, piece in enumerate(pieces):
        seen = set[int]()
        with av.open(str(piece.path)) as container:
            stream = container.streams.video[0]
            if bytes(stream.codec_context.extradata or b"") != header:
                raise _damaged(piece.path)
            for packet in container.demux(stream):
                if packet.size == 0 or packet.pts is None or packet.dts is None:
                    continue
                own = packet.time_base / frame_s
                seen.add(index := round(packet.pts * own))
                packet.pts, packet.dts, packet.duration = before + index, before + round(packet.dts * own), 1
                packet.time_base = frame_s
                packet.stream = target
                yield packet
        if seen != set(range(piece.frames)):
            raise _damaged(piece.path)
        before += piece.frames
        if number % TIDIED == TIDIED - 1:
            release_free_memory()


def _sound(packets: Iterable["av.Packet[AudioStream]"], target: AudioStream) -> Iterator["av.Packet[AudioStream]"]:
    for packet in packets:
        if packet.size and packet.pts is not None:
            packet.stream = target
            yield packet


def _damaged(path: Path) -> UnreadableClip:
    return UnreadableClip(
        f"The chunk {path.name!r} does not hold the frames that it should.",
        "Run `python -m pipeline cache verify` and try again.",
    )
