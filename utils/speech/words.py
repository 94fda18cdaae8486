"""Words with times, cues and transcripts: plain data in milliseconds of the clip, from its first picture on.

transcript = Transcript("en", (Cue(0, 900, "Hello there.", (Word("Hello", 0, 400), Word("there.", 420, 900))),), "srt")
Transcript.from_json(transcript.to_json()) == transcript
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from utils.digest import canonical_json, digest_bytes
from utils.errors import TranscriptError

Spans = tuple[tuple[int, int], ...]
"""Half-open stretches in milliseconds, ascending and apart."""
MOST_MS = 7 * 24 * 3600 * 1000
"""No clip is longer than a week."""


@dataclass(frozen=True, slots=True)
class Word:
    """A spoken word as it is written, with its punctuation and without spaces."""

    text: str
    start_ms: int
    end_ms: int
    probability: float | None = None
    """How sure the model was of it, 0 to 1; None where no model heard it."""

    def __post_init__(self) -> None:
        _check(self.text, self.start_ms, self.end_ms)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "text": self.text,
            "start_ms": self.start_ms,
            "end_ms": self.end_ms,
            "probability": self.probability,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Word":
        """Rebuild a word from what `to_json` returned."""
        probability = data.get("probability")
        return cls(
            str(data["text"]),
            _whole(data["start_ms"]),
            _whole(data["end_ms"]),
            None if probability is None else float(probability),
        )


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown at once: a text, and its words where their times are known."""

    start_ms: int
    end_ms: int
    text: str
    words: tuple[Word, ...] = ()

    def __post_init__(self) -> None:
        _check(self.text, self.start_ms, self.end_ms)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        words = [word.to_json() for word in self.words]
        return {"start_ms": self.start_ms, "end_ms": self.end_ms, "text": self.text, "words": words}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Cue":
        """Rebuild a cue from what `to_json` returned."""
        words = tuple(Word.from_json(each) for each in data.get("words", ()))
        return cls(_whole(data["start_ms"]), _whole(data["end_ms"]), str(data["text"]), words)


@dataclass(frozen=True)
class Transcript:
    """What is said in a clip, in order; `source` says where it is from, such as "whisper-base" or "srt"."""

    language: str | None
    cues: tuple[Cue, ...]
    source: str

    @cached_property
    def digest(self) -> str:
        """Digest of its content."""
        return digest_bytes(canonical_json(self.to_json()))

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """All words in order; those of cues whose words have no times of their own are missing."""
        return tuple(word for cue in self.cues for word in cue.words)

    @property
    def text(self) -> str:
        """All that is said, a line for each cue."""
        return "\n".join(" ".join(cue.text.split()) for cue in self.cues)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        cues = [cue.to_json() for cue in self.cues]
        return {"language": self.language, "cues": cues, "source": self.source}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Transcript":
        """Rebuild a transcript from what `to_json` returned; TranscriptError for anything else."""
        try:
            cues = tuple(Cue.from_json(each) for each in data["cues"])
            language = data.get("language")
            return cls(None if language is None else str(language), cues, str(data.get("source", "")))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TranscriptError(
                f"The transcript does not have the expected form ({type(error).__name__}: {error}).",
                "Give one that was written by this program, or an SRT, VTT or Whisper JSON file.",
            ) from error


def spans_between(spans: Sequence[tuple[int, int]], start_ms: int, end_ms: int) -> Spans:
    """What lies between spans, from a start to an end."""
    edges = [start_ms, *(edge for span in spans for edge in span), end_ms]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return tuple((first, last) for first, last in pairs if last > first)


def overlap_ms(spans: Sequence[tuple[int, int]], start_ms: int, end_ms: int) -> int:
    """For how long spans overlap one stretch."""
    return sum(max(0, min(last, end_ms) - max(first, start_ms)) for first, last in spans)


def _check(text: str, start_ms: int, end_ms: int) -> None:
    if not 0 <= start_ms <= end_ms <= MOST_MS:
        raise ValueError(f"{text!r:.40} lasts from {start_ms} to {end_ms} ms")


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise ValueError(f"{value!r:.40} is no whole number of milliseconds")
    return value
