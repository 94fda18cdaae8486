"""Words joined to texts, and split into cues: what is read at once, ended by sentences and pauses."""

import re
from collections.abc import Iterable, Sequence

from utils.speech.words import Cue, Word

MOST_CHARACTERS = 84
"""Two lines of a subtitle."""
MOST_MS = 6000
PAUSE_MS = 700
"""A pause of this length ends a cue."""
FEW_CHARACTERS = 12
"""A sentence this short goes on with the next one."""
_ENDS = re.compile(r"[.!?…。！？]['\"”’»)\]]*$")
_COMMA = re.compile(r"[,;:，、；：—–]$")
_TOGETHER = re.compile(r"[\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")


def joined_text(words: Iterable[str]) -> str:
    """The text of words: with spaces, but between characters of scripts that have none."""
    text = ""
    for word in words:
        text += ("" if not text or _joins(text[-1], word[:1]) else " ") + word
    return text


def cues_of(words: Sequence[Word]) -> tuple[Cue, ...]:
    """Words in cues."""
    cues, held = list[Cue](), list[Word]()
    for word in words:
        if held and _ends_before(held, word):
            cues.append(cue_of(held))
            held = []
        held.append(word)
    return (*cues, cue_of(held)) if held else tuple(cues)


def cue_of(words: Sequence[Word]) -> Cue:
    """The cue of some words."""
    return Cue(words[0].start_ms, words[-1].end_ms, joined_text(word.text for word in words), tuple(words))


def _ends_before(held: Sequence[Word], word: Word) -> bool:
    text = joined_text(each.text for each in held)
    full = len(text) + len(word.text) + 1 > MOST_CHARACTERS or word.end_ms - held[0].start_ms > MOST_MS
    sentence = bool(_ENDS.search(text)) and len(text) >= FEW_CHARACTERS
    clause = bool(_COMMA.search(text)) and len(text) > MOST_CHARACTERS // 2
    return full or sentence or clause or word.start_ms - held[-1].end_ms >= PAUSE_MS


def _joins(before: str, after: str) -> bool:
    """Whether two characters stand beside each other without a space."""
    if _HANGUL.match(before) or _HANGUL.match(after):
        return False
    return bool(_TOGETHER.match(before) and _TOGETHER.match(after))
