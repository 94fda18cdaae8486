"""Cues of subtitles: read from SRT or JSON in times of the clip, and found again in the film, frame by frame."""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from utils.errors import SettingsError
from utils.film.subtitle_files import Line
from utils.film.timeline import Timeline
from utils.media.timebase import Span
from utils.untrusted_json import UntrustedJson, read_json

MOST_BYTES, MOST_CUES = 32 << 20, 100_000
_TIME = r"(-?)(\d{1,3}):(\d{1,2}):(\d{1,2})[,.](\d{1,3})"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}")
_TAG = re.compile(r"<[^<>]{0,80}>|\{\\[^{}]{0,80}\}")


@dataclass(frozen=True)
class Spoken:
    """A word, and when it is said."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Cue:
    """A text and its time in the clip; the times of its words where they are known."""

    start_ms: int
    end_ms: int
    text: str
    words: tuple[Spoken, ...] = ()


@dataclass(frozen=True)
class Cues:
    """The cues of a file in their order, and what was put right."""

    cues: tuple[Cue, ...]
    remarks: tuple[str, ...] = ()


def read_cues(path: Path) -> Cues:
    """The cues of a file; times that overlap, are negative or run backwards are put right and told."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SettingsError(f"{path.name!r} is too large for subtitles.", "Choose an SRT or JSON file.")
        text = path.read_text("utf-8-sig", errors="replace")
    except OSError as error:
        raise SettingsError(f"The subtitles {path.name!r} cannot be read.", "Correct their name.") from error
    return cues_of(text, repr(path.name))


def cues_of(text: str, name: str) -> Cues:
    """The cues of a text that is SRT or JSON."""
    found = _from_json(text, name) if text.lstrip()[:1] in ("{", "[") else _from_srt(text)
    if not found:
        raise SettingsError(f"There is no cue in {name}.", "Choose an SRT or JSON file with cues.")
    return _mended(found)


def _from_srt(text: str) -> list[Cue]:
    cues = list[Cue]()
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        lines = block.strip("\n").split("\n")
        at = next((number for number, line in enumerate(lines[:3]) if _TIMES.match(line)), None)
        if at is None or len(cues) >= MOST_CUES:
            continue
        match = _TIMES.match(lines[at])
        assert match is not None
        parts = match.groups()
        said = "\n".join(_TAG.sub("", line).strip() for line in lines[at + 1 :]).strip()
        if said:
            cues.append(Cue(_ms(*parts[:5]), _ms(*parts[5:]), said))
    return cues


def _ms(sign: str, hours: str, minutes: str, seconds: str, part: str) -> int:
    total = (int(hours) * 60 + int(minutes)) * 60_000 + int(seconds) * 1000 + int(part.ljust(3, "0"))
    return -total if sign else total


def _from_json(text: str, name: str) -> list[Cue]:
    """Cues as transcripts have them: start_ms, end_ms, text and words of each."""
    try:
        told = read_json(text, MOST_BYTES)
        rows = told["cues"] if isinstance(told, dict) else told
        return [_cue(row) for row in rows[:MOST_CUES]]
    except (UntrustedJson, KeyError, TypeError, ValueError, AttributeError) as error:
        raise SettingsError(
            f"{name} is no transcript.", "It holds `cues`, each with start_ms, end_ms, text and words."
        ) from error


def _cue(row: dict[str, Any]) -> Cue:
    words = tuple(
        Spoken(str(word["text"]).strip(), int(word["start_ms"]), int(word["end_ms"])) for word in row.get("words", ())
    )
    return Cue(int(row["start_ms"]), int(row["end_ms"]), str(row["text"]).strip(), words)


def _mended(cues: list[Cue]) -> Cues:
    """Cues in order, each over before the next one begins."""
    kept, negative, overlapping = list[Cue](), 0, 0
    for cue in sorted(cues, key=lambda each: each.start_ms):
        if cue.end_ms <= max(0, cue.start_ms) or not cue.text:
            negative += 1
            continue
        negative += cue.start_ms < 0
        if kept and kept[-1].end_ms > cue.start_ms:
            overlapping += 1
            before = kept.pop()
            if before.start_ms < cue.start_ms:
                kept.append(Cue(before.start_ms, cue.start_ms, before.text, before.words))
        kept.append(Cue(max(0, cue.start_ms), cue.end_ms, cue.text, cue.words))
    remarks = [
        (negative, "of the subtitles had a time before the start or ran backwards, and were cut or left out"),
        (overlapping, "of the subtitles began before the one before was over, which ends there now"),
    ]
    return Cues(tuple(kept), tuple(f"{count} {what}." for count, what in remarks if count))


def in_film(cues: tuple[Cue, ...], timeline: Timeline) -> list[Line]:
    """The cues in frames of the film. Words that are cut out are not in the text, and no cue goes over a cut alone."""
    found = list[Line]()
    for cue in cues:
        spans = timeline.spans(Fraction(cue.start_ms, 1000), Fraction(cue.end_ms, 1000))
        if not spans:
            continue
        span = Span(spans[0].start, spans[-1].stop)
        if found and found[-1].span.stop > span.start:
            span = Span(found[-1].span.stop, max(found[-1].span.stop, span.stop))
        if not len(span):
            continue
        words = [word for word in cue.words if _is_heard(word, timeline)]
        if not cue.words:
            found.append(Line(span, cue.text))
        elif words:
            said = tuple(timeline.frame_at(Fraction(word.start_ms, 1000)) for word in words)
            text = cue.text if len(words) == len(cue.words) else " ".join(word.text for word in words)
            found.append(Line(span, text, said if len(text.split()) == len(said) else ()))
    return found


def _is_heard(word: Spoken, timeline: Timeline) -> bool:
    """Whether the middle of a word is in the film."""
    middle = Fraction(word.start_ms + word.end_ms, 2000)
    return bool(timeline.spans(middle, middle + 1 / timeline.rate))
