"""Cutting: what is known about a clip becomes cuts, each with its reason, so that people can take one out of a plan.

Words go with half of the gap at either side of them, or a breath of it, so that no other word is touched. What people
put back stays.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pipeline.finish.draft.staying import Staying
from pipeline.finish.film.plan import Cut
from pipeline.finish.known.story import CUE_TIMES_ONLY, Known
from utils.speech.cues import joined_text
from utils.speech.silence import joined
from utils.speech.words import Cue, Word

LEAST_MS, SLIVER_MS = 60, 250
"""The shortest cut; and what is left between two cuts that is shorter than this, and holds no word, goes as well."""
SHOWN = 48
"""How many characters of what is cut its reason shows."""
SILENCE, STRUCK = "silence", "struck out"


@dataclass(frozen=True)
class Reasons:
    """Which cuts are wanted; words that people struck out are always cut."""

    silences: bool = True
    takes: bool = True
    fillers: bool = True


@dataclass(frozen=True, slots=True)
class Gone:
    """Words that go: the first and last, by their places in the transcript, and why."""

    first: int
    last: int
    why: str


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A stretch of the clip that goes."""

    start_ms: int
    end_ms: int
    why: str


def gone_words(known: Known, reasons: Reasons) -> tuple[Gone, ...]:
    """The words that go, in order of their reasons."""
    words, contents, staying = known.transcript.words, known.contents, Staying.of(known)
    struck = set(known.changed.struck)
    found = list(_runs((at for at, word in enumerate(words) if (word.start_ms, word.end_ms) in struck), STRUCK))
    takes = [(each, "said again") for each in contents.takes] if contents and reasons.takes else []
    fillers = [(each, "filler") for each in contents.fillers] if contents and reasons.fillers else []
    for each, why in [*takes, *fillers]:
        found += _runs((at for at in range(each.first, each.last + 1) if not staying.holds(words[at])), why)
    return tuple(found)


def cuts_of(known: Known, reasons: Reasons, gone: Sequence[Gone]) -> tuple[Cut, ...]:
    """The cuts of a clip in order. They may lie in each other: each counts for itself where another is taken out."""
    words, length_ms, staying = known.transcript.words, round(known.clip.duration_s * 1000), Staying.of(known)
    silent = [each for pause in known.pauses for each in _silent(pause, staying)] if reasons.silences else []
    said = [part for each in gone for part in _said(words, each, known.breath_ms, length_ms, staying)]
    kept = joined(sorted([*_kept(words, gone), *staying.spans]), 1)
    return tuple(
        Cut(from_s=each.start_ms / 1000, to_s=each.end_ms / 1000, why=each.why)
        for each in _closed([*silent, *said], kept, length_ms)
        if each.end_ms - each.start_ms >= LEAST_MS
    )


def cues_left(known: Known, gone: Sequence[Gone]) -> tuple[Cue, ...]:
    """The cues of a clip's subtitles.

    Words whose times were heard are left to the film, which shows none that is cut. Where times are estimated, those
    that go are taken out here, and no times are told.
    """
    if known.transcript.source not in CUE_TIMES_ONLY:
        return known.transcript.cues
    lost, at, left = _places(gone), 0, list[Cue]()
    for cue in known.transcript.cues:
        own = [word for place, word in enumerate(cue.words, at) if place not in lost]
        at += len(cue.words)
        text = cue.text if len(own) == len(cue.words) else joined_text(word.text for word in own)
        if text:
            left.append(replace(cue, text=text, words=()))
    return tuple(left)


def _runs(places: Iterable[int], why: str) -> Iterator[Gone]:
    """Words that go for a reason; those that follow each other go together."""
    first = last = -2
    for place in places:
        if place == last + 1:
            last = place
            continue
        if first >= 0:
            yield Gone(first, last, why)
        first = last = place
    if first >= 0:
        yield Gone(first, last, why)


def _silent(pause: tuple[int, int], staying: Staying) -> Iterator[_Stretch]:
    """What goes of a pause; beside what was put back of it, no sliver does."""
    parts = staying.rest_of(*pause)
    for first, last in parts:
        if (first, last) == pause or last - first >= SLIVER_MS:
            yield _Stretch(first, last, SILENCE)


def _said(words: Sequence[Word], gone: Gone, breath_ms: int, length_ms: int, staying: Staying) -> Iterator[_Stretch]:
    """What goes with words: all around them, but for what was put back; words that people struck out go for sure."""
    whole = _around(words, gone, breath_ms, length_ms)
    if gone.why == STRUCK:
        yield whole
        return
    middles = [(word.start_ms + word.end_ms) // 2 for word in words[gone.first : gone.last + 1]]
    for first, last in staying.rest_of(whole.start_ms, whole.end_ms):
        if any(first <= middle < last for middle in middles):
            yield replace(whole, start_ms=first, end_ms=last)


def _around(words: Sequence[Word], gone: Gone, breath_ms: int, length_ms: int) -> _Stretch:
    """The stretch of words that go, with its share of the gaps around them."""
    start_ms, end_ms = words[gone.first].start_ms, words[gone.last].end_ms
    before_ms = words[gone.first - 1].end_ms if gone.first else 0
    after_ms = words[gone.last + 1].start_ms if gone.last + 1 < len(words) else length_ms
    lead, rest = (max(0, min(breath_ms, gap // 2)) for gap in (start_ms - before_ms, after_ms - end_ms))
    text = joined_text(word.text for word in words[gone.first : gone.last + 1])
    said = text if len(text) <= SHOWN else f"{text[: SHOWN - 4]} ..."
    return _Stretch(start_ms - lead, min(length_ms, end_ms + rest), f"{gone.why}: {said}")


def _closed(stretches: Iterable[_Stretch], kept: Sequence[tuple[int, int]], length_ms: int) -> Iterator[_Stretch]:
    """Stretches in order, without slivers between silence and words that go, in which a frame or two would flash."""
    reach, why = 0, SILENCE
    ordered = sorted(stretches, key=lambda each: (each.start_ms, -each.end_ms))
    for number, each in enumerate(ordered):
        sliver = 0 < each.start_ms - reach < SLIVER_MS and not _said_between(kept, reach, each.start_ms)
        if sliver and not each.why == why == SILENCE:
            each = replace(each, start_ms=reach)
        if number == len(ordered) - 1 and each.why != SILENCE and 0 < length_ms - each.end_ms < SLIVER_MS:
            each = each if _said_between(kept, each.end_ms, length_ms) else replace(each, end_ms=length_ms)
        if each.end_ms > reach:
            reach, why = each.end_ms, each.why
        yield each


def _said_between(kept: Sequence[tuple[int, int]], start_ms: int, end_ms: int) -> bool:
    """Whether a word that stays is heard between two times."""
    first = bisect_right(kept, start_ms, key=lambda word: word[1])
    return first < len(kept) and kept[first][0] < end_ms


def _kept(words: Sequence[Word], gone: Iterable[Gone]) -> list[tuple[int, int]]:
    """When the words that stay are said."""
    lost = _places(gone)
    return [(word.start_ms, word.end_ms) for place, word in enumerate(words) if place not in lost]


def _places(gone: Iterable[Gone]) -> set[int]:
    return {place for each in gone for place in range(each.first, each.last + 1)}
