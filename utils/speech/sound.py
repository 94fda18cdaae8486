"""The sound of a clip as speech models hear it: one channel, 16 kHz, from the first picture to the end of the last.

It is written as an array of 16-bit samples that is mapped and never held, so hours take no more memory than seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from utils.media.clip import AudioTrack, Clip
from utils.media.decode import Losses, decode_sound, moment_s, open_input

RATE_HZ = 16_000
BLOCK = 30 * RATE_HZ
"""Samples that are worked on at once."""
GAP_S = Fraction(1, 50)
"""Times of frames that differ by more than this from where the sound before them ends are believed, and leave a gap."""
SILENT = 0.001
"""A track whose samples stay below this (-60 dB of full scale) holds nothing."""
ONE_SIDED = 0.1
"""A channel with less than this share of the other's energy (-10 dB) is left out of the mix, and so is a mix that has
less than this share of its louder channel's: the two cancel each other."""

Samples = NDArray[np.int16]


@dataclass(frozen=True)
class Sound:
    """What was found: the track that was taken, out of how many, which channels, and the largest sample (0 to 1)."""

    tracks: int
    track: int | None
    """The number of the track, from 0; None where no track holds anything."""
    channels: str
    """mono, both, left or right."""
    peak: float

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences for people."""
        if not self.tracks:
            return ("The clip has no sound.",)
        if self.track is None:
            return ("The clip's sound is silent throughout.",)
        number = self.track + 1
        several = f"The clip has {self.tracks} sound tracks; number {number} is listened to."
        sided = f"Only its {self.channels} channel is listened to; the other one holds nothing or the reverse of it."
        facts = [(self.tracks > 1, several), (self.channels in ("left", "right"), sided)]
        return tuple(sentence for true, sentence in facts if true)


def write_sound(clip: Clip, path: Path) -> Sound:
    """Write a clip's sound as a .npy file of int16: of the first track that is not silent."""
    tracks = _tracks(clip)
    count = ceil(clip.duration_s * RATE_HZ) if tracks else 0
    both_path = path.with_name(f"{path.name}.both")
    out = _mapped(path, (count,))
    for number, track in enumerate(tracks):
        both = _mapped(both_path, (count, min(2, track.channels)))
        _fill(both, replace(clip, audio=track))
        channels, peak = _mix(both, out)
        del both
        both_path.unlink()
        if peak >= SILENT:
            return Sound(len(tracks), number, channels, peak)
    return Sound(len(tracks), None, "mono", 0.0)


def blocks(samples: Samples) -> Iterator[NDArray[np.float32]]:
    """Samples from -1 to 1 in blocks."""
    for start in range(0, len(samples), BLOCK):
        yield np.asarray(samples[start : start + BLOCK], np.float32) / 32768


def _mapped(path: Path, shape: tuple[int, ...]) -> Samples:
    """A new .npy file of zeros, mapped for writing."""
    mapped: Samples = np.lib.format.open_memmap(path, "w+", np.int16, shape)  # type: ignore[no-untyped-call]
    return mapped


def _tracks(clip: Clip) -> list[AudioTrack]:
    """The tracks of a clip's file that may be decoded: the one of the clip first, then the others."""
    if clip.of_file.audio is None:
        return []
    known = clip.of_file.audio
    with open_input(clip.path) as container:
        others = [
            replace(known, stream_index=stream.index, channels=stream.codec_context.channels or 1)
            for stream in container.streams.audio
            if stream.index != known.stream_index and stream.codec_context is not None
        ]
    return [known, *others]


def _fill(out: Samples, clip: Clip) -> None:
    """Put each sample where its time is; gaps stay silent, what lies outside of the pictures is left out."""
    layout = "stereo" if out.shape[1] == 2 else "mono"
    for at, values in _placed(clip, layout):
        first, last = max(0, -at), min(len(values), len(out) - at)
        if last > first:
            out[at + first : at + last] = np.clip(np.rint(values[first:last] * 32767), -32768, 32767)


def _placed(clip: Clip, layout: str) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Pieces of sound with the sample, counted from the first picture, that each begins at."""
    assert clip.audio is not None
    origin_s = clip.pts[0] * clip.time_base
    with open_input(clip.path) as container:
        stream = next(each for each in container.streams.audio if each.index == clip.audio.stream_index)
        resampler: av.AudioResampler | None = None
        at, due_s, form = 0, Fraction(0), (0, "")
        for frame in decode_sound(container, stream, Losses()):
            starts_s = moment_s(frame) - origin_s
            if starts_s > clip.duration_s:
                break
            if resampler is None or abs(starts_s - due_s) > GAP_S or form != _form(frame):
                for values in _resampled(resampler, None):
                    yield at, values
                    at += len(values)
                resampler, form = av.AudioResampler("flt", layout, RATE_HZ), _form(frame)
                at, due_s = round(starts_s * RATE_HZ), starts_s
            due_s += Fraction(frame.samples, frame.sample_rate)
            for values in _resampled(resampler, frame):
                yield at, values
                at += len(values)
        for values in _resampled(resampler, None):
            yield at, values
            at += len(values)


def _form(frame: av.AudioFrame) -> tuple[int, str]:
    return frame.sample_rate, frame.layout.name


def _resampled(resampler: av.AudioResampler | None, frame: av.AudioFrame | None) -> Iterator[NDArray[np.float32]]:
    """What comes out of a resampler, samples x channels; None as the frame brings out the rest."""
    for piece in resampler.resample(frame) if resampler else ():
        values = np.asarray(piece.to_ndarray().reshape(-1, piece.layout.nb_channels), np.float32)
        yield values


def _mix(both: Samples, out: Samples) -> tuple[str, float]:
    """Mix to one channel those that hold something; which ones these are, and the largest sample of the mix."""
    weights, name = [1.0], "mono"
    if both.shape[1] == 2:
        left, right, together = _energies(both)
        name, weights = "both", [0.5, 0.5]
        if min(left, right) < ONE_SIDED * max(left, right) or 4 * together < ONE_SIDED * max(left, right):
            name, weights = ("left", [1.0, 0.0]) if left >= right else ("right", [0.0, 1.0])
    peak = 0
    for start in range(0, len(both), BLOCK):
        mixed = np.rint(both[start : start + BLOCK].astype(np.float32) @ np.array(weights, np.float32))
        out[start : start + BLOCK] = mixed
        peak = max(peak, int(np.abs(mixed).max(initial=0)))
    return name, peak / 32768


def _energies(both: Samples) -> tuple[float, float, float]:
    """The energies of left, right and the mix of both."""
    total = np.zeros(3)
    for start in range(0, len(both), BLOCK):
        values = both[start : start + BLOCK].astype(np.float64)
        total += [np.square(each).sum() for each in (values[:, 0], values[:, 1], values.mean(axis=1))]
    return float(total[0]), float(total[1]), float(total[2])
