"""Music under a film, which loops and is lower where people speak, and sounds that are heard once at a time."""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from utils.film.sound import Form, Samples, in_channels
from utils.media.aac import LAYOUTS
from utils.media.clip import AudioTrack
from utils.media.decode import Losses, decode_sound, open_input

LOOPED_S, DOWN_S, UP_S = 0.25, 0.25, 0.6
"""Over how long a loop is joined, and how long music takes to get lower before people speak, and higher after."""


@dataclass(frozen=True)
class SoundFile:
    """A file with sound."""

    path: Path
    digest: str
    track: AudioTrack

    def blocks(self, rate_hz: int, channels: int) -> Generator[Samples]:
        """All of it, piece by piece as it is decoded."""
        own = self.track.channels if self.track.channels in LAYOUTS else 2
        resampler = av.AudioResampler("fltp", LAYOUTS[own], rate_hz)
        with open_input(self.path) as container:
            stream = next(each for each in container.streams.audio if each.index == self.track.stream_index)
            frames: Iterator[av.AudioFrame] = decode_sound(container, stream, Losses())
            for frame in frames:
                frame.pts = None
                yield from _pieces(resampler.resample(frame), channels)
            yield from _pieces(resampler.resample(None), channels)


def _pieces(frames: list[av.AudioFrame], channels: int) -> Iterator[Samples]:
    for frame in frames:
        if frame.samples:
            yield in_channels(np.asarray(frame.to_ndarray(), np.float32), channels)


@dataclass(frozen=True)
class Music:
    """A file that is heard under the whole film, over and over."""

    file: SoundFile
    gain: float
    ducked: float = 1.0
    """The factor while somebody speaks."""
    speech: tuple[tuple[int, int], ...] = ()
    """Where somebody speaks, in ms of the film."""
    fade_out_s: float = 0.0

    def told(self) -> Any:
        """The file, and how loud it is when."""
        speech = [list(each) for each in self.speech]
        return ["music", self.file.digest, self.gain, self.ducked, speech, self.fade_out_s]

    def blocks(self, form: Form) -> Generator[Samples | None]:
        """The looped file, louder and quieter."""
        times, levels = self._levels(form.samples / form.rate_hz)
        with closing(_cut(self._looped(form), form)) as blocks:
            for (first, stop), heard in zip(form.blocks(), blocks, strict=True):
                at_s = (np.arange(first, stop) + 0.5) / form.rate_hz
                factor = np.interp(at_s, times, levels)
                yield np.asarray(heard * (self.gain * factor), np.float32)

    def _levels(self, length_s: float) -> tuple[list[float], list[float]]:
        """Points between which the level changes evenly: down before speech, up after it, and out at the end."""
        times, levels = [0.0], [1.0]
        for start_s, stop_s in _near(self.speech):
            times += [max(times[-1], start_s - DOWN_S), start_s, stop_s, stop_s + UP_S]
            levels += [1.0, self.ducked, self.ducked, 1.0]
        if not self.fade_out_s:
            return times, levels
        begins = max(0.0, length_s - self.fade_out_s)
        last = float(np.interp(begins, times, levels))
        before = [number for number, time in enumerate(times) if time < begins]
        kept = [times[number] for number in before], [levels[number] for number in before]
        return [*kept[0], begins, length_s], [*kept[1], last, 0.0]

    def _looped(self, form: Form) -> Generator[Samples]:
        """The file without end; its end is mixed with its beginning."""
        join = round(min(LOOPED_S, float(self.file.track.duration_s) / 4) * form.rate_hz)
        tail: Samples | None = None
        while True:
            held, begun = np.zeros((form.channels, 0), np.float32), tail is None
            for block in self.file.blocks(form.rate_hz, form.channels):
                held = np.concatenate([held, block], axis=1)
                if not begun and tail is not None and held.shape[1] >= join:
                    held[:, :join] = _crossed(tail, held[:, :join])
                    begun = True
                if begun and held.shape[1] > join:
                    yield held[:, :-join]
                    held = held[:, -join:]
            tail = held


def _crossed(before: Samples, after: Samples) -> Samples:
    part = (np.arange(after.shape[1]) + 0.5) / after.shape[1] * np.pi / 2
    length = min(before.shape[1], after.shape[1])
    mixed = after * np.sin(part)
    mixed[:, :length] += before[:, :length] * np.cos(part[:length])
    return np.asarray(mixed, np.float32)


def _near(speech: tuple[tuple[int, int], ...]) -> list[tuple[float, float]]:
    """Stretches in seconds; a pause that is too short for music to come up and go down again is none."""
    joined = list[tuple[float, float]]()
    for start, stop in sorted(speech):
        if joined and start / 1000 - joined[-1][1] < DOWN_S + UP_S:
            joined[-1] = joined[-1][0], max(joined[-1][1], stop / 1000)
        else:
            joined.append((start / 1000, stop / 1000))
    return joined


def _after(pieces: Generator[Samples], skipped: int) -> Generator[Samples]:
    """What follows after so many samples."""
    with closing(pieces):
        for piece in pieces:
            if skipped < piece.shape[1]:
                yield piece[:, skipped:]
            skipped = max(0, skipped - piece.shape[1])


def _cut(pieces: Generator[Samples], form: Form) -> Generator[Samples]:
    """Pieces of any length as the blocks of a film; silence after their end."""
    held = np.zeros((form.channels, 0), np.float32)
    with closing(pieces):
        for first, stop in form.blocks():
            while held.shape[1] < stop - first:
                piece = next(pieces, None)
                if piece is None:
                    held = np.pad(held, ((0, 0), (0, stop - first - held.shape[1])))
                else:
                    held = np.concatenate([held, piece], axis=1)
            yield held[:, : stop - first]
            held = held[:, stop - first :]


@dataclass(frozen=True)
class Once:
    """A file that is heard once, from a frame of the film on, up to another one."""

    file: SoundFile
    start_s: float
    stop_s: float
    gain: float = 1.0
    fade_s: float = 0.01
    from_s: float = 0.0
    """Where in the file it begins."""

    def told(self) -> Any:
        """The file, its times and its level."""
        return ["once", self.file.digest, self.start_s, self.stop_s, self.gain, self.fade_s, self.from_s]

    def blocks(self, form: Form) -> Generator[Samples | None]:
        """The file in its place, faded at its end."""
        start, stop = (round(each * form.rate_hz) for each in (self.start_s, self.stop_s))
        skipped = round(self.from_s * form.rate_hz)
        inner = Form(form.rate_hz, form.channels, max(0, stop - start))
        fade = max(1, round(self.fade_s * form.rate_hz))
        held = np.zeros((form.channels, 0), np.float32)
        with closing(_cut(_after(self.file.blocks(form.rate_hz, form.channels), skipped), inner)) as pieces:
            for first, last in form.blocks():
                low, high = max(first, start), min(last, stop)
                if low >= high:
                    yield None
                    continue
                while held.shape[1] < high - low:
                    held = np.concatenate([held, next(pieces)], axis=1)
                heard = np.zeros((form.channels, last - first), np.float32)
                edge = np.minimum(1, (stop - np.arange(low, high)) / fade)
                heard[:, low - first : high - first] = held[:, : high - low] * (self.gain * edge)
                held = held[:, high - low :]
                yield heard
