"""What is known about a clip: each thing by its own stage, once; what is missing is said, what people change kept."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.finish.known import hearing, transcript
from pipeline.finish.known.changes import Changes, CutChange, FocusChange, WordChange
from pipeline.finish.known.contents import CONTENTS, LOUDNESS
from pipeline.finish.known.correction import CORRECTED
from pipeline.finish.known.hearing import SILENCE, SOUND, VOICE
from pipeline.finish.known.seeing import SEEN
from pipeline.finish.known.settings import KnownSettings
from pipeline.finish.known.story import Known, know
from pipeline.finish.known.told import document, sentences
from pipeline.finish.known.transcript import GIVEN, TRANSCRIPT, GivenFile
from pipeline.stage import RunContext
from tests.espeak_child import RATE_HZ
from tests.language_models import Server, lines_of, serving
from tests.spoken import Line, said, sounding
from tests.test_faces import photo, shown
from tests.whispers import bring_tiny
from utils.errors import Cancelled, SettingsError, TranscriptError
from utils.image import Size
from utils.media.clip import Clip
from utils.media.clip_part import part_of
from utils.media.intake import probe
from utils.media.timebase import Span
from utils.media.write import ClipWriter, Encoding, Shape
from utils.progress import Progress
from utils.speech.cues import cue_of
from utils.speech.subtitles import as_srt
from utils.speech.words import Cue, Transcript, Word
from utils.store import Store

TALK = said(
    0.8, "Hello and welcome to this short talk about the weather.", 1.2, "Take some water with you and a friend.", 0.9
)  # fmt: skip
CUES = (
    Cue(800, 4000, "Hello and welcome to this short talk about the whether."),
    Cue(5000, 8000, "Take some water with you."),
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any model, and nothing said of other places."""
    for name in ("RESHOOT_MODELS", "RESHOOT_LANGUAGE_MODEL", "RESHOOT_LANGUAGE_MODEL_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RESHOOT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return sounding(tmp_path_factory.mktemp("talk") / "talk.mov", TALK.samples)


def bench(folder: Path, **changed: Any) -> RunContext:
    settings = KnownSettings.load("", {name.replace("__", "."): value for name, value in changed.items()})
    return RunContext(Store(folder / "cache"), settings.flat())


def srt(cues: tuple[Cue, ...] = CUES) -> GivenFile:
    return GivenFile("talk.srt", as_srt(cues).encode())


def told(known: Known) -> str:
    return " ".join(event.sentence for event in known.events)


def hits(known: Known) -> dict[str, bool]:
    return {done.name: done.hit for done in known.done}


def test_a_clip_is_analysed_once(talk: Clip, tmp_path: Path, home: Path) -> None:
    bring_tiny(home / "models" / "whisper-tiny.en")
    on = bench(tmp_path)
    first, second = know(talk, on), know(talk, on)
    assert set(hits(first)) == {each.name for each in (SOUND, VOICE, SILENCE, TRANSCRIPT, CONTENTS, LOUDNESS, SEEN)}
    assert not any(hits(first).values()) and all(hits(second).values())
    assert first.transcript == second.transcript and first.transcript.source == "whisper-tiny.en"
    assert "weather" in first.transcript.text and first.transcript.language == "en"
    assert first.silences.by == "voice" and len(first.silences.pauses) == 3
    for begin, end in first.pauses:
        assert not any(word.start_ms < end and word.end_ms > begin for word in first.transcript.words), "no word is cut"
    assert json.loads(json.dumps(document(first)))["transcript"] == first.transcript.to_json()
    assert any("pauses of" in line for line in sentences(first))


def test_a_setting_computes_only_what_needs_it(talk: Clip, tmp_path: Path) -> None:
    know(talk, bench(tmp_path), srt())
    again = know(talk, bench(tmp_path, silence__least_s=3.0), srt())
    assert [name for name, hit in hits(again).items() if not hit] == ["silence"] and again.silences.pauses == ()
    fewer = know(talk, bench(tmp_path, retakes__fillers="water"), srt())
    assert [name for name, hit in hits(fewer).items() if not hit] == ["contents"]
    assert fewer.contents is not None and [each.text for each in fewer.contents.fillers] == ["water"]


def test_what_results_depend_on_is_declared() -> None:
    lasting = {
        stage.name: stage.lasting for stage in (SOUND, VOICE, LOUDNESS, GIVEN, SILENCE, TRANSCRIPT, SEEN, CORRECTED)
    }
    assert list(lasting.values()) == ["permanent"] * 4 + ["conditional"] * 3 + ["dynamic"]


def test_without_a_model_the_rest_is_known_and_what_to_do_is_said(talk: Clip, tmp_path: Path) -> None:
    known = know(talk, bench(tmp_path))
    assert known.transcript.cues == () and known.contents is None and len(known.silences.pauses) == 3
    assert "whisper-base are not here" in told(known) and "models fetch whisper-base` (about 148.0 MB" in told(known)
    assert "SRT, VTT or JSON" in told(known)
    named = know(talk, bench(tmp_path, speech__model="whisper-small"))
    assert "models fetch whisper-small" in told(named)
    assert "writes no transcripts" in told(know(talk, bench(tmp_path, speech__model="raft-small")))
    assert "no model 'whispr'" in told(know(talk, bench(tmp_path, speech__model="whispr")))


def test_without_the_packages_pauses_are_found_by_level(
    talk: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "find_voice_model", lambda: None)
    known = know(talk, bench(tmp_path))
    assert known.silences.by == "level" and len(known.silences.pauses) == 3
    assert "Silero VAD is not installed" in told(known) and "requirements-speech.txt" in told(known)
    monkeypatch.setattr(transcript, "find_spec", lambda name: None)
    assert "faster-whisper is not installed" in told(know(talk, bench(tmp_path)))


def test_an_english_model_is_not_taken_for_another_language(talk: Clip, tmp_path: Path, home: Path) -> None:
    bring_tiny(home / "models" / "whisper-tiny.en")
    assert know(talk, bench(tmp_path, speech__language="de")).transcript.cues == ()
    assert "takes every language for English" in told(know(talk, bench(tmp_path)))


@pytest.mark.parametrize("kind", ["none", "silent", "music"])
def test_clips_without_speech_are_cut_nowhere(tmp_path: Path, kind: str) -> None:
    times = np.arange(3 * RATE_HZ) / RATE_HZ
    chord = sum(np.sin(2 * np.pi * hz * times) for hz in (220, 277, 330)) * (0.1 + 0.05 * np.sin(12 * times))
    tracks: dict[str, tuple[Line, ...]] = {
        "none": (),
        "silent": (np.zeros(RATE_HZ, np.float32),),
        "music": (np.asarray(chord, np.float32),),
    }
    known = know(sounding(tmp_path / "clip.mov", *tracks[kind], seconds=3.0), bench(tmp_path))
    assert known.silences.pauses == () and known.transcript.cues == () and known.contents is None
    sentence = {"none": "no sound", "silent": "silent throughout", "music": "Nobody is heard to speak"}[kind]
    assert sentence in told(known) and (known.loudness is not None) == (kind == "music")
    assert list(sentences(known))


def test_given_subtitles_get_words_at_estimated_times(talk: Clip, tmp_path: Path) -> None:
    known = know(talk, bench(tmp_path), srt())
    assert [word.text for word in known.transcript.cues[1].words] == ["Take", "some", "water", "with", "you."]
    assert "estimated" in told(known) and "transcript" not in hits(known) and known.transcript.source == "srt"
    truth = dict(TALK.words)
    first = {word.text.strip(".").lower(): word for word in known.transcript.words}
    assert abs(first["take"].start_ms - truth["Take"]) < 300


def test_a_transcript_of_the_file_fits_a_part_of_it(talk: Clip, tmp_path: Path) -> None:
    part = part_of(talk, Span(30, len(talk)))
    known = know(part, bench(tmp_path), srt())
    assert [(cue.start_ms, cue.text[:4]) for cue in known.transcript.cues][1][1] == "Take"
    whole = know(talk, bench(tmp_path), srt())
    assert abs(known.transcript.cues[1].start_ms + 3000 - whole.transcript.cues[1].start_ms) <= 20


def test_a_word_that_was_missed_as_speech_is_not_cut(talk: Clip, tmp_path: Path) -> None:
    words = (Word("hm", 4400, 4500, 0.4),)
    heard = Transcript("en", (Cue(4400, 4500, "hm", words),), "whisper-base")
    known = know(talk, bench(tmp_path), GivenFile("talk.json", json.dumps(heard.to_json()).encode()))
    ((first, last),) = [each for each in known.silences.pauses if each[0] < 4400 < each[1]]
    word = known.transcript.words[0]
    assert known.pauses != known.silences.pauses and not any(
        a < word.end_ms and b > word.start_ms for a, b in known.pauses
    )
    assert sum(b - a for a, b in known.pauses if first <= a < last) >= last - first - 500


def test_another_clips_transcript_is_refused_or_doubted(talk: Clip, tmp_path: Path) -> None:
    with pytest.raises(TranscriptError, match="another clip"):
        know(talk, bench(tmp_path), srt((Cue(20_000, 21_000, "late"), Cue(60_000, 61_000, "later"))))
    between = tuple(Cue(at, at + 100, "beside") for at in (100, 400))
    assert "is it that of this clip?" in told(know(talk, bench(tmp_path), srt(between)))
    with pytest.raises(TranscriptError, match="cannot be read"):
        GivenFile.read(tmp_path / "absent.srt")


def asked(server: Server, talk: Clip, folder: Path, **changed: Any) -> Known:
    on = bench(folder, **{"correction__model": "tiny", **changed})
    return know(talk, on, srt(), language_model=server.address)


def test_a_correction_keeps_times_and_what_was_understood(talk: Clip, tmp_path: Path) -> None:
    with serving(Server(lambda lines: lines_of(lines, ("whether", "weather")))) as server:
        known, again = asked(server, talk, tmp_path), asked(server, talk, tmp_path)
        assert "weather" in known.transcript.text and "whether" in known.understood.text
        assert [word.start_ms for word in known.transcript.words] == [word.start_ms for word in known.understood.words]
        assert "1 word was corrected by tiny, to which" in told(known) and server.address in told(known)
        assert len(server.asked) == 1 and hits(again)["correction"]
        assert document(known)["understood"] == known.understood.to_json()
        asked(server, talk, tmp_path, correction__temperature=0.5)
        asked(server, talk, tmp_path, correction__hint="Everest")
        asked(server, talk, tmp_path, correction__model="other")
        assert len(server.asked) == 4, "each of these is another correction"
    (entry,) = [each for each in Store(tmp_path / "cache").entries() if each.manifest and each.stage == "correction"][
        :1
    ]
    assert entry.manifest is not None
    assert {"correction.model", "correction.temperature"} <= set(entry.manifest.key.settings)
    assert {"model prompt", "model address"} <= set(
        entry.manifest.key.tools
    ) and "transcript" in entry.manifest.key.inputs


def test_a_model_that_does_not_answer_is_said_and_asked_again_next_time(talk: Clip, tmp_path: Path) -> None:
    with serving(Server(lambda lines: "I would rather not")) as server:
        for count in (1, 2):
            known = asked(server, talk, tmp_path)
            assert known.corrected is None and "whether" in known.transcript.text
            assert "The transcript is not corrected" in told(known) and len(server.asked) == count
    with pytest.raises(SettingsError, match="no name"):
        know(talk, bench(tmp_path), srt(), language_model="http://127.0.0.1:1/v1")


def test_a_word_that_somebody_changed_survives_a_new_analysis(talk: Clip, tmp_path: Path) -> None:
    changes = Changes((WordChange(3700, "whether.", "weather."), WordChange(5000, "Take", "", struck=True)))
    changes = Changes.read(json.dumps(changes.to_json()))
    later = tuple(replace(cue, start_ms=cue.start_ms + 90) for cue in CUES)
    for cues in (CUES, later):
        at = know(talk, bench(tmp_path), srt(cues)).transcript.cues[0].words[-1].start_ms
        own = replace(changes, words=(replace(changes.words[0], at_ms=at), changes.words[1]))
        known = know(talk, bench(tmp_path), srt(cues), own)
        assert known.transcript.cues[0].text.endswith("about the weather.") and not known.changed.lost
        assert known.changed.struck == (
            (known.transcript.cues[1].words[0].start_ms, known.transcript.cues[1].words[0].end_ms),
        )
    lost = know(talk, bench(tmp_path), srt(), Changes((WordChange(100, "Goodbye", "Hello"),)))
    assert "'Goodbye' at 0.1 s" in told(lost) and lost.changes.words, "it waits for its word"


def test_changes_are_found_by_what_words_were_and_when() -> None:
    cue = cue_of([Word(text, 400 * k, 400 * k + 300) for k, text in enumerate(["no", "yes", "no", "yes", "no"])])
    transcript = Transcript("en", (cue,), "x")
    done = Changes((WordChange(1650, "no", "oh"), WordChange(380, "YES,", "yeah"))).of_words(transcript)
    assert done.transcript.text == "no yeah no yes oh"
    assert [word.start_ms for word in done.transcript.words] == [word.start_ms for word in cue.words]
    again = Changes((WordChange(1650, "no", "oh"),)).of_words(done.transcript)
    assert again.transcript == done.transcript and not again.lost, "what already says so is no loss"


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"words": [{"at_ms": -1, "was": "a", "text": "b"}]}', '{"words": [{"at_ms": 1, "was": "a"}]}',
     '{"cuts": [{"frame": "x", "is_cut": true}]}', '{"focus": [{"at_ms": 1, "x": 2, "y": 0}]}', '{"words": 3}'],
)  # fmt: skip
def test_changes_that_cannot_be_read_are_one_sentence(text: str) -> None:
    with pytest.raises(SettingsError, match="changes cannot be read"):
        Changes.read(text)


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """Two seconds of a portrait at the left, one of a cup of coffee, one of the portrait at the right."""
    face, coffee = photo("astronaut.png"), photo("coffee.png")
    left, right = (shown(face, 0.9, at, 0, 640, 360) for at in (20, 250))
    path = tmp_path_factory.mktemp("portrait") / "clip.mp4"
    with ClipWriter(path, Shape.steady(Size(640, 360), Fraction(20)), Encoding(14)) as writer:
        for index in range(80):
            picture = left if index < 40 else coffee[:360, :600] if index < 60 else right
            full = np.full((360, 640, 3), 30, np.uint8)
            full[:, : picture.shape[1]] = picture
            writer.write(full, index, 1)
    return probe(path)


