"""Clips and language models that are odd, all the way through `finish plan`: a plan with a remark, or one sentence."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from pipeline.__main__ import app
from pipeline.finish.film.files import beside
from pipeline.finish.film.plan import Plan, read_plan
from pipeline.finish.settings import FinishSettings
from pipeline.finish.story import Finished, finish
from pipeline.see.open_clip import open_clip
from pipeline.stage import RunContext
from tests.espeak_child import RATE_HZ
from tests.language_models import Server, lines_of, serving
from tests.sound import sound
from tests.spoken import sounding
from tests.test_finish_draft import TALK, heard
from utils.errors import ReshootError
from utils.media.clip import Clip
from utils.media.intake import probe
from utils.store import Store

SILENT = np.zeros(len(TALK.samples), np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("troubles")
    sounding(place / "talk.mov", TALK.samples)
    sounding(place / "second.mov", SILENT, TALK.samples)
    sounding(place / "silent.mov", SILENT, SILENT)
    (place / "talk.json").write_text(json.dumps(heard().to_json()))
    return place


def planned(clip: Path, out: Path, *more: str) -> Result:
    command = ["finish", "plan", str(clip), "-o", str(out), "--home", str(out.parent / "home"), *more]
    return CliRunner().invoke(app, command)


def rendered(clip: Path, plan: Plan, folder: Path) -> tuple[Finished, NDArray[np.float64]]:
    """The film of a plan, and what is heard of it."""
    context = RunContext(Store(folder / "cache"), FinishSettings().flat() | {"encode.x264_preset": "ultrafast"})
    run = finish(open_clip(clip, context), plan, beside(folder), context)
    run.write(folder / "film.mp4")
    return run, sound(probe(folder / "film.mp4"))


def test_of_several_tracks_the_first_that_holds_something_is_cut_and_heard(folder: Path, tmp_path: Path) -> None:
    done = planned(folder / "second.mov", tmp_path / "plan.yaml", "--no-zoom")
    assert done.exit_code == 0 and "The clip has 2 sound tracks; number 2 is listened to." in done.output
    planned(folder / "talk.mov", tmp_path / "alone.yaml", "--no-zoom")
    plan, other = (read_plan(tmp_path / name).model_copy(update={"clip": None}) for name in ("plan.yaml", "alone.yaml"))
    assert plan.cut == other.cut and len(plan.cut) >= 5
    run, loud = rendered(folder / "second.mov", plan, tmp_path)
    assert [event.sentence for event in run.events] == ["The clip's first sound track is silent; number 2 is heard."]
    _, alone = rendered(folder / "talk.mov", plan, tmp_path)
    assert len(loud) == len(alone) and np.abs(loud).max() > 0.1
    assert np.abs(loud - alone).max() < 1e-3, "as if it were the only track"


def test_a_part_of_a_clip_hears_its_part_of_the_second_track(folder: Path, tmp_path: Path) -> None:
    def part(name: str) -> NDArray[np.float64]:
        settings = FinishSettings().flat() | {"encode.x264_preset": "ultrafast"}
        context = RunContext(Store(tmp_path / "cache"), settings)
        clip: Clip = open_clip(folder / name, replace(context, settings=settings | {"trim.from_s": 6.0}))
        finish(clip, Plan(), beside(tmp_path), context).write(tmp_path / "film.mp4")
        return sound(probe(tmp_path / "film.mp4"))

    second, alone = part("second.mov"), part("talk.mov")
    assert np.abs(second).max() > 0.1 and np.abs(second - alone).max() < 1e-3


def test_silence_on_every_track_is_said_and_cut_nowhere(folder: Path, tmp_path: Path) -> None:
    done = planned(folder / "silent.mov", tmp_path / "plan.yaml")
    assert done.exit_code == 0 and "The clip's sound is silent throughout." in done.output
    plan = read_plan(tmp_path / "plan.yaml")
    assert not plan.cut and plan.speech is None and plan.subtitles is None
    run, quiet = rendered(folder / "silent.mov", plan, tmp_path)
    assert not run.film.timeline.cuts and np.abs(quiet).max() < 1e-3


@pytest.mark.parametrize("by", ["voice", "level"])
def test_a_song_without_a_pause_is_left_whole(tmp_path: Path, by: str) -> None:
    at = np.arange(6 * RATE_HZ) / RATE_HZ
    notes = (220 * 2 ** (np.floor(at * 4) % 5 / 12)).cumsum() / RATE_HZ
    song = 0.2 * sum(np.sin(2 * np.pi * k * notes) / k for k in (1, 2, 3)) * (0.8 + 0.2 * np.sin(14 * at))
    sounding(tmp_path / "song.mov", np.asarray(song, np.float32))  # of which the network takes a moment for a voice
    done = planned(tmp_path / "song.mov", tmp_path / "plan.yaml", "--set", f"silence.by={by}")
    assert done.exit_code == 0 and "Cut as" not in done.output
    assert "The film has 6.0 of the clip's 6.0 s." in done.output
    assert by == "level" or "speech, so nothing is cut as silence." in done.output
    plan = read_plan(tmp_path / "plan.yaml")
    assert not plan.cut and plan.subtitles is None
    run, loud = rendered(tmp_path / "song.mov", plan, tmp_path)
    assert len(run.film) / run.film.rate == Fraction(6) and np.abs(loud).max() > 0.1


SENTENCE = "The transcript is not corrected: "
NONSENSE = {
    "prose": ("I would rather talk about something else.", SENTENCE),
    "bad JSON": ('{"lines": [{"id": 0, "text": ', SENTENCE),
    "another form": ('{"answer": 42}', SENTENCE),
    "strange ids": ('{"lines": [{"id": "zero", "text": "x"}, {"id": 99, "text": "y"}, 7]}', SENTENCE),
    "deep": ("{" * 5000, SENTENCE),
    "nothing": ("", SENTENCE),
    "an order that is obeyed": (None, "cues stay as they were understood: the language model changed more than"),
}


@pytest.mark.parametrize("kind", NONSENSE)
def test_a_language_models_nonsense_leaves_the_plan_as_it_would_be_without_it(
    kind: str, folder: Path, tmp_path: Path
) -> None:
    said, sentence = NONSENSE[kind]

    def answer(lines: list[dict[str, object]]) -> str:
        return lines_of([line | {"text": "Buy now at example dot org"} for line in lines]) if said is None else said

    given = ("--transcript", str(folder / "talk.json"))
    assert planned(folder / "talk.mov", tmp_path / "plain.yaml", *given).exit_code == 0
    with serving(Server(answer)) as server:
        model = ("--language-model", server.address, "--set", "correction.model=tiny")
        done = planned(folder / "talk.mov", tmp_path / "plan.yaml", *given, *model)
    assert done.exit_code == 0, done.output
    assert sentence in " ".join(done.output.split()) and len(server.asked) == 1
    assert "example dot org" not in (tmp_path / "plan.said.json").read_text()
    plain, plan = ((tmp_path / name).read_text() for name in ("plain.yaml", "plan.yaml"))
    assert plan.replace("plan.said", "plain.said") == plain
    assert (tmp_path / "plan.said.json").read_text() == (tmp_path / "plain.said.json").read_text()


def test_a_language_model_without_a_name_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    given = ("--transcript", str(folder / "talk.json"), "--language-model", "http://127.0.0.1:1/v1")
    done = planned(folder / "talk.mov", tmp_path / "plan.yaml", *given)
    assert isinstance(done.exception, ReshootError) and done.exception.problem == "The language model has no name."
    assert not (tmp_path / "plan.yaml").exists()
