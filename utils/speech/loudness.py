"""Loudness of a clip's sound after EBU R128, by FFmpeg's own meter: as a whole, its range, and its highest peak."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import log10

import av
from av.filter import Graph

from utils.media.clip import Clip
from utils.media.decode import Losses, decode_sound, moment_s, open_input

SILENCE_LUFS = -70.0
"""What the meter gives where nothing passes its gate."""


@dataclass(frozen=True)
class Loudness:
    """Integrated loudness in LUFS, loudness range in LU, and the true peak in dB of full scale."""

    lufs: float
    range_lu: float
    peak_db: float


def loudness_of(clip: Clip) -> Loudness | None:
    """The loudness of a clip's own track, all channels; None where there is nothing to hear."""
    if clip.audio is None:
        return None
    last: dict[str, str] = {}
    peak = 0.0
    for measured in filter(None, _measured(clip)):  # the rest that is flushed has none
        last = measured
        peak = max(peak, float(measured.get("lavfi.r128.true_peak", 0.0)))
    lufs = float(last.get("lavfi.r128.I", SILENCE_LUFS))
    if lufs <= SILENCE_LUFS or peak <= 0:
        return None
    return Loudness(round(lufs, 2), round(float(last.get("lavfi.r128.LRA", 0.0)), 2), round(20 * log10(peak), 2))


def _measured(clip: Clip) -> Iterator[dict[str, str]]:
    """What the meter says, ten times a second."""
    graph: Graph | None = None
    form: tuple[int, str, str] = (0, "", "")
    for frame in _frames(clip):
        now = (frame.sample_rate, frame.layout.name, frame.format.name)
        if graph is None or now != form:
            graph, form = _meter(frame), now
        graph.push(frame)
        yield from _pulled(graph)
    if graph is not None:
        graph.push(None)
        yield from _pulled(graph)


def _frames(clip: Clip) -> Iterator[av.AudioFrame]:
    """The sound between the clip's first picture and its end."""
    assert clip.audio is not None
    origin_s = clip.pts[0] * clip.time_base
    with open_input(clip.path) as container:
        stream = next(each for each in container.streams.audio if each.index == clip.audio.stream_index)
        for frame in decode_sound(container, stream, Losses()):
            at_s = moment_s(frame) - origin_s
            if at_s >= clip.duration_s:
                return
            if at_s + Fraction(frame.samples, frame.sample_rate) > 0:
                yield frame


def _meter(frame: av.AudioFrame) -> Graph:
    graph = Graph()
    source = graph.add_abuffer(
        sample_rate=frame.sample_rate, format=frame.format.name, layout=frame.layout.name, time_base=frame.time_base
    )
    meter, sink = graph.add("ebur128", "metadata=1:peak=true:framelog=quiet"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    return graph


def _pulled(graph: Graph) -> Iterator[dict[str, str]]:
    while True:
        try:
            yield dict(graph.pull().metadata)
        except (av.BlockingIOError, av.EOFError):
            return
