"""Loudness after EBU R128, measured by FFmpeg, and the gain that reaches a target without going over full scale."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import log10

import av
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

from utils.film.sound import CEILING, Samples
from utils.media.aac import LAYOUTS

SILENT_LUFS = -70.0
"""What is quieter than this counts as silence, as in R128."""
HEARD = 0.01
"""The least peak of a channel that holds sound, 40 dB below full scale; another 20 dB below it holds none."""


@dataclass(frozen=True)
class Loudness:
    """How loud something is as a whole, and its highest sample."""

    lufs: float
    peak: float
    peaks: tuple[float, ...] = ()
    """That of each channel."""

    @property
    def silent(self) -> bool:
        return self.lufs <= SILENT_LUFS or self.peak <= 0

    @property
    def only(self) -> int | None:
        """The channel of two that alone holds sound, as where one microphone was plugged into a stereo input."""
        if len(self.peaks) != 2 or max(self.peaks) < HEARD or min(self.peaks) > HEARD / 10:
            return None
        return self.peaks.index(max(self.peaks))


@dataclass(frozen=True)
class Gain:
    """A gain towards a target, and by how many dB it stays below what was asked for, so that peaks fit."""

    factor: float
    short_db: float = 0.0


def measure(blocks: Iterable[Samples], rate_hz: int) -> Loudness:
    """The loudness of sound that comes in blocks."""
    graph: Graph | None = None
    lufs, at = SILENT_LUFS, 0
    peaks: NDArray[np.float32] | None = None
    for block in blocks:
        layout = LAYOUTS[len(block)]
        graph = graph or _meter(rate_hz, layout)
        highest = np.abs(block).max(axis=1, initial=0)
        peaks = highest if peaks is None else np.maximum(peaks, highest)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, at, Fraction(1, rate_hz)
        at += frame.samples
        graph.push(frame)
        lufs = _read(graph, lufs)
    if graph is not None:
        graph.push(None)
        lufs = _read(graph, lufs)
    each = tuple(float(peak) for peak in peaks) if peaks is not None else ()
    return Loudness(lufs, max(each, default=0.0), each)


def gain_to(target_lufs: float, measured: Loudness) -> Gain:
    """The gain that makes it as loud as the target, or as loud as its peaks allow."""
    if measured.silent:
        return Gain(1.0)
    wanted = 10 ** ((target_lufs - measured.lufs) / 20)
    allowed = max(1.0, CEILING / measured.peak) if wanted > 1 else wanted
    factor = min(wanted, allowed)
    return Gain(factor, 20 * log10(wanted / factor))


def _meter(rate_hz: int, layout: str) -> Graph:
    graph = Graph()
    graph.link_nodes(
        graph.add_abuffer(sample_rate=rate_hz, format="fltp", layout=layout, time_base=Fraction(1, rate_hz)),
        graph.add("ebur128", "metadata=1:framelog=quiet"),
        graph.add("abuffersink"),
    ).configure()
    return graph


def _read(graph: Graph, lufs: float) -> float:
    """The loudness so far, which the meter writes on what passes through it."""
    while True:
        try:
            frame = graph.pull()
        except (BlockingIOError, EOFError):
            return lufs
        told = frame.metadata.get("lavfi.r128.I")
        lufs = float(told) if told is not None and told != "nan" else lufs
