"""Encodes sound as AAC where MP4 cannot hold the original; gaps and changes of format do not shift it in time."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer

from utils.media.clip import AudioTrack
from utils.media.decode import moment_s

BIT_RATE = 192_000
RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""Channel layouts by number of channels; more than eight channels are mixed to two."""
GAP_S = Fraction(1, 50)
"""Gaps longer than this are filled with silence, so that the sound after them stays in time."""


class AacTrack:
    """One track of a result in the making: decoded pieces of sound go in, packets come out."""

    def __init__(self, output: OutputContainer, track: AudioTrack, origin_s: Fraction, end_s: Fraction) -> None:
        rate_hz = next((rate for rate in RATES_HZ if rate >= track.rate_hz), RATES_HZ[-1])
        layout = LAYOUTS.get(track.channels, "stereo")
        self._stream: AudioStream = output.add_stream("aac", rate=rate_hz, bit_rate=BIT_RATE, layout=layout)
        self._origin_s, self._end_s = origin_s, end_s
        self._fifo = av.AudioFifo()
        self._resampler = av.AudioResampler("fltp", layout, rate_hz)
        self._format: tuple[str, str, int] | None = None
        self._start: int | None = None
        self._written = 0

    def packets(self, frames: Iterable[av.AudioFrame]) -> Iterator["av.Packet[AudioStream]"]:
        """All packets of the track, as they become ready."""
        for frame in frames:
            yield from self._add(frame)
            yield from self._encoded()
        if self._start is not None:
            self._buffer(self._resampler.resample(None))
            yield from self._encoded(last=True)
            yield from self._stream.encode(None)

    def _add(self, frame: av.AudioFrame) -> Iterator["av.Packet[AudioStream]"]:
        """Add a piece of sound, after silence for a gap before it; sound beyond the end is left out."""
        time_s = moment_s(frame) - self._origin_s
        if time_s > self._end_s:
            return
        rate_hz = self._stream.rate
        due = round(time_s * rate_hz)
        self._start = due if self._start is None else self._start
        frame = _with_named_layout(frame)
        self._match_format(frame)
        while (gap := due - self._start - self._written) > GAP_S * rate_hz:
            self._buffer([self._silence(min(gap, rate_hz))])
            yield from self._encoded()
        self._buffer(self._resampler.resample(frame))

    def _match_format(self, frame: av.AudioFrame) -> None:
        """Start a new resampler when sample format, layout or rate change."""
        sound_format = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._format not in (None, sound_format):
            self._buffer(self._resampler.resample(None))
            self._resampler = av.AudioResampler("fltp", self._stream.layout, self._stream.rate)
        self._format = sound_format

    def _buffer(self, pieces: Iterable[av.AudioFrame]) -> None:
        for piece in pieces:
            piece.pts = None
            self._fifo.write(piece)
            self._written += piece.samples

    def _encoded(self, *, last: bool = False) -> Iterator["av.Packet[AudioStream]"]:
        """Encode the buffered sound in AAC frames; with `last` also the incomplete one at the end."""
        size = self._stream.frame_size or 1024
        while self._fifo.samples >= size or (last and self._fifo.samples):
            done = self._fifo.samples_read
            piece = self._fifo.read(min(size, self._fifo.samples))
            if piece is None:
                return
            piece.pts, piece.time_base = (self._start or 0) + done, Fraction(1, self._stream.rate)
            yield from self._stream.encode(piece)

    def _silence(self, samples: int) -> av.AudioFrame:
        layout = self._stream.layout
        quiet = av.AudioFrame.from_ndarray(np.zeros((layout.nb_channels, samples), np.float32), "fltp", layout.name)
        quiet.sample_rate = self._stream.rate
        return quiet


def _with_named_layout(frame: av.AudioFrame) -> av.AudioFrame:
    """The sound with a named channel layout: some containers give only the number of channels."""
    if not frame.layout.name.endswith("channels") or frame.layout.nb_channels not in LAYOUTS:
        return frame
    named = av.AudioFrame.from_ndarray(frame.to_ndarray(), frame.format.name, LAYOUTS[frame.layout.nb_channels])
    named.sample_rate, named.pts, named.time_base = frame.sample_rate, frame.pts, frame.time_base
    return named
