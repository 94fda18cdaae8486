"""The routes of the Finish tab against a real app: look into a clip, edit its film, preview a moment, finish it."""

import json
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.library.films import Films
from tests.films import clip as pictures
from tests.spoken import sounding
from tests.studios import App
from tests.test_finish_draft import TALK, heard
from utils.digest import digest_bytes
from utils.media.intake import probe

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("home")).open()
    yield app
    app.close()


@pytest.fixture(scope="module")
def clip(app: App, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = sounding(tmp_path_factory.mktemp("talk") / "talk.mov", TALK.samples).path
    id = app.upload(path)
    app.until(lambda: app.ask(f"/studio/clips/{id}")["state"] == "ready", "inspection")
    return id


def raw(app: App, path: str, content: bytes) -> tuple[int, Any]:
    status, told = app.answer(path, content, "POST")
    return status, json.loads(told)


@pytest.fixture(scope="module")
def film(app: App, clip: str) -> dict[str, Any]:
    """The film of a clip that was looked into, as the page reads it."""
    status, given = raw(app, "/studio/transcripts?name=talk.json", json.dumps(heard().to_json()).encode())
    assert status == 201
    asked = {"kind": "analyse", "clips": [clip], "settings": {"given.transcript": given["digest"]}}
    [job] = app.ask("/studio/jobs", asked)["jobs"]
    assert app.ask(f"/studio/clips/{clip}/film")["known"] is None
    kept = app.ask(f"/studio/clips/{clip}/film", {"version": 0, "analysis": job, "plan": None, "changes": None})
    assert kept["version"] == 1
    app.until(lambda: app.ask(f"/studio/jobs/{job}")["state"] in ("done", "failed"), "analysis")
    told: dict[str, Any] = app.ask(f"/studio/clips/{clip}/film")
    assert told["known"] is not None, app.ask(f"/studio/jobs/{job}")["problem"]
    return told


def test_a_clip_is_looked_into(app: App, clip: str, film: dict[str, Any]) -> None:
    words = [word["text"] for cue in film["known"]["transcript"]["cues"] for word in cue["words"]]
    assert words[:3] == ["Hello", "and", "welcome"]
    reasons = {cut["why"].partition(":")[0] for cut in film["draft"]["cut"]}
    assert reasons >= {"silence", "said again", "filler"}
    status, levels = app.answer(f"/studio/clips/{clip}/film/levels")
    assert status == 200 and len(levels) == pytest.approx(TALK.ms / 20, abs=3)
    quiet, spoken = levels[5:30], levels[1000 // 20 : 2000 // 20]
    assert max(quiet) < 10 < max(spoken) and max(levels) == 255
    assert app.status(film["watch"]) == 200
    assert app.ask(f"/studio/results/{film['analysis']}/clip", {})["id"] == clip, "its film is edited next"
    page = app.ask(f"/studio/results/{film['analysis']}")
    assert page["kind"] == "analyse" and any(note.startswith("Cut as silence") for note in page["notes"])


def test_an_edited_film_is_kept_previewed_and_finished(app: App, clip: str, film: dict[str, Any]) -> None:
    plan = film["draft"]
    plan["cut"] = [{"from_s": 0, "to_s": 1, "why": "struck out: Hello"}]
    said = json.loads(plan["subtitles"]["cues"])
    said["cues"][0]["text"] = "Goodbye and welcome to this short talk."
    plan["subtitles"]["cues"] = json.dumps(said)
    changes = {"words": [{"at_ms": 820, "was": "Hello", "text": "Goodbye"}], "cuts": [], "focus": []}
    body = {"version": film["version"], "analysis": film["analysis"], "plan": plan, "changes": changes}
    kept = app.ask(f"/studio/clips/{clip}/film", body)
    again = app.ask(f"/studio/clips/{clip}/film")
    assert again["version"] == kept["version"] == film["version"] + 1
    assert again["plan"]["cut"] == plan["cut"] and again["changes"]["words"][0]["text"] == "Goodbye"
    assert "Goodbye" in again["plan"]["subtitles"]["cues"] and "Goodbye" not in kept["settings"]["film.plan"]
    assert digest_bytes(again["plan"]["subtitles"]["cues"].encode()) in Films(app.home).in_use()

    status, told = app.answer(f"/studio/clips/{clip}/film", body)
    assert status == 409 and "another window" in json.loads(told)["problem"]

    settings = {"film.plan": kept["settings"]["film.plan"]}
    asked = {"kind": "finish", "clips": [clip], "settings": settings}
    looked = app.ask(f"/studio/clips/{clip}/look", {"kind": "finish", "settings": settings, "at": 0.1})
    assert app.status(looked["after"]) == 200 and looked["events"] == []
    [job] = app.ask("/studio/jobs", asked)["jobs"]
    ended = app.until(lambda: (told := app.ask(f"/studio/jobs/{job}"))["state"] in ("done", "failed") and told, "film")
    assert ended["state"] == "done", ended["problem"]
    place = app.home / "results" / job
    assert len(probe(place / "result.mp4")) == looked["frames"] == film["known"]["clip"]["frames"] - 10, "a second"
    assert "Goodbye and welcome" in (place / "result.srt").read_text()
    assert "Goodbye and welcome" in (place / "plan.yaml").read_text(), "the plan is whole without this home"


def test_what_was_put_back_stays_when_the_clip_is_looked_into_again(app: App, clip: str, film: dict[str, Any]) -> None:
    before = app.ask(f"/studio/clips/{clip}/film")
    filler = next(cut for cut in before["draft"]["cut"] if cut["why"].startswith("filler"))
    pause = next(cut for cut in before["draft"]["cut"] if cut["why"] == "silence")
    um = next(word for cue in film["known"]["transcript"]["cues"] for word in cue["words"] if word["text"] == "Um,")
    changes = {
        "words": [{"at_ms": um["start_ms"], "was": "Um,", "text": "", "kept": True}],
        "kept": [{"from_ms": round(1000 * pause["from_s"]), "to_ms": round(1000 * pause["to_s"])}],
    }
    body = {"version": before["version"], "analysis": film["analysis"], "plan": before["plan"], "changes": changes}
    given = app.ask(f"/studio/clips/{clip}/film", body)["settings"]["given.changes"]
    said = app.ask(f"/studio/jobs/{film['analysis']}")["settings"]["given.transcript"]
    asked = {"kind": "analyse", "clips": [clip], "settings": {"given.transcript": said, "given.changes": given}}
    [job] = app.ask("/studio/jobs", asked)["jobs"]
    ended = app.until(lambda: (told := app.ask(f"/studio/jobs/{job}"))["state"] in ("done", "failed") and told, "again")
    assert ended["state"] == "done", ended["problem"]
    draft = json.loads((app.home / "results" / job / "draft.json").read_bytes())
    assert draft["cut"] == [cut for cut in before["draft"]["cut"] if cut not in (filler, pause)]


def test_a_job_without_a_plan_drafts_one(app: App, clip: str, film: dict[str, Any]) -> None:
    given = app.ask(f"/studio/jobs/{film['analysis']}")["settings"]["given.transcript"]
    settings = {"given.transcript": given, "wanted.takes": "keep", "wanted.subtitles": "marked"}
    settings["encode.x264_preset"] = "ultrafast"
    [job] = app.ask("/studio/jobs", {"kind": "finish", "clips": [clip], "settings": settings})["jobs"]
    ended = app.until(lambda: (told := app.ask(f"/studio/jobs/{job}"))["state"] in ("done", "failed") and told, "film")
    assert ended["state"] == "done", ended["problem"]
    plan = (app.home / "results" / job / "plan.yaml").read_text()
    assert "why: silence" in plan and "said again" not in plan and "karaoke: true" in plan
    look = app.ask(f"/studio/clips/{clip}/look", {"kind": "finish", "settings": {}, "at": 0.5})
    assert any("drafted when the job runs" in each for each in look["events"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"version": 0, "plan": {"zoom": {"most": 9}}}, "zoom.most"),
        ({"version": 0, "plan": {"clip": {"name": 1}}}, "cannot be used"),
        ({"version": "0"}, "cannot be read"),
        ({"version": 0, "analysis": "../../x"}, "cannot be read"),
        ({"version": 0, "changes": {"words": [{"at_ms": -1, "was": "a", "text": "b"}]}}, "changes"),
    ],
)
def test_a_film_that_cannot_be_read_is_told_in_a_sentence(app: App, clip: str, body: Any, said: str) -> None:
    status, told = app.answer(f"/studio/clips/{clip}/film", body)
    assert status == 400 and said in json.loads(told)["problem"]


