"""Loudness after EBU R128, by FFmpeg's own meter: as a whole, its range, and the highest peaks."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count, takewhile
from math import log10

import av
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

from utils.media.aac import LAYOUTS
from utils.media.clip import Clip
from utils.media.decode import Losses, decode_sound, moment_s, open_input

SILENCE_LUFS = -70.0
"""What the meter gives where nothing passes its gate."""
HEARD = 0.01
"""The least peak of a channel that holds sound, 40 dB below full scale; another 20 dB below it holds none."""
Form = tuple[int, str, str]
"""Samples a second, channels and format of sound."""


@dataclass(frozen=True)
class Loudness:
    """Integrated loudness in LUFS, loudness range in LU, and the true peak of each channel; full scale is 1."""

    lufs: float
    range_lu: float = 0.0
    peaks: tuple[float, ...] = ()

    @property
    def peak(self) -> float:
        return max(self.peaks, default=0.0)

    @property
    def peak_db(self) -> float:
        """The highest peak in dB of full scale."""
        return 20 * log10(self.peak) if self.peak else SILENCE_LUFS

    @property
    def silent(self) -> bool:
        return self.lufs <= SILENCE_LUFS or self.peak <= 0

    @property
    def only(self) -> int | None:
        """The channel of two that alone holds sound, as where one microphone was plugged into a stereo input."""
        if len(self.peaks) != 2 or max(self.peaks) < HEARD or min(self.peaks) > HEARD / 10:
            return None
        return self.peaks.index(max(self.peaks))


def loudness_of(clip: Clip) -> Loudness | None:
    """The loudness of a clip's own track, all channels; None where there is nothing to hear."""
    if clip.audio is None:
        return None
    measured = loudness(_of_clip(clip))
    return None if measured.silent else measured


def measure(blocks: Iterable[NDArray[np.float32]], rate_hz: int) -> Loudness:
    """The loudness of sound that comes in blocks of channels x samples."""
    return loudness(_of_blocks(blocks, rate_hz))


def loudness(frames: Iterable[av.AudioFrame]) -> Loudness:
    """The loudness of sound; where its form changes on the way, the last form counts as a whole."""
    meter: _Meter | None = None
    peaks: tuple[float, ...] = ()
    for frame in frames:
        form = (frame.sample_rate, frame.layout.name, frame.format.name)
        if meter is None or form != meter.form:
            peaks, meter = _higher(peaks, meter), _Meter(form)
        meter.push(frame)
    if meter is None:
        return Loudness(SILENCE_LUFS)
    meter.push(None)
    told = meter.told
    lufs, range_lu = (float(told.get(f"lavfi.r128.{name}", usual)) for name, usual in (("I", SILENCE_LUFS), ("LRA", 0)))
    return Loudness(round(lufs, 3), round(range_lu, 3), _higher(peaks, meter))


@dataclass
class _Meter:
    """FFmpeg's meter for sound of one form."""

    form: Form
    told: Mapping[str, str] = field(default_factory=dict)
    """What the meter said last."""
    peaks: tuple[float, ...] = ()
    _graph: Graph = field(init=False)

    def __post_init__(self) -> None:
        rate_hz, layout, form = self.form
        self._graph = Graph()
        self._graph.link_nodes(
            self._graph.add_abuffer(sample_rate=rate_hz, format=form, layout=layout, time_base=Fraction(1, rate_hz)),
            self._graph.add("ebur128", "metadata=1:peak=true:framelog=quiet"),
            self._graph.add("abuffersink"),
        ).configure()

    def push(self, frame: av.AudioFrame | None) -> None:
        """Measure one more frame; None is the end."""
        self._graph.push(frame)
        while True:
            try:
                told = dict(self._graph.pull().metadata)
            except (av.BlockingIOError, av.EOFError):
                return
            if told:  # the rest that is flushed has none
                self.told = told
                self.peaks = _highest(self.peaks, _peaks(told))


def _peaks(told: Mapping[str, str]) -> tuple[float, ...]:
    names = takewhile(told.__contains__, (f"lavfi.r128.true_peaks_ch{number}" for number in count()))
    return tuple(float(told[name]) for name in names)


def _higher(peaks: tuple[float, ...], meter: _Meter | None) -> tuple[float, ...]:
    return _highest(peaks, meter.peaks) if meter else peaks


def _highest(ours: tuple[float, ...], theirs: tuple[float, ...]) -> tuple[float, ...]:
    """The higher peak of each channel; where their numbers differ, of all."""
    if len(ours) == len(theirs):
        return tuple(map(max, ours, theirs))
    return (max(*ours, *theirs),) * len(theirs) if ours and theirs else ours or theirs


def _of_clip(clip: Clip) -> Iterator[av.AudioFrame]:
    """The sound between a clip's first picture and its end."""
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


def _of_blocks(blocks: Iterable[NDArray[np.float32]], rate_hz: int) -> Iterator[av.AudioFrame]:
    at = 0
    for block in blocks:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", LAYOUTS[len(block)])
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, at, Fraction(1, rate_hz)
        at += frame.samples
        yield frame
