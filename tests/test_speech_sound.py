"""The sound that speech is found in, and speech, silence and pauses in it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.espeak_child import RATE_HZ as SPOKEN_HZ
from tests.spoken import Line, said, sounding
from utils.media.clip import Clip
from utils.media.clip_part import part_of
from utils.media.timebase import Span
from utils.project import PROJECT_ROOT
from utils.speech import silence, voice
from utils.speech.silence import Pauses, joined, levels_of, loud_spans, pauses_between, quiet_spans, without_words
from utils.speech.sound import RATE_HZ, Samples, Sound, blocks, write_sound
from utils.speech.words import Word

TALK = said(1.0, "This is the first sentence of a short talk.", 1.5, "And here comes the second one.", 1.0)


def heard(clip: Clip, folder: Path) -> tuple[Sound, Samples]:
    facts = write_sound(clip, folder / "sound.npy")
    assert sorted(path.name for path in folder.glob("*.npy*")) == ["sound.npy"]
    return facts, np.load(folder / "sound.npy", mmap_mode="r")


def tone(seconds: float, hz: float = 440, level: float = 0.3) -> Line:
    return np.asarray(level * np.sin(2 * np.pi * hz * np.arange(round(seconds * SPOKEN_HZ)) / SPOKEN_HZ), np.float32)


def onset_s(samples: Samples) -> float:
    return int(np.argmax(np.abs(samples.astype(int)) > 3000)) / RATE_HZ


def test_samples_lie_at_their_times_from_the_first_picture_on(tmp_path: Path) -> None:
    line = np.concatenate([np.zeros(SPOKEN_HZ, np.float32), tone(1.0)])
    facts, samples = heard(sounding(tmp_path / "a.mov", line, seconds=3.0, late_s=0.5), tmp_path)
    assert facts == Sound(1, 0, "mono", facts.peak) and 0.29 < facts.peak < 0.32
    assert len(samples) == 3 * RATE_HZ and abs(onset_s(samples) - 1.5) < 0.002 and not samples[-RATE_HZ // 3 :].any()


def test_a_part_of_a_clip_has_its_own_part_of_the_sound(tmp_path: Path) -> None:
    line = np.concatenate([np.zeros(2 * SPOKEN_HZ, np.float32), tone(2.0)])
    clip = sounding(tmp_path / "a.mov", line)
    _, samples = heard(part_of(clip, Span(15, 30)), tmp_path)
    assert len(samples) == round(1.5 * RATE_HZ) and abs(onset_s(samples) - 0.5) < 0.002


@pytest.mark.parametrize(
    ("left", "right", "channels"),
    [(1.0, 1.0, "both"), (1.0, 0.0, "left"), (0.01, 1.0, "right"), (1.0, -1.0, "left"), (1.0, 0.6, "both")],
)
def test_a_side_that_holds_nothing_or_the_reverse_is_left_out(
    tmp_path: Path, left: float, right: float, channels: str
) -> None:
    line = tone(1.0)
    facts, samples = heard(sounding(tmp_path / "a.mov", np.stack([left * line, right * line], 1)), tmp_path)
    assert facts.channels == channels and facts.peak > 0.2
    assert any(channels in remark for remark in facts.remarks) == (channels != "both")
    assert np.abs(samples).max() > 0.2 * 32767


def test_the_first_track_that_is_not_silent_is_listened_to(tmp_path: Path) -> None:
    facts, samples = heard(sounding(tmp_path / "a.mov", np.zeros(SPOKEN_HZ, np.float32), tone(1.0)), tmp_path)
    assert (facts.tracks, facts.track) == (2, 1) and "number 2" in facts.remarks[0] and np.abs(samples).max() > 8000


def test_no_sound_and_silent_sound_are_said(tmp_path: Path) -> None:
    facts, samples = heard(sounding(tmp_path / "a.mov", seconds=1.0), tmp_path)
    assert facts.remarks == ("The clip has no sound.",) and len(samples) == 0
    facts, samples = heard(sounding(tmp_path / "b.mov", np.zeros(SPOKEN_HZ, np.float32)), tmp_path)
    assert facts.remarks == ("The clip's sound is silent throughout.",) and not samples.any()


def test_hours_are_read_in_the_memory_of_a_minute(tmp_path: Path) -> None:
    """Half an hour, 110 MB as numbers, in a child that may take 40 MB more than it begins with."""
    clip = sounding(tmp_path / "long.mov", np.zeros(8000 * 1800, np.float32), seconds=1.0, rate_hz=8000)
    code = (
        "import resource, sys; from dataclasses import replace; from pathlib import Path; import numpy as np\n"
        "from utils.media.intake import probe; from utils.speech.sound import write_sound, blocks\n"
        "from utils.speech.silence import levels_of\n"
        "path, out = map(Path, sys.argv[1:]); clip = probe(path)\n"
        "clip = replace(clip, last_duration=round(1800 / clip.time_base))\n"
        "held = int(Path('/proc/self/status').read_text().split('VmData:')[1].split()[0]) << 10\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (held + (40 << 20),) * 2)\n"
        "write_sound(clip, out); print(len(levels_of(blocks(np.load(out, mmap_mode='r')))))\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", code, str(clip.path), str(tmp_path / "s.npy")],
        cwd=PROJECT_ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    assert int(child.stdout) >= 1800 * 100


def speech_of(samples: Samples, below_db: float = 30.0) -> tuple[tuple[int, int], ...]:
    length_ms = len(samples) * 1000 // RATE_HZ
    return joined(loud_spans(levels_of(blocks(samples)), below_db, length_ms), 500)


def edges_of_talk() -> tuple[int, int, int, int]:
    """Where the two sentences begin and end, by the samples themselves."""
    loud = np.flatnonzero(np.abs(TALK.samples) > 0.01) / SPOKEN_HZ * 1000
    gap = int(np.argmax(np.diff(loud)))
    return round(loud[0]), round(loud[gap]), round(loud[gap + 1]), round(loud[-1])


def test_speech_and_silence_by_level_at_any_gain(tmp_path: Path) -> None:
    expected = edges_of_talk()
    for gain in (1.0, 0.02):
        _, samples = heard(sounding(tmp_path / "a.mov", gain * TALK.samples), tmp_path)
        found = speech_of(samples)
        assert len(found) == 2
        assert np.abs(np.subtract([edge for span in found for edge in span], expected)).max() <= 60


def test_a_click_is_no_speech_and_noise_without_pauses_has_no_silence(tmp_path: Path) -> None:
    line = TALK.samples.copy()
    line[round(0.5 * SPOKEN_HZ) : round(0.5 * SPOKEN_HZ) + 200] = 0.5
    assert len(speech_of(heard(sounding(tmp_path / "a.mov", line), tmp_path)[1])) == 2
    noise = np.random.default_rng(1).normal(0, 0.1, 3 * SPOKEN_HZ).astype(np.float32)
    _, samples = heard(sounding(tmp_path / "b.mov", noise), tmp_path)
    assert speech_of(samples) == ((0, 3000),)
    assert pauses_between(speech_of(samples), Pauses(), 3000) == ()


def test_pauses_keep_a_breath_on_both_sides_but_not_at_the_ends_of_the_clip() -> None:
    speech = ((1000, 2000), (2300, 3000), (5000, 6000))
    assert pauses_between(speech, Pauses(least_s=0.5, breath_s=0.2), 8000) == ((0, 800), (3200, 4800), (6200, 8000))
    assert pauses_between(speech, Pauses(least_s=0.2, breath_s=0.2), 8000) == ((0, 800), (3200, 4800), (6200, 8000))
    assert pauses_between((), Pauses(), 8000) == (), "where nobody speaks, nothing is cut"


spans = st.lists(st.tuples(st.integers(1, 900), st.integers(1, 900)), max_size=6)


def ascending(gaps: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    ends = np.cumsum([sum(each) for each in gaps]).tolist()
    return tuple((end - length, end) for end, (_, length) in zip(ends, gaps, strict=True))


@given(spans, spans, st.integers(0, 200))
def test_no_word_lies_in_what_is_cut(
    pauses: list[tuple[int, int]], said_at: list[tuple[int, int]], breath_ms: int
) -> None:
    words = [Word("x", *span) for span in ascending(said_at)]
    left = without_words(ascending(pauses), words, breath_ms)
    assert all(
        word.end_ms + breath_ms <= first or word.start_ms - breath_ms >= last for first, last in left for word in words
    )
    assert all(any(begin <= first and last <= end for begin, end in ascending(pauses)) for first, last in left)
    if not words:
        assert left == tuple(span for span in ascending(pauses) if span[1] - span[0] >= silence.LEAST_CUT_MS)


def test_speech_by_the_network_is_told_from_a_tone_and_noise(tmp_path: Path) -> None:
    model = voice.find_voice_model()
    assert model is not None
    rng = np.random.default_rng(1)
    loud = TALK.samples + rng.normal(0, 0.003, len(TALK.samples)).astype(np.float32)
    for line, count in ((loud, 2), (tone(3.0), 0), (rng.normal(0, 0.1, 3 * SPOKEN_HZ).astype(np.float32), 0)):
        _, samples = heard(sounding(tmp_path / "a.mov", line), tmp_path)
        found = voice.speech_spans(model.probabilities(blocks(samples)), len(samples) * 1000 // RATE_HZ)
        assert len(joined(found, 700)) == count
    found = joined(
        voice.speech_spans(model.probabilities(blocks(heard(sounding(tmp_path / "b.mov", loud), tmp_path)[1])), 10_000),
        700,
    )
    assert np.abs(np.subtract([edge for span in found for edge in span], edges_of_talk())).max() <= 250


def test_the_network_is_the_same_whatever_the_blocks_and_as_its_own_package_runs_it(tmp_path: Path) -> None:
    from faster_whisper.vad import get_vad_model

    model = voice.find_voice_model()
    assert model is not None
    _, samples = heard(sounding(tmp_path / "a.mov", TALK.samples), tmp_path)
    line = np.asarray(samples, np.float32) / 32768
    small = model.probabilities(line[at : at + 7000] for at in range(0, len(line), 7000))
    theirs = get_vad_model()(np.pad(line, (0, -len(line) % 512))).ravel()
    assert np.abs(small - model.probabilities([line])).max() < 1e-4 and np.abs(small - theirs).max() < 1e-4


def test_short_pauses_inside_of_speech_are_found_for_placing_words() -> None:
    line = np.concatenate([tone(0.5), np.zeros(round(0.1 * SPOKEN_HZ), np.float32), tone(0.5)])
    levels = levels_of(
        [np.interp(np.arange(0, 1.1, 1 / RATE_HZ), np.arange(len(line)) / SPOKEN_HZ, line).astype(np.float32)]
    )
    ((first, last),) = quiet_spans(levels, 30.0, 1100)
    assert abs(first - 500) <= 10 and abs(last - 600) <= 10
    assert silence.threshold_db(np.zeros(0, np.float32), 30.0) == silence.LOWEST_DB
