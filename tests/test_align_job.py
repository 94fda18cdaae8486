"""Aligning as a job: from the command line through the queue and the worker to a result, also when one is killed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from pipeline.align.settings import AlignSettings
from pipeline.jobs.frame_requests import PREVIEW, FrameRequest, FrameRequests
from pipeline.jobs.job import Job, State
from pipeline.jobs.order import make_order
from pipeline.jobs.results import Results
from pipeline.kinds import find_kind
from tests.aligned import Case, Pair, Scene
from tests.workers import House, house
from ui.figures import figures
from ui.routes import results
from ui.studio import Studio
from utils.errors import SettingsError
from utils.image.metrics import psnr_db
from utils.image.picture_file import read_picture
from utils.media.intake import probe
from utils.media.video import ClipFrames
from utils.media.xmp import read_settings
from utils.project import PROJECT_ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Half a second later, and longer than the background at its end."""
    return Case("offset", seconds=2.0, begin_s=0.5, end_s=2.2).made(tmp_path_factory.mktemp("pair"))


def run(*said: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pipeline", *map(str, said)]
    return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True)


def submitted(home: House, pair: Pair, *more: str) -> str:
    settings = [part for each in (f"pair.background={pair.background.path}", *more) for part in ("--set", each)]
    child = run("jobs", "submit", pair.foreground.path, "--kind", "align", *settings, "--home", home.home)
    assert child.returncode == 0, child.stderr
    return child.stdout.strip()


@pytest.fixture(scope="module")
def done(home: House, pair: Pair) -> Job:
    """A job whose worker is killed when the map is there; the next worker goes on."""
    job = submitted(home, pair, "laid.blend_px=8", "trim.from_s=0.1")
    home.kill(home.working(job, steps=6))
    return home.ended(job)


def test_a_killed_job_goes_on_from_the_map(home: House, done: Job) -> None:
    assert (done.state, done.problem, done.result["look"]) == (State.DONE, "", "precise")
    assert done.attempts >= 2
    taken = {stage["name"]: stage["cache"] for stage in done.result["stages"]}
    assert taken["proxies"] == taken["place"] == taken["align"] == "hit" and taken["web copy"] == "miss"


def test_a_cancelled_job_goes_on_when_it_is_tried_again(home: House, pair: Pair) -> None:
    job = submitted(home, pair, "trim.from_s=0.2", "match.shown=progressive")
    home.working(job, steps=4)
    home.ledger.cancel(job)
    assert home.ended(job).state is State.CANCELLED
    home.ledger.retry(job)
    home.until(lambda: home.ledger.get(job).state is State.DONE, "result")
    ended = home.ledger.get(job)
    assert [each["cache"] for each in ended.result["stages"] if each["name"] == "proxies"] == ["hit", "hit"]
    facts = json.loads((Results.of(home.home).place(job) / "result.json").read_text())
    told = [note.partition(":")[0] for note in facts["notes"] if "% sure" in note]
    assert told == ["Keyframes", "Every frame", "To a part of a frame"]


