"""Cues of subtitles: what files of people hold, put right and told, and where each is in the film."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from pipeline.finish.film.cues import Cue, Cues, Spoken, cues_of, in_film, read_cues
from pipeline.finish.film.drafting import Materials, draft, read_silences
from tests.test_film_timeline import clip_of
from utils.errors import SettingsError
from utils.film.subtitle_files import Line, ass, srt
from utils.film.text import TextStyle
from utils.film.timeline import Timeline
from utils.image import Size
from utils.media.timebase import Span

RATE = Fraction(25)
CLIP = clip_of(tuple(range(500)), 1 / RATE, RATE)


def block(start: str, stop: str, text: str) -> str:
    return f"1\n{start} --> {stop}\n{text}\n\n"


def read(text: str) -> Cues:
    return cues_of(text, "a.srt")


def test_srt_as_people_have_it() -> None:
    text = block("00:00:01,000", "00:00:02,5", "<i>One</i> {\\an8}line\nand another").replace("\n", "\r\n")
    text += "00:01:00.250 --> 01:00:00.000 X1:40\nwithout a number\n\nno time at all\n\n"
    found = read(text)
    assert found.cues == (
        Cue(1000, 2500, "One line\nand another"),
        Cue(60_250, 3_600_000, "without a number"),
    )
    assert not found.remarks


def test_times_that_are_wrong_are_put_right_and_told() -> None:
    text = block("-00:00:01,000", "00:00:01,000", "begins before the clip")
    text += block("00:00:05,000", "00:00:04,000", "runs backwards")
    text += block("00:00:06,000", "00:00:09,000", "long") + block("00:00:08,000", "00:00:09,500", "begins within it")
    found = read(text)
    assert [(cue.start_ms, cue.end_ms) for cue in found.cues] == [(0, 1000), (6000, 8000), (8000, 9500)]
    assert [remark[:1] for remark in found.remarks] == ["2", "1"]


def test_a_file_without_cues_and_one_that_is_absent_are_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.srt").write_text("nothing here")
    for name, problem in (("empty.srt", "There is no cue"), ("absent.srt", "cannot be read")):
        with pytest.raises(SettingsError, match=problem):
            read_cues(tmp_path / name)
    for text in ('{"cues": 3}', '[{"start_ms": "x"}]', "[" * 500, '{"words": []}'):
        with pytest.raises(SettingsError, match="no transcript"):
            read(text)


def test_a_transcript_with_words_is_read(tmp_path: Path) -> None:
    words = [{"text": "Hello", "start_ms": 900, "end_ms": 1300}, {"text": "you", "start_ms": 1400, "end_ms": 1600}]
    path = tmp_path / "said.json"
    path.write_text(json.dumps({"cues": [{"start_ms": 900, "end_ms": 1700, "text": "Hello you", "words": words}]}))
    (cue,) = read_cues(path).cues
    assert cue == Cue(900, 1700, "Hello you", (Spoken("Hello", 900, 1300), Spoken("you", 1400, 1600)))


def test_cues_are_found_in_the_film_and_cut_words_are_not_shown() -> None:
    made = Timeline.without(CLIP, [(2, 3), (5, 8)])
    words = tuple(Spoken(text, start, start + 400) for text, start in (("one", 1500), ("two", 2300), ("three", 3100)))
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


def test_subtitles_beside_the_film_are_in_its_times() -> None:
    lines = [Line(Span(25, 50), "one two", (25, 40)), Line(Span(60, 75), "braces {x}")]
    rate = Fraction(30000, 1001)
    assert "00:00:00,834 --> 00:00:01,668" in srt(lines, rate)
    told = ass(lines, rate, TextStyle(), Size(1280, 720))
    assert "Dialogue: 0,0:00:00.83,0:00:01.66,Film,{\\k0}{\\k50}one {\\k33}two" in told
    assert "Film,braces (x)" in told and "PlayResY: 720" in told


def test_a_draft_keeps_breath_at_both_ends_of_a_silence(tmp_path: Path) -> None:
    (tmp_path / "silences.json").write_text("[[0, 900], [4000, 4300], [7000, 8000], [19500, 20000]]")
    (tmp_path / "said.srt").write_text(block("00:00:01,000", "00:00:02,000", "nothing that is there"))
    (tmp_path / "clips").mkdir()
    files = Materials(tmp_path / "said.srt", tmp_path / "silences.json", tmp_path / "clips")
    made = draft(CLIP, files, tmp_path)
    assert [(cut.from_s, cut.to_s) for cut in made.plan.cut] == [(0, 0.78), (7.12, 7.88), (19.62, 20)]
    assert made.plan.speech is not None
    assert [(each.from_s, each.to_s) for each in made.plan.speech] == [(0.9, 4), (4.3, 7), (8, 19.5)]
    assert made.plan.subtitles is not None and made.plan.subtitles.file == "said.srt"
    assert "no name of a clip" in made.remarks[0]
    with pytest.raises(SettingsError, match="holds no silences"):
        read_silences(tmp_path / "said.srt")