def test_films_of_no_clip_are_not_there(app: App) -> None:
    assert app.status(f"/studio/clips/{'ab' * 32}/film") == 404


def test_sounds_are_taken_and_other_files_refused(app: App, clip: str, film: dict[str, Any], tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "bed.wav"), "wb") as out:
        out.setparams((1, 2, 16_000, 0, "NONE", ""))
        out.writeframes((3000 * np.sin(np.arange(32_000) * 0.1)).astype("<i2").tobytes())
    status, kept = raw(app, "/studio/sounds", (tmp_path / "bed.wav").read_bytes())
    assert status == 201 and kept["seconds"] == pytest.approx(2, abs=0.05)
    silent = pictures(tmp_path / "silent.mp4", 10).path
    for content in (b"no sound at all", silent.read_bytes(), b""):
        status, told = raw(app, "/studio/sounds", content)
        assert status == 400 and told["remedy"]
    plan = {"music": {"file": kept["digest"]}, "cut": [{"from_s": 2, "to_s": 9}]}
    settings = {"film.plan": json.dumps(plan), "encode.x264_preset": "ultrafast"}
    [job] = app.ask("/studio/jobs", {"kind": "finish", "clips": [clip], "settings": settings})["jobs"]
    ended = app.until(lambda: (told := app.ask(f"/studio/jobs/{job}"))["state"] in ("done", "failed") and told, "film")
    assert ended["state"] == "done" and not ended["result"]["warnings"], ended
