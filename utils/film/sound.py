"""The sound of a film: what is heard of its clip, joined where it is cut, and everything else mixed with it.

Samples are counted from the film's first picture; the first sample of a frame follows from its number. A join of two
pieces has equal power: the one before goes on while the next one comes in, over 10 ms around the cut.
"""

from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
from numpy.typing import NDArray

from utils.film.timeline import Timeline
from utils.media.aac import LAYOUTS, RATES_HZ, AacTrack
from utils.media.clip import AudioTrack, Clip
from utils.media.followed_sound import Reader

Samples = NDArray[np.float32]
"""Channels x samples, full scale is 1."""
BLOCK, JOIN_S = 8192, Fraction(1, 100)
USUAL_HZ, CEILING = 48_000, 0.89
"""The rate of a film whose clip is silent; and the highest peak of a mix that is made louder, 1 dB below full scale."""


@dataclass(frozen=True)
class Form:
    """What the sound of a film is like: samples a second, channels, and samples in all."""

    rate_hz: int
    channels: int
    samples: int

    @classmethod
    def of(cls, timeline: Timeline, clip: Clip, *, least_channels: int = 1) -> "Form":
        """The clip's own, as far as AAC has it."""
        track = clip.audio
        wanted = track.rate_hz if track else USUAL_HZ
        rate_hz = next((rate for rate in RATES_HZ if rate >= wanted), RATES_HZ[-1])
        own = (track.channels if track.channels in LAYOUTS else 2) if track else 1
        return cls(rate_hz, max(own, least_channels), timeline.sample(len(timeline), rate_hz))

    def blocks(self) -> Iterator[tuple[int, int]]:
        """The first and last samples, exclusive, of all blocks."""
        return ((first, min(first + BLOCK, self.samples)) for first in range(0, self.samples, BLOCK))


class Sound(Protocol):
    """Something that is heard in a film."""

    def blocks(self, form: Form) -> Generator[Samples | None]:
        """What is heard in each block of the film, in order; None is silence."""
        ...

    def told(self) -> Any:
        """All that decides what is heard, as JSON values."""
        ...


@dataclass(frozen=True)
class Speech:
    """The sound of the film's own clip."""

    clip: Clip
    timeline: Timeline
    only: int | None = None
    """The channel that is heard on all sides; None where each is heard on its own."""

    def told(self) -> Any:
        """The clip and the film's frames."""
        return ["speech", self.clip.digest, self.timeline.to_json(), self.only]

    def blocks(self, form: Form) -> Generator[Samples | None]:
        """The pieces, each moved by a whole number of samples and joined with the next one."""
        if self.clip.audio is None:
            yield from (None for _ in form.blocks())
            return
        pieces = [_Piece.of(self.timeline, number, form.rate_hz) for number in range(len(self.timeline.pieces))]
        at = 0
        with closing(Reader(self.clip, self.clip.audio, form.rate_hz)) as reader:
            for first, stop in form.blocks():
                while pieces[at].fades_until <= first:
                    at += 1
                heard, number = np.zeros((form.channels, stop - first), np.float32), at
                while number < len(pieces) and pieces[number].begins < stop:
                    pieces[number].add(heard, first, stop, reader)
                    number += 1
                yield heard if self.only is None else np.repeat(heard[self.only][None], len(heard), axis=0)