def test_cuts_faces_and_focal_points_come_from_one_decode(portrait: Clip, tmp_path: Path) -> None:
    known = know(portrait, bench(tmp_path))
    assert known.cuts == (40, 60)
    looks = {look.index: look for look in known.seen.looks}
    assert set(range(0, 80, 10)) <= set(looks) and 0.7 < known.seen.with_faces < 0.8
    assert abs(looks[20].faces[0].centre[0] - 220) < 20 and not looks[50].faces
    at = {round(time, 2): x for time, x, _ in known.focus}
    assert abs(at[1.5] - 220 / 640) < 0.05 and abs(at[3.5] - 450 / 640) < 0.05
    assert any("3 shots" in line for line in sentences(known)) and any(
        "A face is seen" in line for line in sentences(known)
    )


def test_cuts_and_focal_points_of_people_count(portrait: Clip, tmp_path: Path) -> None:
    changes = Changes(cuts=(CutChange(40, False), CutChange(30, True)), focus=(FocusChange(3500, 0.1, 0.2),))
    known = know(portrait, bench(tmp_path), changes=changes)
    assert known.cuts == (30, 60) and known.seen.cuts == (40, 60)
    times, x, y = known.focus.T
    assert (x[times == 3.5], y[times == 3.5]) == (0.1, 0.2) and list(times) == sorted(times)
    assert abs(float(x[np.argmin(np.abs(times - 0.5))]) - 220 / 640) < 0.06, "far from it nothing changes"


def test_a_run_that_is_stopped_stops(talk: Clip, tmp_path: Path, home: Path) -> None:
    bring_tiny(home / "models" / "whisper-tiny.en")
    on = bench(tmp_path)

    def stop(progress: Progress) -> None:
        if progress.stage == TRANSCRIPT.name:
            on.cancel.ask()

    with pytest.raises(Cancelled):
        know(talk, replace(on, listener=stop))
    known = know(talk, bench(tmp_path))
    assert hits(known)["voice"] and not hits(known)["transcript"]
