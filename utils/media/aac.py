"""Encodes sound as AAC where MP4 cannot hold the original; FFmpeg's `aresample=async=1` keeps it in time.

Gaps are filled with silence and what overlaps is cut, so that gaps, repeats and changes of format shift nothing.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.filter import Graph

from utils.media.clip import AudioTrack
from utils.media.decode import moment_s

BIT_RATE = 192_000
RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""Channel layouts by number of channels; more than eight channels are mixed to two."""
ASYNC = "async=1:min_hard_comp=0.02"
"""Gaps and overlaps of more than 0.02 s are filled or cut, nothing is stretched."""


class AacTrack:
    """One track of a result in the making: decoded pieces of sound go in, packets come out."""

    def __init__(self, output: OutputContainer, track: AudioTrack, origin_s: Fraction, end_s: Fraction) -> None:
        rate_hz = next((rate for rate in RATES_HZ if rate >= track.rate_hz), RATES_HZ[-1])
        layout = LAYOUTS.get(track.channels, "stereo")
        self._stream: AudioStream = output.add_stream("aac", rate=rate_hz, bit_rate=BIT_RATE, layout=layout)
        self._origin_s, self._end_s = origin_s, end_s
        self._graph: Graph | None = None
        self._format: tuple[str, str, int] | None = None
        self._due: int | None = None

    def packets(self, frames: Iterable[av.AudioFrame]) -> Iterator["av.Packet[AudioStream]"]:
        """All packets of the track, as they become ready; sound beyond the end is left out."""
        for frame in frames:
            time_s = moment_s(frame) - self._origin_s
            if time_s <= self._end_s:
                yield from self._long_gap(time_s)
                yield from self._encoded(frame, time_s)
        if self._graph is not None:
            yield from self._flushed(self._graph)
            yield from self._stream.encode(None)

    def _long_gap(self, time_s: Fraction) -> Iterator["av.Packet[AudioStream]"]:
        """Silence for each whole second of a gap, because `aresample` holds all that it fills at once in memory."""
        rate_hz, layout = self._stream.rate, self._stream.layout
        while self._due is not None and time_s - Fraction(self._due, rate_hz) > 1:
            quiet = av.AudioFrame.from_ndarray(np.zeros((layout.nb_channels, rate_hz), np.float32), "fltp", layout.name)
            quiet.sample_rate = rate_hz
            yield from self._encoded(quiet, Fraction(self._due, rate_hz))

    def _encoded(self, frame: av.AudioFrame, time_s: Fraction) -> Iterator["av.Packet[AudioStream]"]:
        """Encode a piece of sound that begins at a time; a change of its format begins a new graph."""
        sound_format = (frame.format.name, _layout_name(frame), frame.sample_rate)
        if self._graph is None or sound_format != self._format:
            if self._graph is not None:
                yield from self._flushed(self._graph)
            self._format, self._graph = sound_format, self._new_graph(*sound_format)
        frame.pts, frame.time_base = round(time_s * frame.sample_rate), Fraction(1, frame.sample_rate)
        self._graph.push(frame)
        yield from self._pulled(self._graph)

    def _new_graph(self, sample_format: str, layout: str, rate_hz: int) -> Graph:
        """A graph from a format to the encoder's, which goes on where the one before it ended."""
        graph, ours = Graph(), self._stream
        first = "" if self._due is None else f":first_pts={round(Fraction(self._due * rate_hz, ours.rate))}"
        graph.link_nodes(
            graph.add_abuffer(sample_rate=rate_hz, format=sample_format, layout=layout, time_base=Fraction(1, rate_hz)),
            graph.add("aresample", f"{ours.rate}:{ASYNC}{first}"),
            graph.add("aformat", f"sample_fmts=fltp:sample_rates={ours.rate}:channel_layouts={ours.layout.name}"),
            graph.add("abuffersink"),
        ).configure()
        return graph

    def _flushed(self, graph: Graph) -> Iterator["av.Packet[AudioStream]"]:
        graph.push(None)
        yield from self._pulled(graph)

    def _pulled(self, graph: Graph) -> Iterator["av.Packet[AudioStream]"]:
        """Encode what is ready, numbered without a break."""
        while True:
            try:
                piece = graph.pull()
            except (BlockingIOError, EOFError):
                return
            assert isinstance(piece, av.AudioFrame)
            piece.pts = piece.pts if self._due is None else self._due
            self._due = (piece.pts or 0) + piece.samples
            yield from self._stream.encode(piece)


def _layout_name(frame: av.AudioFrame) -> str:
    """The name of its channel layout; some containers give only the number of channels."""
    name = frame.layout.name
    return LAYOUTS.get(frame.layout.nb_channels, name) if name.endswith("channels") else name
