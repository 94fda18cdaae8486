"""Cues of subtitles: what files of people hold, put right and told, and where each is in the film."""

import json
from fractions import Fraction

import pytest

from pipeline.finish.film.cues import Line, in_film, read_cues
from tests.test_film_timeline import clip_of
from utils.errors import TranscriptError
from utils.film.text import TextStyle
from utils.film.timeline import Timeline
from utils.image import Size
from utils.media.timebase import Span
from utils.speech.subtitles import as_ass, as_srt
from utils.speech.transcript_file import Given
from utils.speech.words import Cue, Word

RATE = Fraction(25)
CLIP = clip_of(tuple(range(500)), 1 / RATE, RATE)


def block(start: str, stop: str, text: str) -> str:
    return f"1\n{start} --> {stop}\n{text}\n\n"


def read(text: str) -> Given:
    return read_cues(text.encode(), "a.srt", 20_000)


def test_times_that_are_wrong_are_put_right_and_told() -> None:
    text = block("-00:00:01,000", "00:00:01,000", "begins before the clip")
    text += block("00:00:05,000", "00:00:04,000", "runs backwards")
    text += block("00:00:06,000", "00:00:09,000", "long") + block("00:00:08,000", "00:00:09,500", "begins within it")
    found = read(text)
    cues = found.transcript.cues
    assert [(cue.start_ms, cue.end_ms) for cue in cues] == [(0, 1000), (6000, 8000), (8000, 9500)]
    assert [remark[:5] for remark in found.remarks] == ["1 cue"] * 3


def test_what_holds_no_cues_is_a_sentence() -> None:
    for text in ("nothing here", '{"cues": 3}', '[{"start_ms": "x"}]', "[" * 500, '{"words": []}'):
        with pytest.raises(TranscriptError) as caught:
            read(text)
        assert "\n" not in caught.value.problem
    with pytest.raises(TranscriptError, match="another clip"):
        read(block("00:01:00,000", "00:01:02,000", "much later"))


def test_words_are_laid_on_a_text_that_people_corrected() -> None:
    words = [{"text": "Hello", "start_ms": 900, "end_ms": 1300}, {"text": "ewe", "start_ms": 1400, "end_ms": 1600}]
    told = {"source": "", "cues": [{"start_ms": 900, "end_ms": 1700, "text": "Hello you", "words": words}]}
    (cue,) = read(json.dumps(told)).transcript.cues
    assert cue == Cue(900, 1700, "Hello you", (Word("Hello", 900, 1300), Word("you", 1400, 1600)))


def test_cues_are_found_in_the_film_and_cut_words_are_not_shown() -> None:
    made = Timeline.without(CLIP, [(2, 3), (5, 8)])
    words = tuple(Word(text, start, start + 400) for text, start in (("one", 1500), ("two", 2300), ("three", 3100)))
    cues = (
        Cue(500, 1000, "before"),
        Cue(1500, 3600, "one two three", words),
        Cue(5500, 7500, "cut out"),
        Cue(4800, 8200, "around a cut"),
    )
    assert in_film(cues, made) == [
        Line(Span(13, 25), "before"),
        Line(Span(38, 65), "one three", (38, 53)),
        Line(Span(95, 105), "around a cut"),
    ]


def test_a_cue_whose_first_words_are_cut_begins_with_a_capital() -> None:
    words = tuple(Word(text, start, start + 400) for text, start in (("Um,", 2300), ("coffee", 3100), ("again", 3600)))
    (line,) = in_film((Cue(2300, 4000, "Um, coffee again", words),), Timeline.without(CLIP, [(2, 3)]))
    assert line.text == "Coffee again"
    (line,) = in_film((Cue(2300, 4000, "um, coffee again", words),), Timeline.without(CLIP, [(2, 3)]))
    assert line.text == "coffee again"


def test_subtitles_beside_the_film_are_in_its_times() -> None:
    rate = Fraction(30000, 1001)
    lines = [Line(Span(25, 50), "one two", (25, 40)), Line(Span(60, 75), "braces {x}")]
    cues = [line.cue(rate) for line in lines]
    assert "00:00:00,834 --> 00:00:01,668" in as_srt(cues)
    style = TextStyle(box=0.5, place="top").in_file(Size(1280, 720))
    told = as_ass(cues, style, karaoke=True)
    assert "Dialogue: 0,0:00:00.83,0:00:01.66,Default,,0,0,0,,{\\k50}one {\\k33}two" in told
    assert ",,braces ｛x｝" in told and "PlayResY: 720" in told and "&H0040D6FF,&H00FFFFFF,&H80000000" in told
    assert ",-1,0,0,0,100,100,0,0,3,2.9,0,8,102,102,58,1" in told
