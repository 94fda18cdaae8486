"""Another text of a cue laid onto its timed words: times come from the sound alone, and a text can change none.

Words that both have keep their times to the millisecond, whatever case and punctuation they have now; others take the
time of the words that they stand for.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

import numpy as np

from utils.speech.transcript_file import split_words
from utils.speech.words import Cue, Transcript, Word

MOST_CELLS = 250_000
"""Longer cues are compared by a quicker way that may find more edits than there are."""
_BARE = re.compile(r"[^\w]+")


@dataclass(frozen=True)
class Corrected:
    """A transcript with other texts: how many words changed, and which cues stayed because too many would have."""

    transcript: Transcript
    changed: int
    refused: tuple[int, ...]


def bare(text: str) -> str:
    """A word without case and punctuation."""
    return _BARE.sub("", text.casefold())


def with_texts(transcript: Transcript, texts: Mapping[int, str], most_changed: float) -> Corrected:
    """A transcript with other texts for some cues, by their index; those that change too much stay."""
    cues, changed, refused = list(transcript.cues), 0, []
    for index, text in texts.items():
        words = split_words(text)
        count = changed_words(cues[index].words, words)
        if not words or count > most_changed * max(1, len(cues[index].words)):
            refused.append(index)
            continue
        if text != cues[index].text:
            cues[index] = replace(cues[index], text=" ".join(text.split()), words=realigned(cues[index], words))
            changed += count
    return Corrected(replace(transcript, cues=tuple(cues)), changed, tuple(sorted(refused)))


def laid(transcript: Transcript) -> Transcript:
    """A transcript whose words are those of its texts, where somebody corrected a text alone."""
    cues = tuple(
        replace(cue, words=realigned(cue, split_words(cue.text))) if cue.words and not _says(cue) else cue
        for cue in transcript.cues
    )
    return replace(transcript, cues=cues)


def changed_words(words: Sequence[Word], texts: Sequence[str]) -> int:
    """How many words differ; case and punctuation do not count."""
    return sum(max(i2 - i1, j2 - j1) for same, i1, i2, j1, j2 in _runs(words, texts) if not same)


def realigned(cue: Cue, texts: Sequence[str]) -> tuple[Word, ...]:
    """The words of a new text of a cue, with the times of those that they stand for."""
    words, result = cue.words, list[Word]()
    for same, i1, i2, j1, j2 in _runs(words, texts):
        if same or i2 - i1 == j2 - j1:
            result += [replace(words[i1 + k], text=texts[j1 + k]) for k in range(j2 - j1)]
        elif j2 > j1:
            before = words[i1 - 1].end_ms if i1 else cue.start_ms
            after = words[i1].start_ms if i1 < len(words) else cue.end_ms
            first, last = (words[i1].start_ms, words[i2 - 1].end_ms) if i2 > i1 else (before, after)
            result += _shared(texts[j1:j2], first, max(first, last))
    return tuple(result)


def _says(cue: Cue) -> bool:
    """Whether a cue's text is that of its words, whatever spaces are in it."""
    return "".join(cue.text.split()) == "".join("".join(word.text.split()) for word in cue.words)


Run = tuple[bool, int, int, int, int]
"""Whether words are the same, and which of the old and of the new these are."""


def _runs(words: Sequence[Word], texts: Sequence[str]) -> list[Run]:
    """The fewest edits from old to new, as runs of words that are the same and of those that are not."""
    ours, theirs = [bare(word.text) for word in words], [bare(text) for text in texts]
    if len(ours) * len(theirs) > MOST_CELLS:
        codes = SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes()
        return [(tag == "equal", *edges) for tag, *edges in codes]  # type: ignore[misc]
    runs = list[Run]()
    for same, i, di, j, dj in _steps(ours, theirs):
        if runs and runs[-1][0] == same:
            runs[-1] = (same, runs[-1][1], i + di, runs[-1][3], j + dj)
        else:
            runs.append((same, i, i + di, j, j + dj))
    return runs


def _steps(ours: Sequence[str], theirs: Sequence[str]) -> list[Run]:
    """One step of the fewest edits after the other: same or not, place and advance in the old, and in the new."""
    left = np.zeros((len(ours) + 1, len(theirs) + 1), np.int32)
    left[:, -1], left[-1] = np.arange(len(ours), -1, -1), np.arange(len(theirs), -1, -1)
    for i in range(len(ours) - 1, -1, -1):
        for j in range(len(theirs) - 1, -1, -1):
            changed = left[i + 1, j + 1] + (ours[i] != theirs[j])
            left[i, j] = min(changed, left[i + 1, j] + 1, left[i, j + 1] + 1)
    steps, i, j = list[Run](), 0, 0
    while i < len(ours) or j < len(theirs):
        both = i < len(ours) and j < len(theirs)
        if both and left[i, j] == left[i + 1, j + 1] + (ours[i] != theirs[j]):
            step = (ours[i] == theirs[j], i, 1, j, 1)
        elif i < len(ours) and left[i, j] == left[i + 1, j] + 1:
            step = (False, i, 1, j, 0)
        else:
            step = (False, i, 0, j, 1)
        steps.append(step)
        i, j = i + step[2], j + step[4]
    return steps


def _shared(texts: Sequence[str], first_ms: int, last_ms: int) -> list[Word]:
    """Words that share a stretch of time by their lengths."""
    total, before, result = sum(map(len, texts)), 0, list[Word]()
    for text in texts:
        begin, end = (first_ms + (last_ms - first_ms) * at // total for at in (before, before + len(text)))
        result.append(Word(text, begin, end))
        before += len(text)
    return result
