"""Word times made to fit the sound: no word begins or ends in a pause, and the words beside a pause reach up to it.

Whisper's attention says when a word is spoken to a tenth of a second or so, and lets words run on into pauses.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from utils.speech.words import Cue, Spans, Word

REACH_MS = 120
"""The first word after a pause and the last one before it are moved up to it over no more than this; over
more (250 ms), real speech came out 10 ms worse, because a breath is no word."""
LEAST_MS = 20
"""No word is made shorter."""


def snapped(words: Sequence[Word], quiet: Spans) -> tuple[Word, ...]:
    """Words in order, with their edges moved out of pauses."""
    starts, stops = [first for first, _ in quiet], [last for _, last in quiet]
    result = list[Word]()
    for index, word in enumerate(words):
        before_ms = result[-1].end_ms if result else 0
        after_ms = words[index + 1].start_ms if index + 1 < len(words) else None
        first, last = _outside(word, quiet[bisect_right(stops, word.start_ms) : bisect_left(starts, word.end_ms)])
        first = _back_to_pause(max(first, before_ms), before_ms, quiet, bisect_right(stops, first) - 1)
        last = _on_to_pause(last, after_ms, quiet, bisect_left(starts, last))
        last = max(last, first)
        result.append(Word(word.text, first, last, word.probability))
    return tuple(result)


def in_cues(cues: Sequence[Cue], words: Sequence[Word]) -> tuple[Cue, ...]:
    """Cues with other times of their words; each begins and ends with them."""
    result, at = list[Cue](), 0
    for cue in cues:
        own = tuple(words[at : at + len(cue.words)])
        at += len(cue.words)
        result.append(Cue(own[0].start_ms, own[-1].end_ms, cue.text, own) if own else cue)
    return tuple(result)


def _outside(word: Word, pauses: Spans) -> tuple[int, int]:
    """The stretch of a word without the pauses that it touches: of what is left, the longest."""
    edges = [word.start_ms, *(edge for pause in pauses for edge in pause), word.end_ms]
    pieces = [(first, last) for first, last in zip(edges[::2], edges[1::2], strict=True) if last - first >= LEAST_MS]
    return max(pieces, key=lambda piece: piece[1] - piece[0]) if pieces else (word.start_ms, word.end_ms)


def _back_to_pause(first: int, before_ms: int, quiet: Spans, index: int) -> int:
    """The start of a word, moved back to the end of the pause before it if no other word lies between."""
    if 0 <= index < len(quiet):
        begins, ends = quiet[index]
        if before_ms <= max(begins, ends - LEAST_MS) and 0 < first - ends <= REACH_MS:
            return ends
    return first


def _on_to_pause(last: int, after_ms: int | None, quiet: Spans, index: int) -> int:
    """The end of a word, moved on to the pause that follows if no other word begins before that ends."""
    if index < len(quiet):
        begins, ends = quiet[index]
        if 0 < begins - last <= REACH_MS and (after_ms is None or after_ms >= min(ends, begins + LEAST_MS)):
            return begins
    return last
