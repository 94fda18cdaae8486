"""Transcripts that people bring: SRT, VTT or JSON, put in order, with a sentence for everything that was mended.

given = read_transcript(path.read_bytes(), "talk.srt", clip_ms=60_000)
given.transcript, given.remarks
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from utils.errors import TranscriptError
from utils.speech.subtitles import read_cues
from utils.speech.whisper_json import RawWord, read_segments, timed
from utils.speech.words import MOST_MS, Cue, Transcript, Word
from utils.untrusted_json import UntrustedJson, read_json

MOST_BYTES = 64 << 20
MOST_CUES = 200_000
BEYOND_SHARE = 0.5
"""A transcript of which more than this begins after the end of the clip belongs to another one."""
REMEDY = "Give an SRT, VTT or Whisper JSON file of this clip, in UTF-8."
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_TOGETHER = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff66-\uff9f]|[^\s\u2e80-\u9fff\uf900-\ufaff\uff66-\uff9f]+")
"""A character of a script that is written without spaces, or a run of others."""


@dataclass(frozen=True)
class Given:
    """A transcript that was brought, and what had to be mended in it."""

    transcript: Transcript
    remarks: tuple[str, ...] = ()


@dataclass
class _Mended:
    """Counts of what was mended."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, what: str) -> None:
        """Count one more of a kind."""
        self.counts[what] = self.counts.get(what, 0) + 1

    def remarks(self) -> Iterator[str]:
        """A sentence for each kind."""
        for what, count in self.counts.items():
            yield f"{count} {'cue' if count == 1 else 'cues'} of the given transcript {what}."


def read_transcript(data: bytes, name: str, clip_ms: int) -> Given:
    """The transcript in a file for a clip of this length; TranscriptError if it is none, or that of another clip."""
    if len(data) > MOST_BYTES:
        raise TranscriptError(f"{name!r:.80} has more than {MOST_BYTES >> 20} MiB.", REMEDY)
    text, remarks = _decoded(data, name)
    mended = _Mended()
    transcript = _read(text, name, mended)
    if len(transcript.cues) > MOST_CUES:
        raise TranscriptError(f"{name!r:.80} has more than {MOST_CUES} cues.", REMEDY)
    fitted = replace(transcript, cues=_inside(transcript.cues, clip_ms, name, mended))
    return Given(fitted, (*remarks, *mended.remarks()))


def file_bytes(path: Path) -> bytes:
    """What is in a file, as far as a transcript may go; TranscriptError in a sentence where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        problem = f"The transcript {path.name!r} cannot be read ({error.strerror})."
        raise TranscriptError(problem, "Check its name and permissions.") from error


def between(transcript: Transcript, first_ms: int, last_ms: int) -> Transcript:
    """What is said between two times, counted from the first of them."""
    cues = list[Cue]()
    for cue in transcript.cues:
        start, end = max(cue.start_ms, first_ms), min(cue.end_ms, last_ms)
        if end > start:
            words = tuple(
                replace(word, start_ms=max(word.start_ms, start) - first_ms, end_ms=min(word.end_ms, end) - first_ms)
                for word in cue.words
                if word.start_ms < end and word.end_ms > start
            )
            cues.append(Cue(start - first_ms, end - first_ms, cue.text, words))
    return replace(transcript, cues=tuple(cues))


def split_words(text: str) -> list[str]:
    """The words of a text; in scripts without spaces, its characters."""
    return _TOGETHER.findall(text)


def spread(text: str, start_ms: int, end_ms: int) -> tuple[Word, ...]:
    """The words of a text with times by their lengths, where nobody knows better."""
    words = split_words(text)
    total, before, found = sum(map(len, words)), 0, []
    for word in words:
        at, stop = (start_ms + (end_ms - start_ms) * letters // total for letters in (before, before + len(word)))
        found.append(Word(word, at, stop))
        before += len(word)
    return tuple(found)


def _read(text: str, name: str, mended: _Mended) -> Transcript:
    """The transcript in a text, by its content and not by its name."""
    start = text.lstrip()[:1]
    if start in ("{", "[") and "-->" not in text[:2000]:
        return _of_json(text, name, mended)
    raw = list(read_cues(text))
    if not raw:
        raise TranscriptError(f"{name!r:.80} holds no cue with times.", REMEDY)
    source = "vtt" if text.lstrip().startswith("WEBVTT") else "srt"
    return Transcript(None, _ordered([(*each, ()) for each in raw], mended), source)


def _of_json(text: str, name: str, mended: _Mended) -> Transcript:
    try:
        data = read_json(text, MOST_BYTES)
    except UntrustedJson as error:
        raise TranscriptError(f"{name!r:.80} cannot be read as JSON: {error}.", REMEDY) from error
    if isinstance(data, dict) and "cues" in data:
        own = Transcript.from_json(data)
        raw = [(cue.start_ms, cue.end_ms, cue.text, tuple(map(_raw, cue.words))) for cue in own.cues]
        return replace(own, cues=_ordered(raw, mended))
    found = read_segments(data)
    if not found or not found[1]:
        raise TranscriptError(f"{name!r:.80} has no segments with times.", REMEDY)
    language, segments = found
    return Transcript(language, _ordered(segments, mended), "json")


def _raw(word: Word) -> RawWord:
    return word.start_ms, word.end_ms, word.text, word.probability


def _decoded(data: bytes, name: str) -> tuple[str, tuple[str, ...]]:
    """The text of a file: UTF-8, UTF-16, or else Windows-1252, which is said."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return data.decode(encoding, "replace"), ()
    if b"\0" in data[:4096]:
        raise TranscriptError(f"{name!r:.80} is no text.", REMEDY)
    try:
        return data.decode(), ()
    except UnicodeDecodeError:
        said = f"{name!r:.80} is not in UTF-8 and was read as Windows-1252; if letters are wrong, save it in UTF-8."
        return data.decode("cp1252", "replace"), (said,)


