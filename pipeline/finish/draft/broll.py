"""B-roll for a draft: clips of a folder whose names hold a keyword of what is said, each once, at that word."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.finish.film.plan import Broll, Cut
from pipeline.finish.known.story import Known
from utils.errors import ReshootError
from utils.media.clip import Clip
from utils.speech.alignment import bare
from utils.speech.topics import carries_topic

APART_S, SHOWN_S, LEAST_S = 8.0, 3.0, 1.0
"""How far b-roll is apart, how long it is seen, and how much of it has to be there."""
VIDEOS = {".mp4", ".mov", ".mkv", ".webm", ".m4v", ".avi"}


@dataclass(frozen=True, slots=True)
class Mention:
    """A word that b-roll may be about, and when it is said; the highest rank comes first."""

    rank: tuple[bool, float]
    at_s: float
    word: str


@dataclass
class Shelf:
    """The clips of a folder, by the words of their names; one that cannot be read is told and taken out."""

    folder: Path
    open_: Callable[[Path], Clip]
    remarks: list[str]

    def chosen(self, known: Known, cuts: Sequence[Cut], name: Callable[[Path], str]) -> tuple[Broll, ...]:
        """B-roll in the order of the film: keywords of what stands out come first, then other words with a topic."""
        taken, free = list[Broll](), dict(self._named())
        for mention in sorted(mentions(known), key=lambda each: each.rank, reverse=True):
            named = [path for path, words in free.items() if stem(mention.word) in words]
            if named and is_free(mention, known, cuts, taken) and (found := self._readable(named, free)):
                path, clip_s = found
                taken.append(shown_at(mention, known, name(path), clip_s))
        if not taken:
            why = "no name of a clip in it is a word that is said" if known.transcript.cues else "no words are known"
            self.remarks.append(f"No b-roll of {self.folder.name!r} is used: {why}.")
        return tuple(sorted(taken, key=lambda each: each.at_s))

    @property
    def words(self) -> set[str]:
        """All words of the names of its clips."""
        return {word for _, words in self._named() for word in words}

    def _named(self) -> Iterator[tuple[Path, set[str]]]:
        for path in sorted(self.folder.iterdir()):
            if path.suffix.lower() in VIDEOS:
                yield path, {stem(word) for word in re.findall(r"[^\W\d_]+", path.stem.lower())}

    def _readable(self, named: Sequence[Path], free: dict[Path, set[str]]) -> tuple[Path, float] | None:
        """The first of these clips that can be read, and how long it is; those that were tried are free no more."""
        for path in named:
            del free[path]
            try:
                return path, float(self.open_(path).duration_s)
            except ReshootError as error:
                self.remarks.append(f"{path.name!r} is no b-roll: {error.problem}")
        return None


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


def is_free(mention: Mention, known: Known, cuts: Sequence[Cut], taken: Sequence[Broll]) -> bool:
    """Whether b-roll can be seen at a word: it is not cut, not the last one, and far from other b-roll."""
    apart = all(abs(mention.at_s - other.at_s) >= APART_S for other in taken)
    is_cut = any(cut.from_s <= mention.at_s < cut.to_s for cut in cuts)
    return apart and not is_cut and mention.at_s + LEAST_S <= known.clip.duration_s


def shown_at(mention: Mention, known: Known, name: str, clip_s: float) -> Broll:
    """A clip of some length at a word."""
    seconds = min(SHOWN_S, float(known.clip.duration_s) - mention.at_s, clip_s)
    return Broll(file=name, at_s=mention.at_s, seconds=round(seconds, 3))


def stem(word: str) -> str:
    """A word as one: cups are about a cup."""
    return word[:-1] if len(word) > 3 and word.endswith("s") else word
