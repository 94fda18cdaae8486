"""Mentions: the words of a clip that something may be shown for, and where there is room for it in the film."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.finish.film.plan import Broll, Cut, Picture
from pipeline.finish.known.story import Known
from utils.speech.alignment import bare
from utils.speech.topics import carries_topic

APART_S, SHOWN_S, LEAST_S = 8.0, 3.0, 1.0
"""How far what is shown is apart, how long it is seen, and how much of it has to be there."""
LEFT, TOP, WIDTH, FADE_S = 0.05, 0.08, 0.25, 0.2
"""Where pictures are seen, as shares of the picture: a logo is at the other side."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A word that something may be shown for, and when it is said; the highest rank comes first."""

    rank: tuple[bool, float]
    at_s: float
    word: str


def mentions(known: Known) -> Iterator[Mention]:
    """Every word with a topic; where only cues have times, at the start of its cue."""
    topics = known.contents.topics if known.contents else ()
    for cue, topic in zip(known.transcript.cues, topics, strict=True):
        timed = [(word.text, word.start_ms) for word in cue.words] or [
            (text, cue.start_ms) for text in cue.text.split()
        ]
        for text, start_ms in timed:
            if carries_topic(word := bare(text)):
                yield Mention((word in topic.keywords, topic.weight), start_ms / 1000, word)


def is_free(mention: Mention, known: Known, cuts: Sequence[Cut], taken_s: Iterable[float]) -> bool:
    """Whether something can be shown at a word: it is not cut, not the last one, and far from what is shown."""
    apart = all(abs(mention.at_s - at_s) >= APART_S for at_s in taken_s)
    is_cut = any(cut.from_s <= mention.at_s < cut.to_s for cut in cuts)
    return apart and not is_cut and mention.at_s + LEAST_S <= known.clip.duration_s


def broll_at(mention: Mention, known: Known, name: str, clip_s: float) -> Broll:
    """A clip of some length at a word."""
    seconds = min(SHOWN_S, float(known.clip.duration_s) - mention.at_s, clip_s)
    return Broll(file=name, at_s=mention.at_s, seconds=round(seconds, 3))


def picture_at(mention: Mention, known: Known, name: str) -> Picture:
    """A picture at a word, in a corner of the film."""
    to_s = round(min(mention.at_s + SHOWN_S, float(known.clip.duration_s)), 3)
    return Picture(file=name, from_s=mention.at_s, to_s=to_s, left=LEFT, top=TOP, width=WIDTH, fade_s=FADE_S)


def stem(word: str) -> str:
    """A word as one: cups are about a cup."""
    return word[:-1] if len(word) > 3 and word.endswith("s") else word