def _ordered(raw: list[tuple[int, int, str, tuple[RawWord, ...]]], mended: _Mended) -> tuple[Cue, ...]:
    """Cues in order that do not overlap, within the times that there can be."""
    cues = list[Cue]()
    for start_ms, end_ms, text, words in sorted(_sound(raw, mended), key=lambda each: each[:2]):
        if cues and start_ms < cues[-1].end_ms:
            mended.add("overlapped the one before and begin later or are shown with it now")
            before = cues.pop()
            if start_ms <= before.start_ms:
                stop = max(end_ms, before.end_ms)
                both = _words(before.words, words, before.start_ms, stop)
                cues.append(Cue(before.start_ms, stop, f"{before.text}\n{text}", both))
                continue
            cues.append(_cut(before, start_ms))
        cues.append(Cue(start_ms, end_ms, text, _words((), words, start_ms, end_ms)))
    return tuple(cues)


def _sound(
    raw: list[tuple[int, int, str, tuple[RawWord, ...]]], mended: _Mended
) -> Iterator[tuple[int, int, str, tuple[RawWord, ...]]]:
    """Cues with a text and a time; what is negative begins with the clip, what ends before it begins is left out."""
    for start_ms, end_ms, text, words in raw:
        if not text:
            continue
        if end_ms <= 0 or end_ms <= start_ms or end_ms > MOST_MS:
            mended.add("had impossible times and were left out")
            continue
        if start_ms < 0:
            mended.add("began before the clip and begin with it now")
        yield max(0, start_ms), end_ms, text, words


def _words(known: tuple[Word, ...], raw: tuple[RawWord, ...], start_ms: int, end_ms: int) -> tuple[Word, ...]:
    """Words in order, within their cue, none before the end of the one before."""
    said = [(word.start_ms, word.end_ms, word.text, word.probability) for word in known]
    said += timed(raw, start_ms, end_ms)
    words, at = list[Word](), start_ms
    for first, last, text, sure in sorted(said, key=lambda each: each[0]):
        if text:
            begin = min(max(first, at), end_ms)
            words.append(Word(text, begin, min(max(last, begin), end_ms), sure))
            at = words[-1].end_ms
    return tuple(words)


def _cut(cue: Cue, end_ms: int) -> Cue:
    """A cue that ends earlier; its words are pulled in."""
    words = tuple(
        Word(word.text, min(word.start_ms, end_ms), min(word.end_ms, end_ms), word.probability) for word in cue.words
    )
    return Cue(cue.start_ms, end_ms, cue.text, words)


def _inside(cues: tuple[Cue, ...], clip_ms: int, name: str, mended: _Mended) -> tuple[Cue, ...]:
    """The cues that begin within the clip; TranscriptError if that leaves too little."""
    inside = [cue for cue in cues if cue.start_ms < clip_ms]
    if len(inside) < len(cues) * (1 - BEYOND_SHARE) or (cues and not inside):
        raise TranscriptError(
            f"{name!r:.80} belongs to another clip: it goes on to {cues[-1].end_ms / 1000:.1f} s, "
            f"and this one ends at {clip_ms / 1000:.1f} s.",
            "Give the transcript of this clip.",
        )
    for _ in cues[len(inside) :]:
        mended.add("begin after the end of the clip and were left out")
    return tuple(_cut(cue, clip_ms) if cue.end_ms > clip_ms else cue for cue in inside)
