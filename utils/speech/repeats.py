"""What of a speech can go: filler words, and takes that were begun again or said twice.

A take goes when the same words come again soon. Where it was broken off, a few words alike at its start are enough;
where it is a whole sentence, nearly all of its words have to come again: speeches repeat themselves on purpose, too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from utils.speech.alignment import bare
from utils.speech.words import Word

FILLERS: Mapping[str, tuple[str, ...]] = {
    "": ("um", "umm", "uh", "uhh", "uhm", "erm", "er", "hm", "hmm", "mhm", "mm", "mmm", "ah", "äh", "ähm", "öh", "euh"),
    "en": ("you know", "i mean"),
    "de": ("halt", "sozusagen", "ne"),
    "es": ("este", "eh", "o sea"),
    "fr": ("ben", "bah", "du coup"),
    "it": ("cioè", "ehm", "eh"),
    "pt": ("né", "tipo", "hã"),
}
"""Sounds of any language, and words that say nothing in one, where others stand before or after a pause or a comma."""
BROKEN_OFF_WORDS = 3
"""A take that was broken off goes on for at most so many words after those that come again."""
WHOLE_SHARE = 0.9
"""The share of a whole take's words that come again."""
LONGEST_TAKE_WORDS = 60
APART_MS, RESTART_MS = 150, 250
"""Pauses from which on a filler word stands for itself, and before what is begun again."""
_ENDS = (".", "!", "?", "…", ",", ";", ":")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Words that can go, by their place among all words, and when they are said."""

    first: int
    last: int
    start_ms: int
    end_ms: int
    text: str


def find_fillers(words: Sequence[Word], language: str | None, own: Iterable[str] = ()) -> tuple[Stretch, ...]:
    """Filler words: those given, or else sounds of any language and phrases of this one that stand for themselves."""
    given = {tuple(map(bare, phrase.split())) for phrase in own if phrase.strip()}
    sounds = given or {(text,) for text in FILLERS[""]}
    code = (language or "").lower()[:2]
    phrases = set() if given else {tuple(map(bare, text.split())) for text in FILLERS.get(code, ()) if code}
    texts, found, index = [bare(word.text) for word in words], list[Stretch](), 0
    longest = max((len(each) for each in sounds | phrases), default=0)
    while index < len(words):
        for length in range(longest, 0, -1):
            phrase = tuple(texts[index : index + length])
            alone = phrase in phrases and _stands_alone(words, index, index + length - 1)
            if len(phrase) == length and (phrase in sounds or alone):
                found.append(_stretch(words, index, index + length - 1))
                index += length - 1
                break
        index += 1
    return tuple(found)


def find_takes(words: Sequence[Word], least_words: int, within_ms: int) -> tuple[Stretch, ...]:
    """Takes that are said again: all but the last of each."""
    texts, found, index = [bare(word.text) for word in words], list[Stretch](), 0
    places: dict[tuple[str, ...], list[int]] = {}
    for at in range(len(texts) - least_words + 1):
        places.setdefault(tuple(texts[at : at + least_words]), []).append(at)
    while index + least_words <= len(texts):
        again = (
            at
            for at in places[tuple(texts[index : index + least_words])]
            if index + least_words <= at <= index + LONGEST_TAKE_WORDS
            and words[at].start_ms - words[index].start_ms <= within_ms
            and _begins(words, index)
            and _begins(words, at)
        )
        second = next((at for at in again if _is_taken_again(words, texts, index, at)), None)
        if second is None:
            index += 1
            continue
        found.append(_stretch(words, index, second - 1))
        index = second
    return tuple(found)


def _is_taken_again(words: Sequence[Word], texts: Sequence[str], first: int, second: int) -> bool:
    """Whether what begins at `first` is said again from `second` on."""
    common = 0
    while first + common < second < len(texts) - common and texts[first + common] == texts[second + common]:
        common += 1
    length = second - first
    broken_off = not words[second - 1].text.endswith(_ENDS) and length - common <= BROKEN_OFF_WORDS
    if broken_off:
        return True
    return _common(texts[first:second], texts[second : second + length + length // 2]) >= WHOLE_SHARE * length


def _begins(words: Sequence[Word], index: int) -> bool:
    """Whether something begins with a word: after a pause or a sign."""
    if index == 0 or words[index - 1].text.endswith(_ENDS):
        return True
    return words[index].start_ms - words[index - 1].end_ms >= RESTART_MS


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    """The length of the longest sequence that both have in this order."""
    row = [0] * (len(second) + 1)
    for text in first:
        before = row
        row = [0] * len(before)
        for at, other in enumerate(second):
            row[at + 1] = before[at] + 1 if text == other else max(row[at], before[at + 1])
    return row[-1]


def _stands_alone(words: Sequence[Word], first: int, last: int) -> bool:
    """Whether a pause or a comma parts words from those before and after them, on one side at least."""
    before = first == 0 or words[first].start_ms - words[first - 1].end_ms >= APART_MS
    after = last + 1 == len(words) or words[last + 1].start_ms - words[last].end_ms >= APART_MS
    commas = words[last].text.endswith(_ENDS) or (first > 0 and words[first - 1].text.endswith(_ENDS))
    return (before and after) or commas


def _stretch(words: Sequence[Word], first: int, last: int) -> Stretch:
    text = " ".join(word.text for word in words[first : last + 1])
    return Stretch(first, last, words[first].start_ms, words[last].end_ms, text)
