"""What people put back of a film's cuts: it stays when the clip is looked into again, and nothing else does."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.finish.draft.cutting import Reasons
from pipeline.finish.draft.drafting import Materials, Wishes, draft
from pipeline.finish.film.plan import Cut
from pipeline.finish.known.changes import Changes, KeptChange, WordChange
from pipeline.finish.known.settings import KnownSettings
from pipeline.finish.known.story import Known, know
from pipeline.finish.known.told import sentences
from pipeline.finish.known.transcript import GivenFile
from pipeline.stage import RunContext
from tests.spoken import sounding
from tests.test_finish_draft import TALK, heard
from utils.errors import SettingsError
from utils.media.clip import Clip
from utils.speech.subtitles import as_srt
from utils.speech.words import Transcript
from utils.store import Store

Ask = Callable[..., Known]


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return sounding(tmp_path_factory.mktemp("talk") / "talk.mov", TALK.samples)


@pytest.fixture(scope="module")
def ask(talk: Clip, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """What is known of the clip, by what was heard or another transcript, and by other settings."""
    store = Store(tmp_path_factory.mktemp("cache"))

    def known(changes: Changes | None = None, given: GivenFile | None = None, **settings: float) -> Known:
        values = {name.replace("__", "."): value for name, value in settings.items()}
        context = RunContext(store, KnownSettings.load("", values).flat())
        return know(talk, context, given or written(heard()), changes)

    return known


def written(transcript: Transcript) -> GivenFile:
    return GivenFile("talk.json", json.dumps(transcript.to_json()).encode())


def moved(transcript: Transcript, by_ms: int) -> Transcript:
    """The words somewhat later, as another model may hear them."""
    cues = [
        replace(
            cue,
            start_ms=cue.start_ms + by_ms,
            end_ms=cue.end_ms + by_ms,
            words=tuple(
                replace(word, start_ms=word.start_ms + by_ms, end_ms=word.end_ms + by_ms) for word in cue.words
            ),
        )
        for cue in transcript.cues
    ]
    return replace(transcript, cues=tuple(cues))


def cuts(known: Known, reasons: Reasons | None = None) -> tuple[Cut, ...]:
    store = Store(known.clip.path.parent / "none")
    context = RunContext(store, KnownSettings().flat())
    return draft(known, Materials(), Wishes(reasons or Reasons()), known.clip.path.parent, context).plan.cut


def put_back(cut: Cut) -> KeptChange:
    return KeptChange(round(1000 * cut.from_s), round(1000 * cut.to_s))


@pytest.mark.parametrize("why", ["silence", "said again", "filler"])
def test_a_cut_that_was_put_back_does_not_return(ask: Ask, why: str) -> None:
    first = cuts(ask())
    gone = next(cut for cut in first if cut.why.startswith(why))
    changes = Changes.read(json.dumps(Changes(kept=(put_back(gone),)).to_json()))
    others, again = [cut for cut in first if cut is not gone], cuts(ask(changes))
    for cut, was in zip(again, others, strict=True):
        assert cut.why == was.why and was.from_s <= cut.from_s <= was.from_s + 0.06 and cut.to_s == was.to_s, (
            "a sliver beside words that stay is no sliver any more"
        )
    for settings in ({"silence__least_s": 0.3}, {"silence__breath_s": 0.05}, {"silence__breath_s": 0.3}):
        again = cuts(ask(changes, **settings))
        inside = [cut for cut in again if cut.from_s < gone.to_s and cut.to_s > gone.from_s]
        assert not inside, "no sliver beside it either"
        assert len(again) == len(cuts(ask(**settings))) - 1


def test_a_part_of_a_pause_that_was_put_back_leaves_the_rest_cut(ask: Ask) -> None:
    first = cuts(ask())
    pause = next(cut for cut in first if cut.why == "silence" and cut.from_s > 1)
    begin_ms = round(1000 * pause.from_s)
    again = cuts(ask(Changes(kept=(KeptChange(begin_ms - 300, begin_ms + 400),))))
    (left,) = (cut for cut in again if cut.from_s < pause.to_s and cut.to_s > pause.from_s)
    assert (left.from_s, left.to_s) == (pause.from_s + 0.4, pause.to_s)


def test_words_that_were_put_back_are_found_again_where_they_are_said_now(ask: Ask) -> None:
    words = heard().words
    um, some = (next(each for each in words if each.text == text) for text in ("Um,", "some"))
    changes = Changes(tuple(WordChange(word.start_ms, word.text, "", kept=True) for word in (um, some)))
    for by_ms in (0, 120, 240):
        known = ask(changes, written(moved(heard(), by_ms)))
        assert not known.changed.lost
        again = cuts(known)
        assert [cut.why for cut in again if cut.why != "silence"] == ["said again: You should take"]
        for word in known.changed.kept:
            middle = sum(word) / 2000
            assert not any(cut.from_s <= middle < cut.to_s for cut in again if cut.why != "silence")
    assert "Put back: 2 parts" in " ".join(sentences(ask(changes)))
    far = ask(changes, written(moved(heard(), 900)))
    assert len(far.changed.lost) == 2 and any(cut.why == "filler: Um," for cut in cuts(far)), "it waits for its word"


def test_estimated_words_that_were_put_back_are_in_the_subtitles(ask: Ask) -> None:
    given = GivenFile("talk.srt", as_srt(heard().cues).encode())
    um = next(each for each in ask(given=given).transcript.words if each.text == "Um,")
    known = ask(Changes((WordChange(um.start_ms, "Um,", "", kept=True),)), given)
    context = RunContext(Store(known.clip.path.parent / "none"), KnownSettings().flat())
    plan = draft(known, Materials(), Wishes(), known.clip.path.parent, context).plan
    assert plan.subtitles is not None and "Um, coffee is good" in plan.subtitles.cues
    assert not any(cut.from_s < um.end_ms / 1000 and cut.to_s > um.start_ms / 1000 for cut in plan.cut)


def test_a_word_that_is_struck_out_goes_whatever_was_put_back(ask: Ask) -> None:
    word = next(each for each in heard().words if each.text == "water")
    struck = WordChange(word.start_ms, "water", "", struck=True)
    changes = Changes((struck, replace(struck, struck=False, kept=True)), kept=(KeptChange(0, 60_000),))
    assert [cut.why for cut in cuts(ask(changes))] == ["struck out: water"]


@pytest.mark.parametrize(
    "text", ['{"kept": [{"from_ms": 5, "to_ms": 5}]}', '{"kept": [{"from_ms": -1, "to_ms": 5}]}', '{"kept": [3]}',
             '{"words": [{"at_ms": 1, "was": "a", "kept": false}]}'],
)  # fmt: skip
def test_what_stays_and_cannot_be_read_is_one_sentence(text: str) -> None:
    with pytest.raises(SettingsError, match="changes cannot be read") as caught:
        Changes.read(text)
    assert "kept (from_ms, to_ms)" in caught.value.remedy
