"""Presets that people save under a name, in a home: in the app and on the command line."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.testclient import TestClient

from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.kinds import find_kind
from pipeline.library.own_presets import OwnPresets
from ui.problems import NotHere
from ui.routes import presets
from ui.studio import Studio
from utils.errors import ReshootError, SettingsError

RESTYLE, STEADY = find_kind("restyle"), find_kind("steady")


def test_a_preset_holds_what_differs_and_nothing_of_one_clip(tmp_path: Path) -> None:
    chosen = {
        "generate.look": "ink", "encode.crf": 23, "encode.x264_preset": "medium", "trim.from_s": 2.0,
        "analysis.subject": "pointed", "analysis.point_x": 30.0,
    }  # fmt: skip
    OwnPresets(tmp_path).save(RESTYLE, "  My  street look ", "fast", chosen)
    [own] = OwnPresets(tmp_path).all()
    assert (own.name, own.kind, own.preset) == ("My street look", "restyle", "fast")
    assert own.settings == {"generate.look": "ink", "encode.x264_preset": "medium"}, "fast has crf 23 itself"
    assert OwnPresets(tmp_path).resolve(RESTYLE, "my street LOOK") == ("fast", dict(own.settings))
    assert OwnPresets(tmp_path).resolve(RESTYLE, "quality") == ("quality", {})


def test_the_same_name_replaces_and_a_deleted_one_is_gone(tmp_path: Path) -> None:
    home = OwnPresets(tmp_path)
    home.save(RESTYLE, "Mine", "fast", {"generate.look": "ink"})
    home.save(RESTYLE, "mine", "balanced", {"generate.look": "clay"})
    assert [(own.name, own.preset) for own in home.all()] == [("mine", "balanced")]
    assert home.delete("MINE").name == "mine" and home.all() == []
    with pytest.raises(SettingsError, match="There is no saved preset 'mine'"):
        home.delete("mine")


@pytest.mark.parametrize("name", ["fast", "Fast", " QUALITY "])
def test_a_name_of_a_built_in_preset_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="There is a built-in preset"):
        OwnPresets(tmp_path).save(RESTYLE, name, "fast", {})


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "a\\b", ".hidden", "x" * 41, "a\nb\0", "con:", "-x"])
def test_what_is_no_name_becomes_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="A preset cannot be called"):
        OwnPresets(tmp_path / "home").save(RESTYLE, name, "fast", {})
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_set_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"encode\.crf cannot be 99"):
        OwnPresets(tmp_path).save(RESTYLE, "mine", "fast", {"encode.crf": 99})
    with pytest.raises(SettingsError, match="There is no preset 'other'"):
        OwnPresets(tmp_path).save(RESTYLE, "mine", "other", {})
    assert OwnPresets(tmp_path).all() == []


def test_a_wrong_name_or_kind_is_told_with_what_there_is(tmp_path: Path) -> None:
    home = OwnPresets(tmp_path)
    home.save(STEADY, "Tripod", "", {"stabilise.window_s": 3.0})
    with pytest.raises(SettingsError, match="Did you mean 'Tripod'"):
        home.resolve(STEADY, "tripot")
    with pytest.raises(SettingsError, match="is for steady jobs"):
        home.resolve(RESTYLE, "Tripod")
    assert home.resolve(STEADY, "Tripod") == ("", {"stabilise.window_s": 3.0})


def test_a_file_of_another_version_or_a_damaged_one_does_no_harm(tmp_path: Path) -> None:
    home = OwnPresets(tmp_path)
    home.save(RESTYLE, "good", "fast", {"generate.look": "ink"})
    old = {"name": "old", "kind": "restyle", "preset": "fast", "settings": {"gone.setting": 1, "generate.look": "ink"}}
    (tmp_path / "presets" / "old.json").write_text(json.dumps(old))
    (tmp_path / "presets" / "bad.json").write_text("[1")
    (tmp_path / "presets" / "worse.json").write_text(json.dumps({**old, "settings": {"encode.crf": "x"}}))
    assert [(own.name, dict(own.settings)) for own in home.all()] == [
        ("good", {"generate.look": "ink"}),
        ("old", {"generate.look": "ink"}),
    ]


def test_pictures_of_presets_are_in_use(tmp_path: Path) -> None:
    OwnPresets(tmp_path).save(
        RESTYLE, "mine", "fast", {"generate.reference": "ab" * 32, "generate.reference_4": "cd" * 32}
    )
    assert OwnPresets(tmp_path).pictures() == {"ab" * 32, "cd" * 32}


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[TestClient]:
    ledger, app = Ledger(database_url(tmp_path)), FastAPI()
    app.include_router(presets.routes(Studio(tmp_path, ledger)), prefix="/studio")
    app.add_exception_handler(ReshootError, _told)
    with TestClient(app) as client:
        yield client
    ledger.close()


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, ReshootError)
    return JSONResponse({"problem": error.problem}, 404 if isinstance(error, NotHere) else 400)


def test_a_browser_saves_lists_and_deletes(browser: TestClient) -> None:
    body = {"name": "Straße 1", "kind": "restyle", "preset": "fast", "settings": {"generate.look": "noir"}}
    assert browser.post("/studio/presets", json=body).status_code == 201
    [own] = browser.get("/studio/presets").json()["presets"]
    assert own == {"name": "Straße 1", "kind": "restyle", "preset": "fast", "settings": {"generate.look": "noir"}}
    for wrong in ({**body, "name": 7}, {**body, "name": "fast"}, {**body, "settings": {"generate.reference": "/etc"}}):
        assert browser.post("/studio/presets", json=wrong).status_code == 400
    assert browser.delete("/studio/presets/other").status_code == 404
    assert browser.delete("/studio/presets/Stra%C3%9Fe%201").status_code == 200
    assert browser.get("/studio/presets").json() == {"presets": []}


def command(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    said = [sys.executable, "-m", "pipeline", *arguments, "--home", str(home)]
    return subprocess.run(said, capture_output=True, text=True, timeout=120)


def test_the_command_line_saves_uses_and_deletes(tmp_path: Path) -> None:
    saved = command(tmp_path, "presets", "save", "mine", "--preset", "fast", "--set", "generate.look=clay")
    assert saved.returncode == 0, saved.stderr
    assert "mine" in command(tmp_path, "presets", "list").stdout
    shown = json.loads(command(tmp_path, "settings", "--preset", "mine", "--json").stdout)
    values = {each["name"]: each["value"] for each in shown["settings"]}
    assert values["generate.look"] == "clay" and values["analysis.pose_every"] == 3
    wrong = command(tmp_path, "generate", str(tmp_path / "x.mp4"), "-o", "y.mp4", "--preset", "mime")
    assert wrong.returncode == 1 and "Did you mean 'mine'?" in wrong.stderr
    clash = command(tmp_path, "presets", "save", "fast")
    assert clash.returncode == 1 and "There is a built-in preset 'fast'." in clash.stderr
    assert command(tmp_path, "presets", "delete", "mine").returncode == 0
    assert command(tmp_path, "settings", "--preset", "mine").returncode == 1
