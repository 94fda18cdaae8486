"""Speech and silence by level, and what of a pause is cut: each pause keeps a breath on both sides.

Levels are root mean squares of 10 ms in decibels. Silence is what lies so many decibels below the clip's own loud
parts, the 95th percentile, so that the gain of a recording does not matter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from utils.speech.sound import RATE_HZ
from utils.speech.words import Spans, Word, spans_between

STEP_MS = 10
LOWEST_DB = -90.0
LOUD_PERCENTILE = 95
CLICK_MS = 40
"""Sound shorter than this in the middle of a silence does not end it."""
LEAST_CUT_MS = 80
"""Less than this, two frames or so, is not worth a cut."""
QUIET_MS = 60
"""Pauses inside of speech, for placing words, are at least so long."""

Levels = NDArray[np.float32]


@dataclass(frozen=True)
class Pauses:
    """What counts as a pause that may be cut."""

    below_db: float = 30.0
    """How far below the loud parts sound is silence."""
    least_s: float = 0.5
    """Shorter pauses belong to the speech."""
    breath_s: float = 0.15
    """How much of a pause stays at either end of it."""


def levels_of(blocks: Iterable[NDArray[np.float32]]) -> Levels:
    """The level of every 10 ms; the last step may be a part of one."""
    size, parts, rest = RATE_HZ * STEP_MS // 1000, list[Levels](), np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([rest, block])
        whole = len(held) // size * size
        parts.append(_decibels(held[:whole].reshape(-1, size)))
        rest = held[whole:]
    if len(rest):
        parts.append(_decibels(rest[None]))
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def threshold_db(levels: Levels, below_db: float) -> float:
    """The level below which there is silence."""
    return max(LOWEST_DB, float(np.percentile(levels, LOUD_PERCENTILE)) - below_db) if len(levels) else LOWEST_DB


def loud_spans(levels: Levels, below_db: float, length_ms: int) -> Spans:
    """Where sound is not silence, clicks left out."""
    loud = levels > threshold_db(levels, below_db)
    return tuple(span for span in _runs(loud, length_ms) if span[1] - span[0] >= CLICK_MS)


def quiet_spans(levels: Levels, below_db: float, length_ms: int) -> Spans:
    """Short pauses, too: where a word cannot be."""
    loud = levels > threshold_db(levels, below_db)
    return tuple(span for span in _runs(~loud, length_ms) if span[1] - span[0] >= QUIET_MS)


def pauses_between(speech: Spans, pauses: Pauses, length_ms: int) -> Spans:
    """The pauses between speech that may be cut, without the breath that stays; none where nobody speaks at all."""
    if not speech:
        return ()
    breath_ms, least_ms = round(pauses.breath_s * 1000), round(pauses.least_s * 1000)
    found = [(first, last) for first, last in spans_between(speech, 0, length_ms) if last - first >= least_ms]
    kept = [
        (first + (breath_ms if first > 0 else 0), last - (breath_ms if last < length_ms else 0))
        for first, last in found
    ]
    return tuple((first, last) for first, last in kept if last > first)


def without_words(pauses: Spans, words: Sequence[Word], breath_ms: int) -> Spans:
    """Pauses cut back to where no word is, and a breath beside each: a word that was missed as speech is never cut."""
    said = joined(((max(0, word.start_ms - breath_ms), word.end_ms + breath_ms) for word in words), 1)
    kept = list[tuple[int, int]]()
    for first, last in pauses:
        inside = [(max(first, begin), min(last, end)) for begin, end in said if begin < last and end > first]
        kept += spans_between(inside, first, last)
    return tuple((first, last) for first, last in kept if last - first >= LEAST_CUT_MS)


def joined(spans: Iterable[tuple[int, int]], apart_ms: int) -> Spans:
    """Ascending spans, those together that lie less than so far apart."""
    result = list[tuple[int, int]]()
    for first, last in spans:
        if result and first - result[-1][1] < apart_ms:
            result[-1] = (result[-1][0], max(last, result[-1][1]))
        else:
            result.append((first, last))
    return tuple(result)


def _runs(flags: NDArray[np.bool_], length_ms: int) -> Spans:
    edges = np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8))
    starts, stops = np.flatnonzero(edges > 0) * STEP_MS, np.flatnonzero(edges < 0) * STEP_MS
    pairs = zip(starts.tolist(), np.minimum(stops, length_ms).tolist(), strict=True)
    return tuple((start, stop) for start, stop in pairs if stop > start)


def _decibels(steps: NDArray[np.float32]) -> Levels:
    power = np.square(steps, dtype=np.float32).mean(axis=1)
    return np.asarray(np.maximum(10 * np.log10(np.maximum(power, 1e-12)), LOWEST_DB), np.float32)
