"""Plans that are drafted from what is known of a clip: what is cut and why, what is said, where it is looked at."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.finish.draft.cutting import Reasons
from pipeline.finish.draft.drafting import Draft, Materials, Wishes, draft
from pipeline.finish.draft.looking import straightened
from pipeline.finish.draft.told import sentences
from pipeline.finish.film.built import timeline_of
from pipeline.finish.film.files import beside
from pipeline.finish.film.plan import read_plan
from pipeline.finish.known.changes import Changes, FocusChange, WordChange
from pipeline.finish.known.settings import KnownSettings
from pipeline.finish.known.story import Known, know
from pipeline.finish.known.transcript import GivenFile
from pipeline.finish.settings import FinishSettings
from pipeline.finish.story import Finished, finish
from pipeline.stage import RunContext
from tests.spoken import said, sounding
from utils.errors import SettingsError
from utils.media.clip import Clip
from utils.speech.alignment import laid
from utils.speech.cues import cues_of
from utils.speech.subtitles import as_srt
from utils.speech.words import Cue, Transcript, Word
from utils.store import Store

TALK = said(
    0.8, "Hello and welcome to this short talk.", 1.2, "You should take some", 1.0,
    "You should take some water with you.", 1.2, "Um, coffee is good, too.", 1.5,
    "Tell your friends where you go.", 1.0,
)  # fmt: skip
SIGNS = {"talk": "talk.", "Um": "Um,", "good": "good,", "too": "too.", "go": "go."}


def heard() -> Transcript:
    """What is said, with times as they were spoken; each word ends where the next begins or its sentence ends."""
    begun = [*TALK.words, ("", TALK.ms)]
    words = [
        Word(SIGNS.get(text, text), start, min(stop - 20, start + 400), 0.9)
        for (text, start), (_, stop) in pairwise(begun)
    ]
    return Transcript("en", cues_of(words), "whisper-base")


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return sounding(tmp_path_factory.mktemp("talk") / "talk.mov", TALK.samples)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> RunContext:
    settings = KnownSettings().flat() | FinishSettings().flat() | {"encode.x264_preset": "ultrafast"}
    return RunContext(Store(tmp_path_factory.mktemp("cache")), settings)


Ask = Callable[..., Known]


@pytest.fixture(scope="module")
def ask(talk: Clip, context: RunContext) -> Ask:
    """What is known of the clip, by the transcript as it was spoken, or by another file."""

    def known(changes: Changes | None = None, given: GivenFile | None = None) -> Known:
        own = GivenFile("talk.json", json.dumps(heard().to_json()).encode())
        return know(talk, context, given or own, changes)

    return known


def drafted(known: Known, context: RunContext, folder: Path, wishes: Wishes | None = None, **files: Any) -> Draft:
    return draft(known, Materials(**files), wishes or Wishes(), folder, context)


def rendered(made: Draft, known: Known, context: RunContext, folder: Path) -> Finished:
    """The film of a plan that was written and read, with as many frames a second as make chunks of a few seconds."""
    plan = made.plan.model_copy(update={"rate": "50"})
    replace(made, plan=plan).write(path := folder / "plan.yaml")
    run = finish(known.clip, read_plan(path), beside(folder), context)
    path.unlink()
    path.with_name("plan.said.json").unlink()
    return run


def lines(run: Finished) -> str:
    return " | ".join(line.text for line in run.built.lines)


def test_pauses_takes_and_fillers_become_cuts_with_their_reasons(ask: Ask, context: RunContext, tmp_path: Path) -> None:
    known = ask()
    made = drafted(known, context, tmp_path)
    reasons = [cut.why for cut in made.plan.cut]
    assert reasons.count("silence") == len(known.pauses) >= 5
    assert [why for why in reasons if why != "silence"] == ["said again: You should take some", "filler: Um,"]
    run = rendered(made, known, context, tmp_path)
    assert lines(run) == "Hello and welcome to this short talk. | You should take some water with you | " + (
        "Coffee is good, too. | Tell your friends where you go."
    )
    for word in known.transcript.words:
        middle = (word.start_ms + word.end_ms) / 2000
        is_cut = any(cut.from_s <= middle < cut.to_s for cut in made.plan.cut)
        gone = word.text == "Um," or (3.5 < middle < 6.0 and word.text in ("You", "should", "take", "some"))
        assert is_cut == gone, word


def test_between_cuts_no_sliver_is_left(ask: Ask, context: RunContext, tmp_path: Path) -> None:
    known = ask()
    timeline = timeline_of(drafted(known, context, tmp_path).plan, known.clip)
    for piece in timeline.pieces:
        start_ms, stop_ms = (float(edge / timeline.rate) * 1000 for edge in (piece.start, piece.stop))
        assert any(word.start_ms < stop_ms and word.end_ms > start_ms for word in known.transcript.words)


@pytest.mark.parametrize(("left_in", "why"), [("silences", "silence"), ("takes", "said again"), ("fillers", "filler")])
def test_each_kind_of_cut_can_be_left_in(ask: Ask, context: RunContext, tmp_path: Path, left_in: str, why: str) -> None:
    wishes = Wishes(Reasons(**{left_in: False}), subtitles=False, zoom=False)
    plan = drafted(ask(), context, tmp_path, wishes).plan
    assert plan.cut and not any(cut.why.startswith(why) for cut in plan.cut)
    assert plan.subtitles is None and plan.zoom is None


def test_a_cut_that_people_take_out_of_the_plan_brings_its_words_back(
    ask: Ask, context: RunContext, tmp_path: Path
) -> None:
    known = ask()
    made = drafted(known, context, tmp_path)
    kept = tuple(cut for cut in made.plan.cut if not cut.why.startswith("filler"))
    run = rendered(replace(made, plan=made.plan.model_copy(update={"cut": kept})), known, context, tmp_path)
    assert "Um, coffee is good" in lines(run)


def test_a_struck_word_is_cut_and_a_corrected_one_encodes_its_chunk_alone(
    ask: Ask, context: RunContext, tmp_path: Path
) -> None:
    first = ask()
    word = next(each for each in first.transcript.words if each.text == "water")
    before = rendered(drafted(first, context, tmp_path), first, context, tmp_path)
    assert len(before.chunks) > 1
    second = ask(Changes((WordChange(word.start_ms, "water", "tea"),)))
    after = rendered(drafted(second, context, tmp_path), second, context, tmp_path)
    assert lines(after) == lines(before).replace("water", "tea") and after.encoded == 1
    assert after.sound is not None and after.sound.hit
    third = ask(Changes((WordChange(word.start_ms, "water", "", struck=True),)))
    struck = drafted(third, context, tmp_path)
    assert "struck out: water" in [cut.why for cut in struck.plan.cut]
    run = rendered(struck, third, context, tmp_path)
    assert lines(run) == lines(before).replace("water ", "") and len(run.film) < len(before.film)


def test_a_text_that_people_correct_beside_the_plan_keeps_the_times_of_words(
    ask: Ask, context: RunContext, tmp_path: Path
) -> None:
    known = ask()
    made = drafted(known, context, tmp_path, Wishes(karaoke=True))
    before = rendered(made, known, context, tmp_path)
    replace(made, plan=made.plan.model_copy(update={"rate": "50"})).write(path := tmp_path / "plan.yaml")
    file = tmp_path / "plan.said.json"
    file.write_text(file.read_text().replace('{"text": "Um, coffee is', '{"text": "Um, black coffee is', 1))
    run = finish(known.clip, read_plan(path), beside(tmp_path), context)
    assert "Black coffee is good" in lines(run) and run.encoded == 1
    ours, theirs = (next(line for line in each.built.lines if "offee" in line.text) for each in (before, run))
    assert ours.said[-3:] == theirs.said[-3:] and len(theirs.said) == len(ours.said) + 1
    written = {path.suffix: text for path, text in run.subtitles(tmp_path / "film.mp4").items()}
    assert "{\\k" in written[".ass"] and "Black coffee is" in written[".srt"]
    (apart := tmp_path / "plain").mkdir()
    plain = rendered(drafted(known, context, apart), known, context, apart)
    assert not any("{\\k" in text for text in plain.subtitles(tmp_path / "film.mp4").values())


def test_words_are_laid_on_a_corrected_text() -> None:
    words = (Word("Hello", 0, 400), Word("whether", 500, 900))
    changed = laid(Transcript("en", (Cue(0, 900, "Hello weather", words), Cue(1000, 2000, "no words")), "x"))
    assert changed.cues[0].words == (words[0], Word("weather", 500, 900)) and changed.cues[1].words == ()
    spaced = Transcript("zh", (Cue(0, 900, "你好", (Word("你", 0, 400), Word("好", 500, 900))),), "x")
    assert laid(spaced) == spaced


def test_subtitles_without_times_of_words_stay_whole(ask: Ask, context: RunContext, tmp_path: Path) -> None:
    """Times that are estimated say nothing of where a word is: no word is lost at a pause."""
    given = GivenFile("talk.srt", as_srt(heard().cues).encode())
    known = ask(given=given)
    made = drafted(known, context, tmp_path)
    run = rendered(made, known, context, tmp_path)
    assert "offee is good, too." in lines(run) and "Um" not in lines(run)
    assert "Hello and welcome to this short talk." in lines(run)


def test_b_roll_is_chosen_by_what_is_said_and_broken_files_are_told(
    ask: Ask, context: RunContext, tmp_path: Path
) -> None:
    (tmp_path / "clips").mkdir()
    sounding(tmp_path / "clips" / "my-friend_02.mov", seconds=2.0)
    (tmp_path / "clips" / "a friend.mp4").write_bytes(b"<html>no clip</html>" * 50)
    (tmp_path / "clips" / "notes.txt").write_text("coffee")
    made = drafted(ask(), context, tmp_path, broll=tmp_path / "clips")
    (shown,) = made.plan.broll
    start_s = next(start for text, start in TALK.words if text == "friends") / 1000
    assert shown.file == "clips/my-friend_02.mov" and shown.at_s == pytest.approx(start_s, abs=0.1)
    assert shown.seconds <= 2.0 and "'a friend.mp4' is no b-roll" in " ".join(made.remarks)
    (tmp_path / "empty").mkdir()
    assert "no name of a file" in " ".join(drafted(ask(), context, tmp_path, broll=tmp_path / "empty").remarks)


def test_pictures_are_chosen_by_what_is_said_where_no_b_roll_is(ask: Ask, context: RunContext, tmp_path: Path) -> None:
    known = ask()
    for folder in ("clips", "pictures"):
        (tmp_path / folder).mkdir()
    sounding(tmp_path / "clips" / "friend.mov", seconds=2.0)
    for name in ("pictures/friends", "pictures/waters", "logo"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((20, 40, 3), 90, np.uint8))
    (tmp_path / "pictures" / "water.jpg").write_bytes(b"no picture")
    files: Any = {"broll": tmp_path / "clips", "pictures": tmp_path / "pictures", "logo": tmp_path / "logo.png"}
    made = drafted(known, context, tmp_path, **files)
    starts = {text: start / 1000 for text, start in TALK.words}
    (broll,), (logo, shown) = made.plan.broll, made.plan.pictures
    assert broll.file == "clips/friend.mov" and logo.file == "logo.png" and logo.left > 0.5
    assert shown.file == "pictures/waters.png" and shown.from_s == pytest.approx(starts["water"], abs=0.1)
    assert shown.to_s == pytest.approx(shown.from_s + 3) and shown.left < 0.5 and broll.at_s > shown.to_s
    assert "'water.jpg' is no picture" in " ".join(made.remarks)
    assert "In it: 1 clip of b-roll, 2 pictures" in " ".join(sentences(made.plan, known.clip))
    assert not rendered(made, known, context, tmp_path).events


@pytest.mark.parametrize("named", ["broll", "music", "logo", "pictures"])
def test_a_file_that_is_not_there_is_refused_before_anything_is_computed(tmp_path: Path, named: str) -> None:
    with pytest.raises(SettingsError, match="There is no f"):
        replace(Materials(), **{named: tmp_path / "absent"}).check()  # type: ignore[arg-type]


def test_speech_lowers_music_and_files_are_named_beside_the_plan(ask: Ask, context: RunContext, tmp_path: Path) -> None:
    known = ask()
    plan = drafted(known, context, tmp_path, music=tmp_path / "bed.mp3", logo=Path("/elsewhere/logo.png")).plan
    assert plan.music is not None and plan.music.file == "bed.mp3" and plan.pictures[0].file == "/elsewhere/logo.png"
    assert plan.speech is not None
    assert [(each.from_s, each.to_s) for each in plan.speech] == [
        (a / 1000, b / 1000) for a, b in known.silences.speech
    ]


def test_focal_points_lead_the_zoom_and_highlights_are_shown_larger(
    ask: Ask, context: RunContext, tmp_path: Path
) -> None:
    known = ask(Changes(focus=(FocusChange(4000, 0.25, 0.75),)))
    zoom = drafted(known, context, tmp_path).plan.zoom
    assert zoom is not None
    assert (0.25, 0.75) in {(each.x, each.y) for each in zoom.faces if 2.9 <= each.at_s <= 5.1}
    assert known.contents is not None
    said_at = [known.transcript.cues[index].start_ms / 1000 for index in known.contents.highlights]
    assert zoom.punches and {punch.from_s for punch in zoom.punches} <= set(said_at)
    assert all(1.5 <= punch.to_s - punch.from_s <= 5 for punch in zoom.punches)
    assert drafted(known, context, tmp_path, Wishes(punches=False)).plan.zoom == zoom.model_copy(update={"punches": ()})


def test_places_on_a_straight_way_are_left_out() -> None:
    times = np.arange(0, 10, 0.5)
    still = np.column_stack([times, np.full(20, 0.5), np.full(20, 0.4)])
    assert straightened(still) == [(0.0, 0.5, 0.4), (9.5, 0.5, 0.4)]
    moved = still.copy()
    moved[10:, 1] = 0.8
    assert straightened(moved) == [(0.0, 0.5, 0.4), (4.5, 0.5, 0.4), (5.0, 0.8, 0.4), (9.5, 0.8, 0.4)]
    assert straightened(still[:1]) == [(0.0, 0.5, 0.4)] and straightened(still[:0]) == []


def test_subtitles_that_overlap_and_begin_before_the_clip_are_mended_and_told(
    ask: Ask, context: RunContext, tmp_path: Path
) -> None:
    times = (("-00:00:02,000", "00:00:01,500"), ("00:00:01,000", "00:00:04,000"), ("00:00:08,000", "00:00:07,000"))
    text = "".join(f"{n}\n{start} --> {stop}\nline {n}\n\n" for n, (start, stop) in enumerate(times, 1))
    known = ask(given=GivenFile("talk.srt", text.encode()))
    made = drafted(known, context, tmp_path)
    assert all(part in " ".join(made.remarks) for part in ("began before the clip", "overlapped", "impossible times"))
    assert lines(rendered(made, known, context, tmp_path)) == "line 1 | line 2"


@pytest.mark.parametrize("sound", [False, True], ids=["no sound", "nobody speaks"])
def test_a_clip_without_speech_has_a_plan_and_a_sentence(context: RunContext, tmp_path: Path, sound: bool) -> None:
    hum = (np.sin(np.arange(48_000) / 20) * 0.1).astype(np.float32)
    known = know(sounding(tmp_path / "clip.mov", *([hum] if sound else []), seconds=3.0), context)
    made = drafted(known, context, tmp_path)
    assert made.plan.cut == () and made.plan.subtitles is None and made.plan.speech is None
    assert ("Nobody is heard to speak" if sound else "no sound") in " ".join(made.remarks)
    assert list(sentences(made.plan, known.clip)) == ["The film has 3.0 of the clip's 3.0 s."]
    made.write(path := tmp_path / "plan.yaml")
    assert len(finish(known.clip, read_plan(path), beside(tmp_path), context).film) == len(known.clip)


def test_changes_that_strike_everything_are_told_and_the_plan_is_written(
    ask: Ask, context: RunContext, tmp_path: Path
) -> None:
    words = ask().transcript.words
    known = ask(Changes(tuple(WordChange(word.start_ms, word.text, "", struck=True) for word in words)))
    made = drafted(known, context, tmp_path)
    assert "The cuts leave nothing of the clip" in " ".join(made.remarks)
    assert made.write(tmp_path / "plan.yaml") and read_plan(tmp_path / "plan.yaml").cut == made.plan.cut


def test_the_plan_says_what_it_does(ask: Ask, context: RunContext, tmp_path: Path) -> None:
    known = ask()
    text: Any = " ".join(sentences(drafted(known, context, tmp_path).plan, known.clip))
    for part in ("Cut as silence: ", "Cut as said again: 1 part", "Cut as filler: 1 part", "subtitles"):
        assert part in text
