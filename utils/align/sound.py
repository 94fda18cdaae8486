"""Where two clips sound alike: how much later the foreground begins in the background's sound, and how sure that is.

How loud they are, every hundredth of a second and whatever the level, is correlated over all shifts by way of the FFT.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray

from utils.media.clip import Clip
from utils.media.decode import Losses, decode_sound, moment_s, open_input

Values = NDArray[np.float64]
RATE_HZ, STEPS_HZ = 8000, 100
SLOW_S, APART_S = 1.0, 0.3
"""Changes slower than this are no part of a comparison; another shift is one that differs by at least so much."""
LEAST_OVERLAP_S, LEAST_OVERLAP_SHARE = 1.0, 0.25
"""Over how much sound, at least, shifts are compared, also as a share of the shorter clip."""
CLEAR = 0.25
"""A best shift that is better than any other by this part of its own likeness is the only one."""


@dataclass(frozen=True)
class Heard:
    """Where in the background's time the foreground begins, by their sound."""

    begins_s: float
    confidence: float
    """From 0 to 1: how alike they sound there, less where they do so elsewhere, too."""


def heard(background: Clip, foreground: Clip) -> Heard | None:
    """Where the foreground's sound lies in the background's; None where one has none, or too little."""
    if background.audio is None or foreground.audio is None:
        return None
    behind, own = (_changes(clip) for clip in (background, foreground))
    least = max(LEAST_OVERLAP_S * STEPS_HZ, LEAST_OVERLAP_SHARE * min(len(behind), len(own)))
    if min(len(behind), len(own)) < least:
        return None
    alike = _alike(behind, own, int(least))
    best = int(alike.argmax())
    others = alike.copy()
    away = round(APART_S * STEPS_HZ)
    others[max(0, best - away) : best + away + 1] = 0
    clear = (alike[best] - others.max()) / max(CLEAR * float(alike[best]), 1e-9)
    shift = best - (len(own) - 1) + _between(alike, best)
    return Heard(shift / STEPS_HZ, float(np.clip(alike[best] * np.clip(clear, 0, 1), 0, 1)))


def _alike(behind: Values, own: Values, least: int) -> Values:
    """The correlation at each shift, from the last of the foreground on the first of the background to the reverse."""
    count = len(behind) + len(own) - 1
    size = 1 << (count - 1).bit_length()

    def correlated(first: Values, second: Values) -> Values:
        spectrum = np.fft.rfft(first, size) * np.fft.rfft(second[::-1], size)
        return np.asarray(np.fft.irfft(spectrum, size)[:count])

    ones = np.ones_like(behind), np.ones_like(own)
    energies = correlated(behind * behind, ones[1]), correlated(ones[0], own * own)
    overlap = np.rint(correlated(*ones))
    alike = correlated(behind, own) / np.sqrt(np.maximum(energies[0] * energies[1], 1e-9))
    return np.where(overlap >= least, alike, 0.0)


def _between(alike: Values, best: int) -> float:
    """The part of a step by which the top of a parabola through three neighbours lies off the middle one."""
    if not 0 < best < len(alike) - 1:
        return 0.0
    before, top, after = alike[best - 1 : best + 2]
    bend = before - 2 * top + after
    return float(np.clip((before - after) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0


def _changes(clip: Clip) -> Values:
    """How loud a clip is at each step from its first picture on, in decibels around the level of a second or so."""
    loud = _loudness(clip)
    width = round(SLOW_S * STEPS_HZ) | 1
    if len(loud) <= width:
        return np.zeros(0)
    kernel = np.ones(width)
    level = np.convolve(loud, kernel, "same") / np.convolve(np.ones(len(loud)), kernel, "same")
    return np.asarray(loud - level)


def _loudness(clip: Clip) -> Values:
    """Decibels at each step, not below -80 of full scale; a file is read once and never held."""
    steps, size, last = list[Values](), RATE_HZ // STEPS_HZ, 0.0
    rest = np.zeros(0)
    for samples in _samples(clip):
        held = np.concatenate([rest, samples])
        whole = len(held) // size * size
        changes = np.diff(held[:whole], prepend=last)  # low tones, which are the strongest, count for less
        steps.append(10 * np.log10(np.maximum(np.square(changes).reshape(-1, size).mean(axis=1), 1e-8)))
        last, rest = (float(held[whole - 1]) if whole else last), held[whole:]
    return np.concatenate(steps) if steps else np.zeros(0)


def _samples(clip: Clip) -> Iterator[Values]:
    """The sound in pieces, from the first picture on."""
    assert clip.audio is not None
    with open_input(clip.path) as container:
        stream = next(each for each in container.streams.audio if each.index == clip.audio.stream_index)
        resampler, early = av.AudioResampler("flt", "mono", RATE_HZ), None
        for frame in decode_sound(container, stream, Losses()):
            if early is None:
                early = round(float(clip.pts[0] * clip.time_base - moment_s(frame)) * RATE_HZ)
                yield np.zeros(max(0, -early))
            for piece in resampler.resample(frame):
                samples = np.asarray(piece.to_ndarray().ravel(), np.float64)
                yield samples[max(0, early) :]
                early -= min(max(0, early), len(samples))
