"""Prompts: templates that are of use as they are, the last twenty of a home, and sentences for what cannot be used."""

import os
import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from typer.testing import CliRunner

from pipeline.__main__ import app as command_line
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.library.prompts import MOST, LastPrompts, prompt_of, templates
from pipeline.settings import Settings
from ui.routes import loras, prompts
from ui.routes.jobs import order_of
from ui.studio import Studio
from utils.errors import SettingsError


def test_a_template_fits_the_field_and_has_one_part_to_replace() -> None:
    assert len(templates()) >= 12
    assert {each.kind for each in templates()} == {"Clothes", "Weather", "Period", "Film stock", "Fantasy"}
    for template in templates():
        assert re.fullmatch(r"[^\[\]]+\[[\w ]+\][^\[\]]*\.", template.text), template.text
        Settings.load(overrides={"generate.prompt": template.text})
    assert len({each.title for each in templates()}) == len(templates())


def test_the_last_prompts_come_newest_first_and_each_once(tmp_path: Path) -> None:
    last = LastPrompts(tmp_path)
    assert last.all() == []
    for number, prompt in enumerate([f"number {number}" for number in range(MOST + 3)]):
        last.remember(prompt)
        os.utime(tmp_path / "prompts" / f"{last.all()[0].digest}.txt", (number, number))
    last.remember("number 10\nagain")
    last.remember("number 10")
    last.remember("")
    kept = [each.text for each in LastPrompts(tmp_path).all()]
    assert kept[:3] == ["number 10", "number 10\nagain", f"number {MOST + 2}"]
    assert len(kept) == len(set(kept)) == MOST == len(list((tmp_path / "prompts").iterdir()))


def test_a_prompt_is_forgotten_and_no_other_file(tmp_path: Path) -> None:
    last = LastPrompts(tmp_path)
    last.remember("rain")
    last.remember("snow")
    (tmp_path / "secret.txt").write_text("mine")
    (tmp_path / "prompts" / "worse.txt").write_bytes(b"\xff\xfe")
    for name in ("../secret", "0" * 64, "worse"):
        with pytest.raises(SettingsError, match="no such prompt"):
            last.forget(name)
    last.forget(next(each.digest for each in last.all() if each.text == "rain"))
    assert [each.text for each in last.all()] == ["snow"]
    assert (tmp_path / "secret.txt").is_file()


def test_where_nothing_can_be_written_the_log_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "prompts").write_text("no folder")
    LastPrompts(tmp_path).remember("rain")
    assert "not among the last ones" in caplog.text
    assert LastPrompts(tmp_path).all() == []


def test_only_the_prompt_of_an_engine_that_reads_it_counts() -> None:
    assert prompt_of({"generate.engine": "vace", "generate.prompt": "  rain\n"}) == "rain"
    assert prompt_of({"animate.engine": "vace", "generate.prompt": "rain"}) == "rain"
    assert prompt_of({"animate.engine": "carried", "generate.prompt": "rain"}) == ""
    assert prompt_of({"generate.engine": "restyle", "generate.prompt": "rain"}) == ""
    assert prompt_of({"generate.prompt": "rain"}) == prompt_of({"generate.engine": "vace"}) == ""


def test_the_command_line_lists_them(tmp_path: Path) -> None:
    LastPrompts(tmp_path).remember("a [red]\nraincoat")
    told = CliRunner().invoke(command_line, ["prompts", "--home", str(tmp_path)]).output
    assert all(template.text in told for template in templates())
    assert told.rstrip().endswith("The last ones\n  a [red] raincoat")


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path, Ledger(database_url(tmp_path)))


def test_the_page_is_told_of_them_and_of_the_loras_that_are_here(studio: Studio) -> None:
    app, folder = FastAPI(), studio.home / "models" / "loras"
    for noun in (prompts, loras):
        app.include_router(noun.routes(studio))
    LastPrompts(studio.home).remember("snow")
    folder.mkdir(parents=True)
    for name in ("rain.safetensors", "Film grain.safetensors", "old.ckpt", "-odd.safetensors"):
        (folder / name).touch()
    with TestClient(app) as browser:
        [snow] = browser.get("/prompts").json()["last"]
        assert snow["text"] == "snow"
        assert browser.delete(f"/prompts/{snow['digest']}").json() == {"forgotten": snow["digest"]}
        assert browser.get("/prompts").json()["last"] == []
        told = browser.get("/loras").json()
    assert told["names"] == ["Film grain", "rain"] and told["folder"] == str(folder)
    studio.ledger.close()


def test_a_lora_that_is_not_here_is_told_before_the_job(studio: Studio) -> None:
    asked = {"generate.engine": "vace", "generate.loras": "rain:0.5"}
    with pytest.raises(SettingsError) as caught:
        order_of(studio, "restyle", None, asked)
    folder = studio.home / "models" / "loras"
    assert str(caught.value) == f"generate.loras: The LoRA rain is not here. Put rain.safetensors into {folder}."
    assert order_of(studio, "restyle", None, {**asked, "generate.engine": "restyle"}).settings["generate.loras"]
    studio.ledger.close()


def test_a_prompt_that_is_too_long_is_told_in_a_sentence_and_not_quoted(studio: Studio) -> None:
    with pytest.raises(SettingsError) as caught:
        order_of(studio, "restyle", None, {"generate.prompt": "rain " * 2000})
    assert str(caught.value) == "generate.prompt has 10,000 characters; 2,000 are the most. Shorten it by 8,000."
    studio.ledger.close()
