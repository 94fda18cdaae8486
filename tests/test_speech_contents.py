"""What of a speech can go, what it is about, and how loud it is."""

from pathlib import Path

import numpy as np
import pytest

from tests.spoken import sounding
from utils.media.clip_part import part_of
from utils.media.loudness import loudness_of
from utils.media.timebase import Span
from utils.speech.cues import cue_of
from utils.speech.repeats import find_fillers, find_takes
from utils.speech.topics import highlights, topics_of
from utils.speech.words import Cue, Word

CITIES = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
    "it was the season of light, it was the season of darkness. We had everything before us. We had nothing before us."
)


def spoken(text: str, gap_ms: int = 20) -> list[Word]:
    """Words of 200 ms; a bar stands for a pause of half a second."""
    words, at = list[Word](), 0
    for each in text.split():
        if each == "|":
            at += 500
            continue
        words.append(Word(each, at, at + 200))
        at += 200 + gap_ms
    return words


def texts(stretches: tuple[object, ...]) -> list[str]:
    return [str(getattr(each, "text", "")) for each in stretches]


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("So, um, this is uh the plan", "en", ["um,", "uh"]),
        ("Do you know the way? Well, you know, I do", "en", ["you know,"]),
        ("| you know | it works", "en", ["you know"]),
        ("you know it works", "en", []),
        ("Das ist ähm gut | halt | so", "de", ["ähm", "halt"]),
        ("Halt ihn fest", "de", []),
        ("Human errors summon umbrellas", "en", []),
        ("", None, []),
    ],
)
def test_filler_words_stand_for_themselves(text: str, language: str | None, found: list[str]) -> None:
    assert texts(find_fillers(spoken(text), language)) == found


def test_filler_words_of_ones_own_replace_the_others() -> None:
    words = spoken("Basically um it is kind of good")
    assert texts(find_fillers(words, "en", ["kind of", "basically"])) == ["Basically", "kind of"]
    (first, _) = find_fillers(words, "en", ["kind of", "basically"])
    assert (first.first, first.last, first.start_ms, first.end_ms) == (0, 0, 0, 200)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("So today we want to | So today we want to show you the lake", ["So today we want to"]),
        ("Today we are going to build a | Today we are going to make a boat.", ["Today we are going to build a"]),
        ("Welcome to the channel. | Welcome to the channel. | Let us go", ["Welcome to the channel."]),
        ("We go up there. | We go up there. | We go up there. Now.", ["We go up there.", "We go up there."]),
        (CITIES, []),
        ("He said that he would come, and she said that he would not.", []),
        ("one two three", []),
        ("", []),
    ],
)
def test_takes_that_are_said_again_go_and_figures_of_speech_stay(text: str, found: list[str]) -> None:
    assert texts(find_takes(spoken(text), 4, 30_000)) == found


def test_a_take_far_away_is_none() -> None:
    words = [
        *spoken("This is the whole plan."),
        *(Word(w.text, w.start_ms + 60_000, w.end_ms + 60_000) for w in spoken("This is the whole plan.")),
    ]
    assert texts(find_takes(words, 4, 30_000)) == [] and len(find_takes(words, 4, 90_000)) == 1


def minutes_of(*lines: str) -> list[Cue]:
    cues = []
    for number, line in enumerate(lines):
        words = [
            Word(word.text, word.start_ms + 10_000 * number, word.end_ms + 10_000 * number) for word in spoken(line)
        ]
        cues.append(cue_of(words))
    return cues


def test_keywords_are_what_the_cues_are_about() -> None:
    cues = minutes_of(
        "And so, well, we did it again, you know",
        "The glacier above the valley is melting quickly",
        "A glacier carries stones down into the valley",
        "That is what I think about it",
    )
    topics = topics_of(cues)
    assert topics[1].keywords[0] == "glacier" and "valley" in topics[2].keywords
    assert topics[0].keywords == topics[3].keywords == () and topics[1].weight > 1 > topics[3].weight
    assert highlights(cues, topics, 40_000)[0] in (1, 2)


def test_what_is_said_louder_stands_out_more() -> None:
    cues = minutes_of(
        "The river crosses the meadow", "The forest surrounds the village", "The mountain overlooks the harbour"
    )
    assert highlights(cues, topics_of(cues, [-30.0, -18.0, -30.0]), 15_000) == (1,)
    assert topics_of([]) == () and highlights([], [], 60_000) == ()


@pytest.mark.parametrize(("level_db", "channels"), [(-23.0, 2), (-33.0, 2), (-20.0, 1)])
def test_loudness_is_that_of_ebu_r128(tmp_path: Path, level_db: float, channels: int) -> None:
    """EBU Tech 3341: a sine of 1 kHz in both channels of a stereo file reads as its level; in one, 3 LU lower."""
    tone = (10 ** (level_db / 20) * np.sin(2 * np.pi * 1000 * np.arange(10 * 48_000) / 48_000)).astype(np.float32)
    line = np.stack([tone, tone], 1) if channels == 2 else tone
    measured = loudness_of(sounding(tmp_path / "a.mov", line, rate_hz=48_000))
    assert measured is not None
    assert abs(measured.lufs - (level_db if channels == 2 else level_db - 3.01)) <= 0.1
    assert abs(measured.peak_db - level_db) <= 0.2 and measured.range_lu < 0.2


def test_loudness_of_a_part_is_its_own_and_silence_has_none(tmp_path: Path) -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(8 * 48_000) / 48_000)
    steps = np.where(np.arange(len(tone)) < 4 * 48_000, 0.5, 0.05)
    clip = sounding(tmp_path / "a.mov", np.stack([steps * tone] * 2, 1).astype(np.float32), rate_hz=48_000)
    whole, quiet = loudness_of(clip), loudness_of(part_of(clip, Span(42, 80)))
    assert whole is not None and quiet is not None and whole.lufs - quiet.lufs > 15 and whole.range_lu > 5
    assert loudness_of(sounding(tmp_path / "b.mov", np.zeros(48_000, np.float32), rate_hz=48_000)) is None
    assert loudness_of(sounding(tmp_path / "c.mov", seconds=1.0)) is None
