"""Cues of subtitles: read in times of the clip, and found again in the film, frame by frame."""

from dataclasses import dataclass, replace
from fractions import Fraction

from utils.film.timeline import Timeline
from utils.media.timebase import Span
from utils.speech.alignment import laid
from utils.speech.cues import joined_text
from utils.speech.transcript_file import Given, read_transcript
from utils.speech.words import Cue, Word


@dataclass(frozen=True)
class Line:
    """A text on frames of a film, and the frame from which each word is said."""

    span: Span
    text: str
    said: tuple[int, ...] = ()

    def cue(self, rate: Fraction) -> Cue:
        """This line in ms of the film, each rounded down so that nothing is late for its frame."""
        edges = (self.span.start, self.span.stop, *self.said)
        start_ms, end_ms, *said_ms = (int(index / rate * 1000) for index in edges)
        stops_ms = (*said_ms[1:], end_ms)
        words = (
            Word(text, begin, max(begin, stop))
            for text, begin, stop in zip(self.text.split(), said_ms, stops_ms, strict=False)
        )
        return Cue(start_ms, end_ms, self.text, tuple(words))


def read_cues(data: bytes, name: str, clip_ms: int) -> Given:
    """The cues of a file; where people corrected the text of one, its words are laid on it and keep their times."""
    given = read_transcript(data, name, clip_ms)
    return replace(given, transcript=laid(given.transcript))


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
            text = cue.text if len(words) == len(cue.words) else _left(words, cue)
            found.append(Line(span, text, said if len(text.split()) == len(said) else ()))
    return found


def _left(words: list[Word], cue: Cue) -> str:
    """The text of the words that are left of a cue; it begins with a capital where the cue did."""
    text = joined_text(word.text for word in words)
    return text[:1].upper() + text[1:] if cue.text[:1].isupper() else text


def _is_heard(word: Word, timeline: Timeline) -> bool:
    """Whether the middle of a word is in the film."""
    middle = Fraction(word.start_ms + word.end_ms, 2000)
    return bool(timeline.spans(middle, middle + 1 / timeline.rate))
