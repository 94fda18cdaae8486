"""A home of version 0.1, whose jobs knew no kinds and named their clip by its path, is opened and worked on.

`home-0.1.tar.xz` was made by that version: an uploaded clip, a reference picture, a finished job with its result, a
failed and a cancelled job, a paused one, and a batch of two in line, one of them with a file from outside the home.
"""

import json
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from pipeline.jobs.job import State
from pipeline.jobs.results import Results
from pipeline.library import given, inputs
from pipeline.library.clips import Clips
from pipeline.settings import Settings
from tests.workers import House, house
from ui.routes import jobs, results
from ui.studio import Studio

pytestmark = pytest.mark.slow

ARCHIVE = Path(__file__).with_name("home-0.1.tar.xz")
MADE_IN = "/tmp/oldhome"
TITLE = "Walk in the yard.mp4"
PICTURE = "583f2319ed03e6c6ad253ea05de153ed7feac4a0feb49bbb3a64a5c33d066572"


@pytest.fixture
def old(tmp_path: Path) -> Iterator[House]:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    with closing(sqlite3.connect(tmp_path / "home" / "jobs" / "ledger.sqlite")) as ledger, ledger:
        ledger.execute('UPDATE reshoot_jobs SET "order" = replace("order", ?, ?)', (MADE_IN, str(tmp_path)))
    with house(tmp_path / "home", opened=False) as made:
        yield made


def test_its_jobs_are_read_as_orders_of_today(old: House) -> None:
    found = old.ledger.all()
    assert {job.order.kind for job in found} == {"restyle"}
    assert [job.state for job in found] == ["done", "failed", "queued", "queued", "paused", "cancelled"]
    done, _, waits, outside, paused, _ = (job.order for job in found)
    assert (done.title, done.preset, done.owner, done.settings) == (TITLE, "fast", "browser", {"generate.look": "ink"})
    assert done.inputs["reference"] == PICTURE and done.chosen["generate.reference"] == PICTURE
    assert waits.batch == outside.batch != "" and paused.settings == {}
    assert inputs.find(old.home, outside.inputs["clip"], "clip") == old.home.parent / "outside.mp4"
    assert Path(paused.inputs["reference"]) == given.find(old.home, "reference", PICTURE)


def test_what_it_had_in_line_is_done(old: House) -> None:
    paused = old.ledger.in_state(State.PAUSED)[0]
    old.ledger.resume(paused.id)
    old.open()
    for job in old.ledger.in_state(State.QUEUED):
        ended = old.ended(job.id)
        assert (ended.state, ended.problem) == (State.DONE, "")
        assert len(old.result(job.id)) == 16 and ended.result["look"]
    settings = json.loads((Results.of(old.home).place(paused.id) / "settings.json").read_text())
    assert settings == {"kind": "restyle", "preset": "quality", "generate.reference": PICTURE}


def test_its_result_is_shown_and_its_settings_are_read(old: House) -> None:
    app, studio = FastAPI(), Studio(old.home, old.ledger)
    for each in (jobs, results):
        app.include_router(each.routes(studio), prefix="/studio")
    done = old.ledger.in_state(State.DONE)[0]
    with TestClient(app) as client:
        page = client.get(f"/studio/results/{done.id}").json()
        assert (page["kind"], page["look"], page["preset"], page["frames"]) == ("restyle", "ink", "fast", 16)
        assert len(page["figures"]) == 8 and all(each["value"] for each in page["figures"])
        assert client.get(page["after"]).status_code == 200
        more = client.get(f"/studio/jobs/{done.id}").json()
        assert [each["name"] for each in more["differing"]] == ["generate.look", "generate.reference"]
    embedded = Settings.load(file=Results.of(old.home).place(done.id) / "result.mp4")
    assert embedded.generate.look == "ink" and embedded.generate.reference == PICTURE


def test_its_clip_and_picture_stay_while_jobs_need_them(old: House) -> None:
    clips = Clips(old.home)
    (clip,) = clips.all()
    assert clips.sweep(old.ledger.inputs_in_use, older_than_s=-1) == 0
    assert given.sweep(old.home, old.ledger.inputs_in_use, older_than_s=-1) == 0
    for job in old.ledger.all():
        if clip.id in job.order.inputs["clip"]:
            old.ledger.remove(job.id)
    assert clips.sweep(old.ledger.inputs_in_use, older_than_s=-1) == 1
    assert given.sweep(old.home, old.ledger.inputs_in_use, older_than_s=-1) == 1
