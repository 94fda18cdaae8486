"""What people change of what is known: a word, a cut, a focal point, or that something stays which would be cut.

It is an input with a digest, and never a result.

A change says what it was made of, so that it finds its place again when a clip is analysed anew, by another model or
with other settings; where it fits nothing any more, that is said, and it is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utils.digest import canonical_json, digest_bytes
from utils.errors import SettingsError
from utils.speech.alignment import bare
from utils.speech.cues import joined_text
from utils.speech.words import MOST_MS, Cue, Spans, Transcript, Word
from utils.untrusted_json import UntrustedJson, read_object

Stretch = tuple[int, int]
NEAR_MS = 500
"""How far a word may have moved since it was changed."""
HELD_S = 1.0
"""For how long before and after it a focal point that somebody set holds alone."""


@dataclass(frozen=True, slots=True)
class WordChange:
    """Another text for a word, its being struck out, or that it stays whatever is found; `was` is what it was then."""

    at_ms: int
    was: str
    text: str
    struck: bool = False
    kept: bool = False


@dataclass(frozen=True, slots=True)
class CutChange:
    """A frame that begins a new shot, or does not, whatever is found."""

    frame: int
    is_cut: bool


@dataclass(frozen=True, slots=True)
class FocusChange:
    """Where the picture is looked at, from 0 to 1, around a time."""

    at_ms: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class KeptChange:
    """A stretch that stays, whatever is found: a pause, or what was said, that people put back."""

    from_ms: int
    to_ms: int


@dataclass(frozen=True)
class Changed:
    """A transcript with changes in it, the times of words that are struck out or stay, and changes that fit no word."""

    transcript: Transcript
    struck: Spans
    kept: Spans
    lost: tuple[WordChange, ...]


@dataclass(frozen=True)
class Changes:
    """All changes of a clip."""

    words: tuple[WordChange, ...] = ()
    cuts: tuple[CutChange, ...] = ()
    focus: tuple[FocusChange, ...] = ()
    kept: tuple[KeptChange, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Digest of their content."""
        return digest_bytes(canonical_json(self.to_json()))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        groups: dict[str, tuple[Any, ...]] = {
            "words": self.words,
            "cuts": self.cuts,
            "focus": self.focus,
            "kept": self.kept,
        }
        return {name: [asdict(each) for each in group] for name, group in groups.items()}

    @classmethod
    def read(cls, text: str | bytes) -> "Changes":
        """Changes as JSON text; SettingsError in a sentence for anything else."""
        try:
            data = read_object(text, 4 << 20)
            return cls(
                tuple(_word(each) for each in data.get("words", ())),
                tuple(CutChange(_whole(each["frame"]), bool(each["is_cut"])) for each in data.get("cuts", ())),
                tuple(
                    FocusChange(_whole(each["at_ms"]), _share(each["x"]), _share(each["y"]))
                    for each in data.get("focus", ())
                ),
                tuple(_kept(each) for each in data.get("kept", ())),
            )
        except (UntrustedJson, KeyError, TypeError, ValueError, AttributeError) as error:
            raise SettingsError(
                f"The changes cannot be read ({type(error).__name__}: {error}).",
                "They are JSON: words (at_ms, was, and text, struck or kept), cuts (frame, is_cut), "
                "focus (at_ms, x, y) and kept (from_ms, to_ms).",
            ) from error

    def of_words(self, transcript: Transcript) -> Changed:
        """A transcript with the words as people want them; the times of all words stay."""
        words, struck, kept, lost = list(transcript.words), set[Stretch](), set[Stretch](), list[WordChange]()
        for change in self.words:
            index = _place(change, transcript.words)
            if index is None:
                lost.append(change)
            elif change.struck or change.kept:
                (struck if change.struck else kept).add((words[index].start_ms, words[index].end_ms))
            else:
                words[index] = replace(words[index], text=change.text)
        return Changed(_rebuilt(transcript, words), tuple(sorted(struck)), tuple(sorted(kept - struck)), tuple(lost))

    def of_cuts(self, found: Sequence[int]) -> tuple[int, ...]:
        """The cuts that count."""
        added = {change.frame for change in self.cuts if change.is_cut}
        gone = {change.frame for change in self.cuts if not change.is_cut}
        return tuple(sorted((set(found) | added) - gone))

    def of_focus(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Focal points over time, n x 3, those near to a change pulled to it, and the changes themselves among them."""
        result = points.copy()
        for change in self.focus:
            at_s = change.at_ms / 1000
            pull = np.clip(2 - np.abs(result[:, 0] - at_s) / HELD_S, 0, 1)[:, None] if len(result) else 0
            if len(result):
                result[:, 1:] += pull * ([change.x, change.y] - result[:, 1:])
        held = np.array([[each.at_ms / 1000, each.x, each.y] for each in self.focus]).reshape(-1, 3)
        together = np.concatenate([result[~np.isin(result[:, 0], held[:, 0])], held])
        ordered: NDArray[np.float64] = together[np.argsort(together[:, 0], kind="stable")]
        return ordered


def _place(change: WordChange, words: Sequence[Word]) -> int | None:
    """The word that a change is about: the nearest in time that was, or is by now, what it says."""
    near = [
        (abs(word.start_ms - change.at_ms), index)
        for index, word in enumerate(words)
        if bare(word.text) in (bare(change.was), bare(change.text)) and abs(word.start_ms - change.at_ms) <= NEAR_MS
    ]
    return min(near)[1] if near else None


def _rebuilt(transcript: Transcript, words: Sequence[Word]) -> Transcript:
    """A transcript with other texts of its words; cues in which none changed stay as they are."""
    cues, at = list[Cue](), 0
    for cue in transcript.cues:
        own = tuple(words[at : at + len(cue.words)])
        at += len(cue.words)
        changed = own != cue.words
        cues.append(replace(cue, words=own, text=joined_text(word.text for word in own)) if changed else cue)
    return replace(transcript, cues=tuple(cues))


def _word(each: Mapping[str, Any]) -> WordChange:
    text, struck, kept = each.get("text", ""), bool(each.get("struck", False)), bool(each.get("kept", False))
    if not isinstance(text, str) or not isinstance(each["was"], str) or len(text) > 200:
        raise ValueError("the text of a word is none")
    if not (text.strip() or struck or kept):
        raise ValueError("a word needs a text, is struck out, or stays")
    return WordChange(_whole(each["at_ms"]), each["was"], text.strip(), struck, kept)


def _kept(each: Mapping[str, Any]) -> KeptChange:
    from_ms, to_ms = _whole(each["from_ms"]), _whole(each["to_ms"])
    if to_ms <= from_ms:
        raise ValueError(f"what stays ends at {to_ms} ms and begins at {from_ms} ms")
    return KeptChange(from_ms, to_ms)


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MOST_MS:
        raise ValueError(f"{value!r:.40} is no place in a clip")
    return value


def _share(value: Any) -> float:
    if not 0 <= float(value) <= 1:
        raise ValueError(f"{value!r:.40} is not between 0 and 1")
    return float(value)
