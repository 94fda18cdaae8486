"""Followed sound: a clip's sound as it is heard when its time runs as a result's pictures say, cut and at any speed.

At its own speed samples are copied; at another they are interpolated, and the pitch goes with the speed, as on a tape.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction

import av
import numpy as np
from av.container import OutputContainer
from numpy.typing import NDArray

from utils.media.aac import LAYOUTS, AacTrack
from utils.media.audio import SoundPackets
from utils.media.clip import AudioTrack, Clip
from utils.media.decode import Losses, decode_sound, moment_s, open_input

Samples = NDArray[np.float32]
"""Channels x samples."""
BLOCK, KEPT, ROUNDING, FADED_S = 4096, 8192, 100, 0.005
"""Samples that are made at once; that are kept for going back a little; by which containers may round times, so that
sound follows on what came before; and how long an end is faded, for it not to click."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a result in which a clip is heard, both in seconds from their first pictures."""

    start_s: float
    stop_s: float
    from_s: float
    speed: float = 1.0

    @property
    def to_s(self) -> float:
        """The clip's time where it ends."""
        return self.from_s + self.speed * (self.stop_s - self.start_s)

    def goes_on_in(self, other: "Stretch") -> bool:
        """Whether another stretch begins where this one ends, in both times."""
        return abs(other.start_s - self.stop_s) < 1e-6 and abs(other.from_s - self.to_s) < 1e-3


@dataclass(frozen=True)
class Followed:
    """The sound of a clip in stretches of a result, one after the other."""

    clip: Clip
    stretches: tuple[Stretch, ...]

    @property
    def audio(self) -> AudioTrack | None:
        """What the sound is like in the result."""
        return self.clip.audio and replace(self.clip.audio, start_s=Fraction(0))


class FollowedSound(SoundPackets):
    """The packets of followed sound for a result, in order, encoded as AAC."""

    def __init__(self, sound: Followed, track: AudioTrack, output: OutputContainer) -> None:
        self._reader = Reader(sound.clip, track)
        end_s = Fraction(max(each.stop_s for each in sound.stretches))
        encoded = AacTrack(output, track, Fraction(0), end_s)
        super().__init__(encoded.packets(followed(sound, self._reader)), self._reader.close)


def followed(sound: Followed, reader: "Reader") -> Iterator[av.AudioFrame]:
    """The sound as frames in the result's time."""
    rate = reader.rate_hz
    for number, stretch in enumerate(sound.stretches):
        first, stop = (round(each * rate) for each in (stretch.start_s, stretch.stop_s))
        begins = number == 0 or not sound.stretches[number - 1].goes_on_in(stretch)
        ends = number == len(sound.stretches) - 1 or not stretch.goes_on_in(sound.stretches[number + 1])
        for start in range(first, stop, BLOCK):
            at = np.arange(start, min(start + BLOCK, stop))
            heard = _heard(reader, stretch, at)
            gain = np.ones(len(at))
            if begins:
                gain = np.minimum(gain, (at - first) / (FADED_S * rate))
            if ends:
                gain = np.minimum(gain, (stop - at) / (FADED_S * rate))
            yield _frame(np.asarray(heard * gain, np.float32), start, rate)


def _heard(reader: "Reader", stretch: Stretch, at: NDArray[np.int64]) -> Samples:
    """What is heard at some samples of the result."""
    if stretch.speed == 1.0:
        shift = round((stretch.from_s - stretch.start_s) * reader.rate_hz)
        return reader.read(int(at[0]) + shift, int(at[-1]) + 1 + shift)
    places = stretch.from_s * reader.rate_hz + (at - stretch.start_s * reader.rate_hz) * stretch.speed
    whole = np.floor(places).astype(np.int64)
    first = int(whole.min()) - 1
    around = reader.read(first, int(whole.max()) + 3)
    part = (places - whole).astype(np.float32)
    before, here, next_, after = (around[:, whole - first + step] for step in (-1, 0, 1, 2))
    slope, curve = (next_ - before) / 2, before - 2.5 * here + 2 * next_ - after / 2
    bend = (after - before) / 2 + 1.5 * (here - next_)
    return np.asarray(here + part * (slope + part * (curve + part * bend)), np.float32)


def _frame(samples: Samples, start: int, rate_hz: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", LAYOUTS[len(samples)])
    frame.sample_rate, frame.time_base, frame.pts = rate_hz, Fraction(1, rate_hz), start
    return frame


class Reader:
    """Reads samples of a clip's sound, numbered from its first picture, mostly forward; gaps are silent."""

    def __init__(self, clip: Clip, track: AudioTrack, rate_hz: int | None = None) -> None:
        self._clip, self._track, self.rate_hz = clip, track, rate_hz or track.rate_hz
        self._channels = track.channels if track.channels in LAYOUTS else 2
        self._files = ExitStack()
        self._start()

    def close(self) -> None:
        """Close the file."""
        self._files.close()

    def read(self, first: int, stop: int) -> Samples:
        """The samples of a range."""
        if first < self._first and self._first > self._earliest:
            self._start()
        while self._stop < stop and (piece := next(self._pieces, None)) is not None:
            self._append(*piece, keep_from=first - KEPT)
        wanted = np.zeros((self._channels, stop - first), np.float32)
        low, high = max(first, self._first), min(stop, self._stop)
        if low < high:
            wanted[:, low - first : high - first] = self._held[:, low - self._first : high - self._first]
        return wanted

    @property
    def _stop(self) -> int:
        return self._first + self._held.shape[1]

    def _start(self) -> None:
        self._files.close()
        container = self._files.enter_context(open_input(self._clip.path))
        stream = next(each for each in container.streams.audio if each.index == self._track.stream_index)
        self._pieces = self._decoded(decode_sound(container, stream, Losses()))
        self._held = np.zeros((self._channels, 0), np.float32)
        self._first = self._earliest = 0
        piece = next(self._pieces, None)
        if piece is not None:
            self._first = self._earliest = piece[0]
            self._held = piece[1]

    def _decoded(self, frames: Iterator[av.AudioFrame]) -> Iterator[tuple[int, Samples]]:
        """Pieces with the number of their first sample, in one form."""
        resampler = av.AudioResampler("fltp", LAYOUTS[self._channels], self.rate_hz)
        origin_s = self._clip.pts[0] * self._clip.time_base
        for frame in frames:
            first = round((moment_s(frame) - origin_s) * self.rate_hz)
            for piece in resampler.resample(frame):
                yield first, np.asarray(piece.to_ndarray(), np.float32)
                first += piece.samples

    def _append(self, first: int, samples: Samples, keep_from: int) -> None:
        gap = first - self._stop
        if gap > ROUNDING:
            samples = np.pad(samples, ((0, 0), (gap, 0)))
        held = np.concatenate([self._held, samples], axis=1)
        drop = max(0, min(keep_from - self._first, held.shape[1]))
        self._held, self._first = held[:, drop:], self._first + drop
