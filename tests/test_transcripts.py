"""Transcripts: words with times as plain data, and the files that people bring, however badly they are made."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.errors import TranscriptError
from utils.speech.subtitles import AssStyle, as_ass, as_srt, as_vtt
from utils.speech.transcript_file import Given, between, read_transcript, split_words, spread
from utils.speech.whisper_json import as_whisper
from utils.speech.words import Cue, Transcript, Word, overlap_ms, spans_between

WORDS = (Word("Hello", 100, 400, 0.9), Word("there.", 450, 900, 0.5))
TALK = Transcript(
    "en", (Cue(100, 900, "Hello there.", WORDS), Cue(1500, 2500, "Two\nlines <b> & more")), "whisper-base"
)
SRT = """1
00:00:01,000 --> 00:00:02,500
<i>Hello</i> there &amp; you
{\\an8}on top

2
00:00:03,000 --> 00:00:04,000
Bye.
"""
WHISPERX = {
    "segments": [
        {
            "start": 0.5,
            "end": 3.0,
            "text": " In 2014 we met",
            "words": [
                {"word": "In", "start": 0.5, "end": 0.7, "score": 0.8},
                {"word": "2014"},
                {"word": "we", "start": 1.5, "end": 1.7, "score": 0.9},
                {"word": "met", "start": 1.8, "end": 2.4, "score": 0.9},
            ],
        }
    ],
    "word_segments": [],
    "language": "en",
}
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=12)


def given_file(text: str | bytes, clip_ms: int = 60_000) -> Given:
    return read_transcript(text.encode() if isinstance(text, str) else text, "talk.srt", clip_ms)


def times(read: Given) -> list[tuple[int, int]]:
    return [(cue.start_ms, cue.end_ms) for cue in read.transcript.cues]


def test_a_transcript_survives_json() -> None:
    again = Transcript.from_json(json.loads(json.dumps(TALK.to_json())))
    assert again == TALK and again.digest == TALK.digest
    assert TALK.words == WORDS and TALK.text == "Hello there.\nTwo lines <b> & more"


@pytest.mark.parametrize(
    "spoilt",
    [
        {},
        {"cues": 3},
        {"cues": [{"start_ms": -1, "end_ms": 2, "text": "x"}]},
        {"cues": [{"start_ms": 5, "end_ms": 2, "text": "x"}]},
        {"cues": [{"start_ms": 1.5, "end_ms": 2, "text": "x"}]},
        {"cues": [{"start_ms": 1, "end_ms": 10**12, "text": "x"}]},
        {"cues": ["x"]},
    ],
)
def test_what_is_no_transcript_is_one_sentence(spoilt: dict[str, Any]) -> None:
    with pytest.raises(TranscriptError, match="expected form"):
        Transcript.from_json(spoilt)


def test_spans_and_what_lies_between() -> None:
    assert spans_between([(0, 100), (300, 400)], 0, 500) == ((100, 300), (400, 500))
    assert spans_between([], 5, 9) == ((5, 9),)
    assert overlap_ms([(0, 100), (300, 400)], 50, 350) == 100


def test_srt_is_read_without_its_markup() -> None:
    read = given_file(SRT)
    assert times(read) == [(1000, 2500), (3000, 4000)] and read.transcript.source == "srt" and not read.remarks
    assert read.transcript.cues[0].text == "Hello there & you\non top"


@pytest.mark.parametrize("ends", ["\r\n", "\r", "\n"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
def test_srt_of_any_system(ends: str, encoding: str) -> None:
    read = given_file(SRT.replace("Bye", "Größe").replace("\n", ends).encode(encoding))
    assert read.transcript.cues[1].text == "Größe." and not read.remarks


def test_vtt_with_notes_styles_settings_and_short_times() -> None:
    vtt = (
        "WEBVTT Kind: captions\n\nNOTE nothing --> here\n\nSTYLE\n::cue { color: red }\n\nintro\n"
        "00:01.000 --> 00:02.000 align:start position:0%\n<v Ann>Hi<00:01.500> you\n\n"
        "100:00:03.000 --> 100:00:04.000\nfar\n"
    )
    read = given_file(vtt, 400_000_000)
    assert times(read) == [(1000, 2000), (360_003_000, 360_004_000)] and read.transcript.source == "vtt"
    assert read.transcript.cues[0].text == "Hi you"


def test_srt_without_empty_lines_between_its_cues() -> None:
    read = given_file("1\n00:00:01,000 --> 00:00:02,000\none\n2\n00:00:03,000 --> 00:00:04,000\ntwo\n")
    assert [cue.text for cue in read.transcript.cues] == ["one", "two"]


def test_overlapping_negative_and_impossible_times_are_mended_and_said() -> None:
    read = given_file(
        "1\n-00:00:01,000 --> 00:00:02,000\nearly\n\n2\n00:00:01,500 --> 00:00:03,000\nover\n\n"
        "3\n00:00:05,000 --> 00:00:04,000\nbackwards\n\n4\n00:00:01,500 --> 00:00:02,500\nat once\n"
    )
    assert times(read) == [(0, 1500), (1500, 3000)]
    assert read.transcript.cues[1].text == "at once\nover"
    said = " ".join(read.remarks)
    assert "began before the clip" in said and "impossible times" in said and "overlapped" in said


def test_another_clips_transcript_is_refused_and_a_little_more_is_cut() -> None:
    srt = "".join(f"{n}\n00:00:{n:02d},000 --> 00:00:{n:02d},900\nword {n}\n\n" for n in range(10))
    read = given_file(srt, 8_500)
    assert times(read)[-1] == (8000, 8500) and "after the end of the clip" in read.remarks[0]
    with pytest.raises(TranscriptError, match=r"another clip: it goes on to 9\.9 s, and this one ends at 3\.0 s"):
        given_file(srt, 3_000)


def test_a_part_of_a_transcript_counts_from_its_own_beginning() -> None:
    part = between(TALK, 430, 2000)
    assert [(cue.start_ms, cue.end_ms) for cue in part.cues] == [(0, 470), (1070, 1570)]
    assert [(word.text, word.start_ms, word.end_ms) for word in part.words] == [("there.", 20, 470)]
    assert between(TALK, 3000, 9000).cues == ()


def test_a_wrong_encoding_is_read_and_said() -> None:
    read = given_file(SRT.replace("Bye", "Größe").encode("cp1252"))
    assert read.transcript.cues[1].text == "Größe." and "UTF-8" in read.remarks[0]


@pytest.mark.parametrize(
    "spoilt",
    [b"", b"just text", b"\x00\x01\x02" * 40, b"{", b"{}", b"[]", b"[1]", b'{"segments": [{"text": "x"}]}', b"{" * 99],
)
def test_files_that_are_none_are_one_sentence(spoilt: bytes) -> None:
    with pytest.raises(TranscriptError, match=r"talk\.srt"):
        given_file(spoilt)


def test_whisperx_words_without_times_lie_between_their_neighbours() -> None:
    read = given_file(json.dumps(WHISPERX))
    assert read.transcript.language == "en"
    assert [(word.text, word.start_ms, word.end_ms) for word in read.transcript.words] == [
        ("In", 500, 700),
        ("2014", 700, 1500),
        ("we", 1500, 1700),
        ("met", 1800, 2400),
    ]


@pytest.mark.parametrize("score", ["inf", -1, 7, "nan"])
def test_a_score_that_is_none_is_left_out(score: Any) -> None:
    word = {"word": "a", "start": 0.1, "end": 0.2, "score": score}
    read = given_file(json.dumps([{"start": 0.0, "end": 1.0, "text": "a", "words": [word]}]))
    assert read.transcript.words == (Word("a", 100, 200),) and len(read.transcript.digest) == 64


def test_json_of_other_programs() -> None:
    cpp = {"result": {"language": "de"}, "transcription": [{"offsets": {"from": 10, "to": 990}, "text": " Hallo"}]}
    read = given_file(json.dumps(cpp))
    assert read.transcript.language == "de" and times(read) == [(10, 990)]
    service = {
        "language": "english",
        "segments": [{"start": 0.0, "end": 1.0, "text": "a b"}, {"start": 1.0, "end": 2.0, "text": "c"}],
        "words": [{"word": w, "start": s, "end": s + 0.3} for w, s in (("a", 0.0), ("b", 0.5), ("c", 1.2))],
    }
    assert [len(cue.words) for cue in given_file(json.dumps(service)).transcript.cues] == [2, 1]
    assert given_file(json.dumps(TALK.to_json())).transcript == TALK


def test_what_is_written_is_read_again() -> None:
    for text in (as_srt(TALK.cues), as_vtt(TALK.cues)):
        assert times(given_file(text)) == [(100, 900), (1500, 2500)]
    assert given_file(as_vtt(TALK.cues)).transcript.cues[1].text == "Two\nlines <b> & more"
    assert given_file(json.dumps(as_whisper(TALK))).transcript.words == WORDS


@given(st.lists(st.tuples(st.integers(-5000, 90_000), st.integers(-5000, 90_000), texts), max_size=12))
def test_whatever_times_there_are_cues_come_in_order(raw: list[tuple[int, int, str]]) -> None:
    data = [{"start": start / 1000, "end": end / 1000, "text": text} for start, end, text in raw]
    try:
        read = given_file(json.dumps({"segments": data}), 40_000)
    except TranscriptError:
        return
    edges = [edge for cue in read.transcript.cues for edge in (cue.start_ms, cue.end_ms)]
    assert edges == sorted(edges) and all(0 <= edge <= 40_000 for edge in edges)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["inf", "x", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["segments", "words", "cues", "start", "end", "text", "word", "offsets", "start_ms", "end_ms"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(anything)
def test_whatever_json_there_is_it_is_read_or_refused_in_a_sentence(value: object) -> None:
    with suppress(TranscriptError):
        given_file(json.dumps({"segments": value}))
    with suppress(TranscriptError):
        given_file(json.dumps(value))


@given(
    st.binary(max_size=80) | st.text(st.sampled_from("0123456789:,.->\n WEBVTT<{}&#x;"), max_size=120).map(str.encode)
)
def test_whatever_bytes_there_are_they_are_read_or_refused_in_a_sentence(data: bytes) -> None:
    with suppress(TranscriptError):
        given_file(b"1\n00:00:01,000 --> 00:00:02,000\n" + data)
    with suppress(TranscriptError):
        given_file(data)


def test_cues_of_our_own_form_are_put_in_order_too() -> None:
    cues = [{"start_ms": 900, "end_ms": 2000, "text": "b"}, {"start_ms": 0, "end_ms": 1000, "text": "a"}]
    assert times(given_file(json.dumps({"cues": cues}))) == [(0, 900), (900, 2000)]


@given(texts, st.integers(0, 9999), st.integers(0, 9999))
def test_spread_words_fill_their_cue(text: str, first: int, last: int) -> None:
    start, end = sorted((first, last))
    words = spread(text, start, end)
    assert "".join(word.text for word in words) == "".join(text.split())
    if words:
        assert (words[0].start_ms, words[-1].end_ms) == (start, end)


def test_words_of_scripts_without_spaces_are_characters() -> None:
    assert split_words("我们 met 2014年") == ["我", "们", "met", "2014", "年"]


def test_ass_has_escaped_text_and_karaoke_that_lasts_as_long_as_its_cue() -> None:
    cue = Cue(0, 1000, "a {b}\nc\\d", (Word("a", 200, 400), Word("{b}", 500, 900)))
    style = AssStyle.usual(1280, 720)
    plain, lit = as_ass([cue], style), as_ass([cue], style, karaoke=True)
    assert "Dialogue: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,a ｛b｝\\Nc＼d" in plain and "PlayResX: 1280" in plain
    assert lit.strip().endswith(",,{\\k20}{\\k30}a {\\k50}｛b｝")
