"""What a speech is about, by plain statistics of its words: keywords of each cue, and cues that stand out.

Words that carry a meaning are ranked by how often they come and how many others they come together with (RAKE: degree
over the square root of frequency). A highlight is a cue that is dense with them, and said louder than the rest.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from utils.speech.alignment import bare
from utils.speech.words import Cue

LEAST_LETTERS = 4
SHOWN = 3
"""Keywords of one cue."""
HIGHLIGHTS_A_MINUTE, LEAST_APART_MS = 4, 8_000
LOUDER_DB = 6.0
"""A cue that is louder by this counts twice."""
STOP_WORDS = frozenset((Path(__file__).parent / "stop_words.txt").read_text(encoding="utf-8").split())
"""Words of English, German, Spanish and French that carry no topic."""


@dataclass(frozen=True)
class Topic:
    """What a cue is about: its keywords, the best first, and how much it stands out (1 is the mean)."""

    keywords: tuple[str, ...]
    weight: float


def topics_of(cues: Sequence[Cue], levels_db: Sequence[float] | None = None) -> tuple[Topic, ...]:
    """The topic of each cue; `levels_db` says how loud each is."""
    texts = [[bare(text) for text in cue.text.split()] for cue in cues]
    ranks = _ranks(texts)
    sums = [sum(ranks.get(text, 0.0) for text in own) / math.sqrt(max(1, len(own))) for own in texts]
    mean = sum(sums) / max(1, len(sums)) or 1.0
    loud = _louder(levels_db) if levels_db else [1.0] * len(cues)
    return tuple(
        Topic(_best(own, ranks), round(total / mean * factor, 3))
        for own, total, factor in zip(texts, sums, loud, strict=True)
    )


def highlights(cues: Sequence[Cue], topics: Sequence[Topic], length_ms: int) -> tuple[int, ...]:
    """The cues that stand out most, some each minute and not next to each other, in order."""
    count = max(1, round(length_ms / 60_000 * HIGHLIGHTS_A_MINUTE))
    chosen = list[int]()
    for index in sorted(range(len(cues)), key=lambda index: -topics[index].weight):
        apart = all(abs(cues[index].start_ms - cues[other].start_ms) >= LEAST_APART_MS for other in chosen)
        if topics[index].weight > 1 and apart and len(chosen) < count:
            chosen.append(index)
    return tuple(sorted(chosen))


def carries_topic(text: str) -> bool:
    """Whether a word, without case and punctuation, may be what a speech is about."""
    return len(text) >= LEAST_LETTERS and text not in STOP_WORDS and not text.isdigit()


def _ranks(texts: Sequence[Sequence[str]]) -> Mapping[str, float]:
    """The rank of each word that carries a topic: its degree over the square root of how often it comes."""
    count, degree = Counter[str](), Counter[str]()
    for own in texts:
        carrying = [text for text in own if carries_topic(text)]
        count.update(carrying)
        for text in carrying:
            degree[text] += len(set(carrying))
    return {text: degree[text] / math.sqrt(count[text]) for text in count}


def _best(own: Sequence[str], ranks: Mapping[str, float]) -> tuple[str, ...]:
    known = dict.fromkeys(text for text in own if text in ranks)
    return tuple(sorted(known, key=lambda text: -ranks[text])[:SHOWN])


def _louder(levels_db: Sequence[float]) -> list[float]:
    """The factor of each level against the median."""
    middle = sorted(levels_db)[len(levels_db) // 2] if levels_db else 0.0
    return [2.0 ** max(-1.0, min(1.0, (level - middle) / LOUDER_DB)) for level in levels_db]