@dataclass(frozen=True)
class _Piece:
    """Where a piece of the clip is heard, and how far its samples are moved."""

    start: int
    stop: int
    shift: int
    half: int
    """Half the length of a join, in samples."""
    joins_before: bool
    joins_after: bool

    @classmethod
    def of(cls, timeline: Timeline, number: int, rate_hz: int) -> "_Piece":
        start, piece = timeline.starts[number], timeline.pieces[number]
        first, stop = timeline.sample(start, rate_hz), timeline.sample(start + len(piece), rate_hz)
        shift = timeline.sample(piece.start, rate_hz) - first
        half = round(JOIN_S * rate_hz / 2)
        return cls(first, stop, shift, half, number > 0, number < len(timeline.pieces) - 1)

    @property
    def begins(self) -> int:
        return self.start - self.half if self.joins_before else self.start

    @property
    def fades_until(self) -> int:
        return self.stop + self.half if self.joins_after else self.stop

    def add(self, heard: Samples, first: int, stop: int, reader: Reader) -> None:
        """Add what is heard of it in a block."""
        low, high = max(first, self.begins), min(stop, self.fades_until)
        if low >= high:
            return
        own = in_channels(reader.read(low + self.shift, high + self.shift), len(heard))
        fades = low < self.start + self.half or high > self.stop - self.half
        heard[:, low - first : high - first] += own * self._gain(low, high) if fades else own

    def _gain(self, low: int, high: int) -> Samples:
        """A quarter of a sine at each join, so that the powers of both sides add up to 1."""
        at = np.arange(low, high) + 0.5
        gain = np.ones(high - low)
        for joins, edge, way in ((self.joins_before, self.start, 1), (self.joins_after, self.stop, -1)):
            if joins:
                part = np.clip(((at - edge) * way + self.half) / (2 * self.half), 0, 1)
                gain *= np.sin(part * np.pi / 2)
        return gain.astype(np.float32)


def in_channels(samples: Samples, channels: int) -> Samples:
    """Sound in another number of channels: one is heard on both sides, and of several the first ones count."""
    own = len(samples)
    if own == channels:
        return samples
    if channels == 1:
        return np.asarray(samples[:2].mean(axis=0, keepdims=True), np.float32)
    made = np.zeros((channels, samples.shape[1]), np.float32)
    made[: min(2, channels)] = samples[:2] if own >= 2 else samples
    return made


@dataclass(frozen=True)
class Mix:
    """All that is heard in a film, added up."""

    form: Form
    sounds: tuple[Sound, ...]
    gain: float = 1.0

    def told(self) -> Any:
        """All that decides what is heard."""
        form = [self.form.rate_hz, self.form.channels, self.form.samples]
        return ["mix", form, self.gain, [sound.told() for sound in self.sounds]]

    def blocks(self) -> Generator[Samples]:
        """The blocks of the film, in order."""
        with ExitStack() as opened:
            sources = [sound.blocks(self.form) for sound in self.sounds]
            for source in sources:
                opened.callback(source.close)
            for (first, stop), *parts in zip(self.form.blocks(), *sources, strict=True):
                total = np.zeros((self.form.channels, stop - first), np.float32)
                for part in parts:
                    if part is not None:
                        total += part
                yield self._fitting(total * np.float32(self.gain))

    def _fitting(self, samples: Samples) -> Samples:
        """Samples within full scale: what is added up bends from the ceiling on, the clip alone stays as it is."""
        over = np.abs(samples) > CEILING
        if not over.any():
            return samples
        if len(self.sounds) == 1 and self.gain == 1:
            return np.clip(samples, -1, 1)
        room = np.float32(1 - CEILING)
        bent = np.sign(samples) * (CEILING + room * np.tanh((np.abs(samples) - CEILING) / room))
        return np.asarray(np.where(over, bent, samples), np.float32)


def write_sound(path: Path, blocks: Iterator[Samples], form: Form) -> None:
    """Encode sound as AAC, in an MP4 of its own; it begins with the film."""
    track = AudioTrack(0, "aac", form.rate_hz, form.channels, Fraction(0), Fraction(form.samples, form.rate_hz))
    with av.open(str(path.absolute()), "w", format="mp4", options={"movie_timescale": str(form.rate_hz)}) as output:
        encoded = AacTrack(output, track, Fraction(0), track.duration_s)
        for packet in encoded.packets(_frames(blocks, form)):
            output.mux(packet)


def _frames(blocks: Iterator[Samples], form: Form) -> Iterator[av.AudioFrame]:
    at = 0
    for block in blocks:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", LAYOUTS[form.channels])
        frame.sample_rate, frame.time_base, frame.pts = form.rate_hz, Fraction(1, form.rate_hz), at
        at += block.shape[1]
        yield frame
