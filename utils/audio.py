"""The sound of a clip: what it is, and how it is carried into a result, copied where the container allows it."""

from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from math import ceil
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer

from utils.clip import AudioTrack, Clip
from utils.decode import Losses, decode_sound, moment_s, open_input, packets

COPIED_INTO_MP4 = ("aac", "mp3", "ac3", "eac3", "alac", "opus", "flac")
AAC_BIT_RATE = 192_000
AAC_TOP_RATE_HZ = 96_000
GAP_S = Fraction(1, 50)
"""Silence is put in where sound is missing for longer than this, so that what follows stays in time."""


def scan_audio(path: Path, start_s: Fraction) -> tuple[AudioTrack | None, list[str]]:
    """The first sound track, its times counted from the first picture, and what is wrong with it."""
    with open_input(path) as container:
        if not container.streams.audio:
            return None, []
        stream = container.streams.audio[0]
        losses = Losses()
        first_s: Fraction | None = None
        end_s = Fraction(0)
        for frame in decode_sound(container, stream, losses):
            time_s = moment_s(frame)
            first_s = time_s if first_s is None else first_s
            end_s = max(end_s, time_s + Fraction(frame.samples, frame.sample_rate))
        if first_s is None:
            return None, ["Its sound does not decode; the result will be silent."]
        track = AudioTrack(
            stream_index=stream.index,
            codec=stream.codec_context.codec.canonical_name,
            rate_hz=stream.codec_context.sample_rate,
            channels=stream.codec_context.layout.nb_channels,
            start_s=first_s - start_s,
            duration_s=end_s - first_s,
            damaged=losses.any,
        )
        return track, ["A part of its sound does not decode."] if losses.any else []


class CarriedSound:
    """The sound of one clip on its way into a result: packets in order, given out as the pictures advance."""

    def __init__(self, clip: Clip, track: AudioTrack, output: OutputContainer, delay_s: Fraction) -> None:
        self._files = ExitStack()
        container = self._files.enter_context(open_input(clip.path))
        source = next(stream for stream in container.streams.audio if stream.index == track.stream_index)
        origin_s = clip.pts[0] * clip.time_base - delay_s
        if track.codec in COPIED_INTO_MP4:
            self._packets = _copied(container, source, output, track.start_s + delay_s, origin_s)
        else:
            self._packets = _encoded(container, source, output, origin_s)
        self._held: av.Packet[AudioStream] | None = next(self._packets, None)

    def before(self, time_s: Fraction) -> Iterator["av.Packet[AudioStream]"]:
        """The packets that start before that time and were not given out yet."""
        while self._held is not None and (self._held.dts or 0) * self._held.time_base < time_s:
            yield self._held
            self._held = next(self._packets, None)

    def rest(self) -> Iterator["av.Packet[AudioStream]"]:
        """All that is left."""
        while self._held is not None:
            yield self._held
            self._held = next(self._packets, None)

    def close(self) -> None:
        self._files.close()


def _copied(
    container: InputContainer, source: AudioStream, output: OutputContainer, start_s: Fraction, origin_s: Fraction
) -> Iterator["av.Packet[AudioStream]"]:
    """The packets as they are, counted from the first picture."""
    target = output.add_stream_from_template(source)
    return _in_samples(container, source, target, start_s, origin_s)


def _in_samples(
    container: InputContainer, source: AudioStream, target: AudioStream, start_s: Fraction, origin_s: Fraction
) -> Iterator["av.Packet[AudioStream]"]:
    """Packets placed to the sample, one after another, also where the container rounded their times to more.

    The first lies before `start_s` by what the decoder will skip of it (the codec's priming).
    """
    rate_hz, tick_s = source.rate, Fraction(source.time_base or Fraction(1, source.rate))
    tolerance = ceil(tick_s * rate_hz)
    due: int | None = None
    for packet in packets(container, source, Losses()):
        if packet.pts is None or packet.size == 0:
            continue
        pts = round((packet.pts * tick_s - origin_s) * rate_hz)
        if due is None and packet.has_sidedata("skip_samples"):
            pts = round(start_s * rate_hz) - int.from_bytes(bytes(packet.get_sidedata("skip_samples"))[:4], "little")
        elif due is not None and pts <= due + tolerance:
            pts = due
        length = source.codec_context.frame_size or round((packet.duration or 0) * tick_s * rate_hz)
        due = pts + max(1, length)
        packet.pts, packet.dts, packet.duration, packet.time_base = pts, pts, length, Fraction(1, rate_hz)
        packet.stream = target
        yield packet


def _encoded(
    container: InputContainer, source: AudioStream, output: OutputContainer, origin_s: Fraction
) -> Iterator["av.Packet[AudioStream]"]:
    """Encoded once as AAC, for what MP4 does not hold or players do not play."""
    rate_hz = min(source.rate, AAC_TOP_RATE_HZ)
    target = output.add_stream("aac", rate=rate_hz, bit_rate=AAC_BIT_RATE, layout=source.layout)
    return _through_aac(container, source, target, origin_s)


def _through_aac(
    container: InputContainer, source: AudioStream, target: AudioStream, origin_s: Fraction
) -> Iterator["av.Packet[AudioStream]"]:
    resampler = av.AudioResampler("fltp", target.layout, target.rate)
    fifo = av.AudioFifo()
    start: int | None = None
    written = 0
    for frame in decode_sound(container, source, Losses()):
        time_s = moment_s(frame) - origin_s
        start = round(time_s * target.rate) if start is None else start
        for piece in resampler.resample(frame):
            piece.pts = None
            gap = round(time_s * target.rate) - start - written
            if gap > GAP_S * target.rate:
                fifo.write(_silence(piece, gap))
                written += gap
            fifo.write(piece)
            written += piece.samples
        yield from _drain(fifo, target, start)
    if start is not None:
        yield from _drain(fifo, target, start, last=True)
        yield from target.encode(None)


def _drain(
    fifo: av.AudioFifo, target: AudioStream, start: int, *, last: bool = False
) -> Iterator["av.Packet[AudioStream]"]:
    """Encode what the fifo holds in pieces of the size that AAC takes."""
    size = target.frame_size or 1024
    while fifo.samples >= size or (last and fifo.samples):
        done = fifo.samples_read
        piece = fifo.read(min(size, fifo.samples))
        if piece is None:
            return
        piece.pts, piece.time_base = start + done, Fraction(1, target.rate)
        yield from target.encode(piece)


def _silence(like: av.AudioFrame, samples: int) -> av.AudioFrame:
    """That many samples of nothing, in the form of another frame."""
    channels = like.layout.nb_channels
    quiet = av.AudioFrame.from_ndarray(np.zeros((channels, samples), np.float32), "fltp", like.layout.name)
    quiet.sample_rate = like.sample_rate
    return quiet