def test_a_result_has_the_clip_the_map_and_what_to_check_it_by(home: House, pair: Pair, done: Job) -> None:
    place = Results.of(home.home).place(done.id)
    assert set(find_kind("align").files) <= {each.name for each in place.iterdir()}
    facts, document = (json.loads((place / name).read_text()) for name in ("result.json", "map.json"))
    numbers, missing = facts["numbers"], document["labels"]["no-match"]
    assert numbers["frames_in"] == len(pair.foreground) - 6 == numbers["frames_out"] + missing
    assert abs(numbers["placement"]["x_px"] - 60) < 0.5 and numbers["worst_sigma"] < 0.25
    first = document["frames"][0]
    assert first["time_s"] == 0 and abs(first["background_s"] - 0.6) < 0.01, "a tenth of a second was cut off before"
    rows = facts["alignment"]["frames"]
    assert [row["index"] for row in rows] == sorted(row["index"] for row in rows)
    assert sum(row["why"] == "worst" for row in rows) == 6
    after, before, behind = probe(place / "result.mp4"), probe(place / facts["before"]), pair.background
    assert len(after) == len(before) == facts["frames"] and after.size == before.size == behind.size
    shown, alone = (next(ClipFrames.of(clip).read([20])).rgb for clip in (after, before))
    sources = [frame.rgb for frame in ClipFrames.of(behind).read([55, 56, 57])]
    for picture, part in ((alone, slice(None)), (shown, slice(30))):
        likeness = [psnr_db(picture[part], source[part]) for source in sources]
        assert max(likeness) == likeness[1], "the background's frame of that moment, alone as well as around"
    settings = (read_settings(place / "result.mp4") or {})["settings"]
    assert settings["laid.blend_px"] == 8 and len(settings["pair.background"]) == 64, "named by its content"
    marks = {each.label: (each.value, each.mark) for each in figures(numbers, 60, find_kind("align").measures)}
    assert marks["Least sure"][1] == "good" and marks["Placement"][0].startswith(("(60.0", "(59.9"))


def test_only_pictures_and_clips_are_shown_by_browsers(home: House, done: Job) -> None:
    app = FastAPI()
    app.include_router(results.routes(Studio(home.home, home.ledger)), prefix="/studio")
    client = TestClient(app)
    told = client.get(f"/studio/results/{done.id}").json()["alignment"]
    assert told["columns"] == 6 and len(told["frames"]) > 30
    for url, shown in ((told["strip"], True), (told["sheet"], True), (told["plot"] + "&inline=1", False)):
        answer = client.get(url)
        assert answer.status_code == 200 and (answer.headers["content-disposition"] == "inline") is shown, url
        assert shown or "sandbox" in answer.headers["content-security-policy"]


def test_one_frame_of_a_pair_is_previewed_from_the_cached_map(home: House, done: Job) -> None:
    previews, asked, refused = FrameRequests(home.ledger, PREVIEW), "a" * 24, "b" * 24
    previews.ask(asked, FrameRequest(done.order, at=0.25))
    answer = home.until(lambda: previews.answer(asked), "preview")
    assert answer["at"] == 24 and answer["frames"] == 96 and answer["frame"]["label"] == "sure"
    assert abs(answer["frame"]["background_frame"] - (36 + 24)) < 0.5 and answer["plot"].startswith("<svg")
    own, behind = (read_picture(home.home / "looks" / asked / f"{name}.jpg") for name in ("before", "after"))
    assert own.shape == behind.shape == (112, 200, 3) and psnr_db(own, behind) > 24
    alone = replace(done.order, inputs={"clip": done.order.inputs["clip"]})
    previews.ask(refused, FrameRequest(alone))
    assert "pair.background is missing" in home.until(lambda: previews.answer(refused), "answer")["problem"]


def test_clips_that_do_not_belong_together_are_a_failed_job_with_a_reason(home: House, tmp_path: Path) -> None:
    strangers = Case("strangers", seconds=1.0, other=Scene(seed=99)).made(tmp_path)
    ended = home.ended(submitted(home, strangers))
    assert ended.state is State.FAILED and "foreground" in ended.problem.lower()
    assert "Something in Reshoot went wrong" not in ended.problem
    assert "made of this background" in ended.remedy and "set Placement to fixed" in ended.remedy
    assert not Results.of(home.home).place(ended.id).exists()


def test_a_background_is_asked_for_where_it_belongs(home: House, pair: Pair) -> None:
    child = run("jobs", "submit", pair.foreground.path, "--kind", "align", "--home", home.home)
    assert child.returncode == 1 and "pair.background is missing" in child.stderr
    with pytest.raises(SettingsError):
        make_order(find_kind("align"), {"clip": "ab" * 32}, "Clip", {}, "").complete()
    said = ("--set", f"pair.background={pair.background.path}")
    child = run("align", pair.background.path, pair.foreground.path, *said, "--home", home.home)
    assert child.returncode == 1 and "align BG FG" in child.stderr
    assert AlignSettings().pair.background is None
