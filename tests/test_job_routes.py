"""What browsers may ask of jobs, and what they are told: the real routes behind the real guard."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.testclient import TestClient

from pipeline.jobs.job import JobError, State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.jobs.workers.worker_ledger import WorkerLedger
from pipeline.library import inputs
from pipeline.library.clips import Clips
from tests.orders import begin_next, restyle_order
from ui.access import AccessGuard
from ui.board import BoardView
from ui.problems import NotAllowed, NotHere, TooLarge
from ui.routes import jobs
from ui.sessions import open_authenticator
from ui.studio import Studio
from utils.errors import ReshootError
from utils.project import PROJECT_ROOT

STATUS: dict[type[Exception], int] = {NotHere: 404, JobError: 409, NotAllowed: 403, TooLarge: 413}
NOBODY = "0" * 24


@dataclass
class Desk:
    """A home, the app that shows its jobs, and the browsers that look at it."""

    home: Path
    ledger: Ledger
    app: FastAPI
    me: TestClient
    other: TestClient

    def clip(self, title: str, **seen: Any) -> str:
        """A clip of this home; what was seen in it when something was."""
        film = self.home / title
        film.write_bytes(title.encode())
        clip = Clips(self.home).add(film, title)
        if seen:
            (self.home / "clips" / clip / "look.json").write_text(json.dumps(seen))
        return clip

    def ask(self, clips: list[str], preset: str = "fast", **settings: Any) -> list[str]:
        """Jobs of this browser."""
        said = {name.replace("__", "."): value for name, value in settings.items()}
        answer = self.me.post("/studio/jobs", json={"clips": clips, "preset": preset, "settings": said})
        assert answer.status_code == 201, answer.text
        return list(answer.json()["jobs"])

    def page(self, browser: TestClient | None = None, query: str = "") -> dict[str, Any]:
        """What is shown."""
        return dict((browser or self.me).get(f"/studio/jobs{query}").json())

    def titles(self) -> list[str]:
        return [job["title"] for job in self.page()["jobs"]]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose database has its tables."""
    home = tmp_path_factory.mktemp("empty")
    Ledger(database_url(home)).close()
    return home


@pytest.fixture
def desk(empty: Path, tmp_path: Path) -> Iterator[Desk]:
    shutil.copytree(empty, tmp_path, dirs_exist_ok=True)
    ledger = Ledger(database_url(tmp_path))
    app = FastAPI()
    app.add_middleware(
        AccessGuard, authenticator=open_authenticator(tmp_path, {}, public=False)[0], hosts=("testserver",)
    )
    app.add_exception_handler(ReshootError, _told)
    app.include_router(jobs.routes(Studio(tmp_path, ledger)), prefix="/studio")
    headers = {"X-Reshoot": "1"}
    with TestClient(app, headers=headers) as me, TestClient(app, headers=headers) as other:
        yield Desk(tmp_path, ledger, app, me, other)
    ledger.close()


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, ReshootError)
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 400)
    return JSONResponse({"problem": error.problem, "remedy": error.remedy}, status)


def test_what_is_asked_for_stands_in_line(desk: Desk) -> None:
    clips = [desk.clip(f"{name}.mp4") for name in "ab"]
    answer = desk.me.post("/studio/jobs", json={"clips": clips, "preset": "fast", "settings": {"generate.look": "ink"}})
    assert answer.status_code == 201
    page = desk.page()
    assert [job["id"] for job in page["jobs"]] == answer.json()["jobs"]
    assert {job["batch"] for job in page["jobs"]} == {answer.json()["batch"]} != {""}
    first = page["jobs"][0]
    assert (first["title"], first["state"], first["look"], first["preset"]) == ("a.mp4", "queued", "ink", "fast")
    assert first["mine"] and not first["ask_first"] and first["clip"] == clips[0]
    assert not desk.page(desk.other)["jobs"][0]["mine"] and desk.page(desk.other)["jobs"][0]["ask_first"]
    kept = inputs.find(desk.home, desk.ledger.get(first["id"]).order.inputs["clip"], "clip")
    assert kept.read_bytes() == b"a.mp4"
    assert page["counts"] == {"queued": 2} and page["worker"] == {"alive": False, "name": "", "silent_s": None}


def test_a_form_may_say_which_kind_of_job_it_is_for(desk: Desk) -> None:
    said = {"kind": "restyle", "clips": [desk.clip("a.mp4")], "preset": "fast", "settings": {}}
    assert desk.me.post("/studio/jobs", json=said).status_code == 201
    assert [job["title"] for job in desk.page()["jobs"]] == ["a.mp4"]


def test_one_clip_is_no_batch_and_the_same_clip_twice_is_one_job(desk: Desk) -> None:
    clip = desk.clip("a.mp4")
    assert len(desk.ask([clip, clip])) == 1
    assert desk.page()["jobs"][0]["batch"] == "" and desk.page()["batches"] == {}


WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({"clips": []}, 400, "0 clips were chosen"),
    ({}, 400, "does not say which clips"),
    ({"clips": ["../../etc/passwd"]}, 400, "not there any more"),
    ({"clips": [NOBODY]}, 400, "not there any more"),
    ({"clips": [NOBODY], "preset": "../fast"}, 400, "no preset"),
    ({"clips": [NOBODY], "settings": {"generate.look": "inq"}}, 400, "cannot be 'inq'"),
    ({"clips": [NOBODY], "settings": {"generate.lok": "ink"}}, 400, "generate.lok"),
    ({"clips": [NOBODY], "settings": [1]}, 400, "can be read"),
    ({"clips": [NOBODY], "settings": {"generate.reference": "/etc/passwd"}}, 403, "not one that was added"),
    ({"clips": [NOBODY], "settings": {"generate": {"reference": "/etc/passwd"}}}, 403, "not one that was added"),
    ({"clips": [NOBODY], "settings": {"generate.reference": ["/etc/passwd"]}}, 403, "not one that was added"),
    ({"clips": [NOBODY], "settings": {"generate.reference": {"path": "/etc/passwd"}}}, 403, "not one that was added"),
    ({"clips": [NOBODY], "settings": {"generate.reference": "a\0b"}}, 403, "not one that was added"),
    ({"clips": [NOBODY], "settings": {"generate.reference": "x" * (1 << 20)}}, 413, "more than a request"),
]


def test_what_cannot_be_done_is_said_and_nothing_is_stored(desk: Desk) -> None:
    for said, status, problem in WRONG:
        answer = desk.me.post("/studio/jobs", json=said)
        assert answer.status_code == status, said
        assert problem in answer.json()["problem"] and answer.json()["remedy"]
    assert desk.ledger.all() == []


def test_one_refused_clip_among_good_ones_is_named_before_anything_is_stored(desk: Desk) -> None:
    good, bad = desk.clip("a.mp4"), desk.clip("b.mp4", problem="It has no picture.", remedy="Add another one.")
    answer = desk.me.post("/studio/jobs", json={"clips": [good, bad]})
    assert answer.json()["problem"] == "b.mp4 cannot be used: It has no picture."
    assert desk.ledger.all() == [] and desk.ledger.waiting() == 0


def test_a_request_that_is_no_json_is_refused_in_a_sentence(desk: Desk) -> None:
    for said in ("{", "[1]", '"x"'):
        answer = desk.me.post("/studio/jobs", content=said)
        assert answer.status_code == 400 and "JSON" in answer.json()["problem"]


def test_a_page_that_knows_it_all_is_told_just_that(desk: Desk) -> None:
    desk.ask([desk.clip("a.mp4")])
    first = desk.me.get("/studio/jobs")
    tag = first.headers["ETag"]
    assert first.json()["tag"] == tag
    again = desk.me.get("/studio/jobs", headers={"If-None-Match": tag})
    assert again.status_code == 304 and again.content == b""
    assert desk.other.get("/studio/jobs", headers={"If-None-Match": tag}).status_code == 200, "its page is another one"
    desk.me.post(f"/studio/jobs/{first.json()['jobs'][0]['id']}/pause")
    changed = desk.me.get("/studio/jobs", headers={"If-None-Match": tag})
    assert changed.status_code == 200 and changed.json()["jobs"][0]["state"] == "paused"


def test_all_that_goes_on_is_shown_and_of_what_ended_the_newest(desk: Desk) -> None:
    shift = WorkerLedger(desk.ledger, "one")
    for name in "abcde":
        job = desk.ledger.submit(restyle_order(name, name))
        begin_next(shift)
        shift.end(job.id, State.DONE, "Finished.")
    for name in "fghi":
        desk.ledger.submit(restyle_order(name, name))
    begin_next(shift)
    page = desk.page(query="?line=2&ended=3")
    assert [job["title"] for job in page["jobs"]] == ["f", "g", "h", "e", "d", "c"]
    assert page["counts"] == {"running": 1, "queued": 3, "done": 5}
    assert desk.me.get("/studio/jobs?ended=-1").status_code == 422


def test_a_job_of_another_browser_is_changed_only_by_somebody_who_is_sure(desk: Desk) -> None:
    job = desk.ask([desk.clip("a.mp4")])[0]
    for path in ("cancel", "pause", "resume", "retry", "remove", "move"):
        answer = desk.other.post(f"/studio/jobs/{job}/{path}", json={})
        assert answer.status_code == 409 and "another browser" in answer.json()["problem"]
    assert desk.other.patch(f"/studio/jobs/{job}", json={"preset": "quality"}).status_code == 409
    assert desk.ledger.get(job).state is State.QUEUED
    assert desk.other.post(f"/studio/jobs/{job}/cancel", json={"sure": True}).json()["job"]["state"] == "cancelled"
    nobodys = desk.ledger.submit(restyle_order("b", "b")).id
    assert desk.other.post(f"/studio/jobs/{nobodys}/cancel").status_code == 200


def test_the_line_can_be_changed(desk: Desk) -> None:
    first, second, third = desk.ask([desk.clip(f"{name}.mp4") for name in "abc"])
    desk.me.post(f"/studio/jobs/{third}/move", json={"before": first})
    assert desk.titles() == ["c.mp4", "a.mp4", "b.mp4"]
    desk.me.post(f"/studio/jobs/{third}/move", json={"before": None})
    assert desk.titles() == ["a.mp4", "b.mp4", "c.mp4"]
    for wrong in (NOBODY, "../x", 7):
        assert desk.me.post(f"/studio/jobs/{second}/move", json={"before": wrong}).status_code == 404


def test_each_change_does_what_it_says_and_a_wrong_one_says_why(desk: Desk) -> None:
    job = desk.ask([desk.clip("a.mp4")])[0]
    for change, state in [("pause", "paused"), ("resume", "queued"), ("cancel", "cancelled"), ("retry", "queued")]:
        assert desk.me.post(f"/studio/jobs/{job}/{change}").json()["job"]["state"] == state
    refused = desk.me.post(f"/studio/jobs/{job}/resume")
    assert refused.status_code == 409 and refused.json()["problem"] == "A queued job cannot be resumed."
    assert desk.me.post(f"/studio/jobs/{job}/explode").status_code == 404
    for wrong in (NOBODY, "x", "..%2f..%2fetc"):
        assert desk.me.post(f"/studio/jobs/{wrong}/cancel").status_code == 404
        assert desk.me.get(f"/studio/jobs/{wrong}").status_code == 404


def test_one_that_waits_can_be_edited_and_its_page_tells_what_differs(desk: Desk) -> None:
    job = desk.ask([desk.clip("a.mp4")], encode__crf=23)[0]
    answer = desk.me.patch(f"/studio/jobs/{job}", json={"settings": {"generate.look": "ink", "encode.crf": 23}})
    assert answer.json()["job"]["look"] == "ink" and answer.json()["job"]["preset"] == "fast"
    told = desk.me.get(f"/studio/jobs/{job}").json()
    assert told["settings"] == {"generate.look": "ink", "encode.crf": 23}
    assert told["differing"] == [
        {"name": "generate.look", "title": "Look", "unit": "", "value": "ink", "usual": "paint"}
    ]
    assert told["diary"][-1]["sentence"] == "Its settings were changed."
    refused = desk.me.patch(f"/studio/jobs/{job}", json={"settings": {"encode.crf": 99}})
    assert refused.status_code == 400 and "encode.crf" in refused.json()["problem"]
    begin_next(WorkerLedger(desk.ledger, "one"))
    assert desk.me.patch(f"/studio/jobs/{job}", json={"preset": "quality"}).status_code == 409


def test_what_is_finished_of_a_running_job_can_be_watched(desk: Desk) -> None:
    job, folder = desk.ask([desk.clip("a.mp4")])[0], desk.home / "previews"
    window = {"index": 0, "segment": "approach", "start": 0, "stop": 48, "digest": "b" * 64}
    (folder / job).mkdir(parents=True)
    (folder / job / "windows.json").write_text(json.dumps([window]))
    assert desk.page()["jobs"][0]["windows"] == [], "one in line shows nothing"
    begin_next(WorkerLedger(desk.ledger, "one"))
    desk.me.post(f"/studio/jobs/{job}/pause")
    (shown,) = desk.page()["jobs"][0]["windows"]
    assert (shown["segment"], shown["start"], shown["stop"]) == ("approach", 0, 48)
    assert shown["url"] == f"/studio/previews/{job}/0.mp4?of={'b' * 12}"
    (folder / job / "windows.json").write_text(json.dumps([window, {**window, "index": 1}]))
    assert [each["index"] for each in desk.page()["jobs"][0]["windows"]] == [0, 1]
    (folder / job / "windows.json").write_text("[{")
    assert desk.page()["jobs"][0]["windows"] == []


def test_a_removed_job_takes_its_result_and_previews_along(desk: Desk) -> None:
    job, other = desk.ask([desk.clip("a.mp4"), desk.clip("b.mp4")])
    for kind in ("results", "previews"):
        for each in (job, other):
            (desk.home / kind / each).mkdir(parents=True)
            (desk.home / kind / each / "file").write_text("x")
    desk.me.post(f"/studio/jobs/{job}/remove")
    left = {path.name for kind in ("results", "previews") for path in (desk.home / kind).iterdir()}
    assert left == {other} and desk.titles() == ["b.mp4"]
    begin_next(WorkerLedger(desk.ledger, "one"))
    assert desk.me.post(f"/studio/jobs/{other}/remove").status_code == 409
    assert (desk.home / "results" / other / "file").exists()


def test_a_batch_has_one_progress_and_is_stopped_as_one(desk: Desk) -> None:
    done, running, _, paused = jobs = desk.ask([desk.clip(f"{name}.mp4") for name in "abcd"])
    alone, shift = desk.ask([desk.clip("e.mp4")])[0], WorkerLedger(desk.ledger, "one")
    begin_next(shift)
    shift.end(done, State.DONE, "Finished.", share=1.0)
    begin_next(shift)
    shift.report(running, share=0.5)
    desk.me.post(f"/studio/jobs/{paused}/pause")
    page = desk.page(query="?ended=0")
    ((batch, told),) = page["batches"].items()
    assert told == {
        "name": "a.mp4 and 3 more",
        "share": 1.5 / 4,
        "counts": {"done": 1, "running": 1, "queued": 1, "paused": 1},
    }
    assert desk.other.post(f"/studio/batches/{batch}/cancel").status_code == 409
    assert desk.me.post(f"/studio/batches/{batch}/cancel").json() == {"changed": 3}
    states = [desk.ledger.get(job).state for job in (*jobs, alone)]
    assert states == [State.DONE, State.RUNNING, State.CANCELLED, State.CANCELLED, State.QUEUED]
    assert desk.ledger.get(running).requested_action == "cancel"
    assert desk.me.post("/studio/batches/x/cancel").json() == {"changed": 0}


def test_a_batch_that_has_ended_is_still_shown_by_its_name(desk: Desk) -> None:
    jobs, shift = desk.ask([desk.clip("a.mp4"), desk.clip("b.mp4")]), WorkerLedger(desk.ledger, "one")
    for _ in jobs:
        job = begin_next(shift)
        assert job
        shift.end(job.id, State.DONE, "Finished.", share=1.0, worked_s=7.5)
    page = desk.page()
    ((_, told),) = page["batches"].items()
    assert told == {"name": "a.mp4 and 1 more", "share": 1.0, "counts": {"done": 2}}
    assert {job["batch_name"] for job in page["jobs"]} == {"a.mp4 and 1 more"}
    assert {job["took_s"] for job in page["jobs"]} == {7.5}


def test_a_job_says_when_it_began_what_it_is_of_and_what_it_is_expected_to_take(desk: Desk) -> None:
    facts = {"width": 640, "height": 360, "frames": 100}
    clip, unseen = desk.clip("a.mp4", facts=facts), desk.clip("b.mp4")
    (desk.home / "clips" / clip / "poster.jpg").write_bytes(b"a still")
    job, other = desk.ask([clip])[0], desk.ask([unseen])[0]
    shown = {each["id"]: each for each in desk.page()["jobs"]}
    assert shown[job]["expected_s"] > 1 and shown[other]["expected_s"] is None
    assert shown[job]["picture"] == f"/studio/clips/{clip}/poster.jpg" and shown[other]["picture"] is None
    shift = WorkerLedger(desk.ledger, "one")
    begin_next(shift)
    began = desk.me.get(f"/studio/jobs/{job}").json()["started"]
    shift.end(job, State.DONE, "Finished.", result={"digest": "cd" * 32})
    ended = desk.me.get(f"/studio/jobs/{job}").json()
    assert ended["started"] == began > 0
    assert ended["picture"] == f"/studio/results/{job}/poster.jpg?inline=1&v={'cd' * 6}"
    assert desk.me.post(f"/studio/jobs/{job}/retry").json()["job"]["started"] is None


def test_a_worker_that_gives_signs_is_alive(desk: Desk) -> None:
    WorkerLedger(desk.ledger, "pod").beat(1, "")
    assert desk.page()["worker"] == {"alive": True, "name": "pod", "silent_s": 0}


def test_nothing_that_looks_into_clips_is_loaded() -> None:
    code = "import sys, ui.routes.jobs; print(*sorted(sys.modules))"
    child = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert not {"numpy", "cv2", "av", "mediapipe", "numba", "torch", "scipy"} & set(child.stdout.split())


def test_a_part_of_each_clip_is_ordered_as_its_settings(desk: Desk) -> None:
    facts = {"width": 640, "height": 360, "frames": 100, "seconds": 4.0}
    one, other = desk.clip("a.mp4", facts=facts), desk.clip("b.mp4", facts=facts)
    body = {"clips": [one, other], "preset": "fast", "parts": {one: {"from_s": 1, "to_s": 3.5}}}
    assert desk.me.post("/studio/jobs", json=body).status_code == 201
    first, second = desk.ledger.all()
    assert first.order.settings == {"trim.from_s": 1.0, "trim.to_s": 3.5} and second.order.settings == {}
    whole, part = (desk.me.get(f"/studio/jobs/{job.id}").json()["estimate"] for job in (second, first))
    assert part["seconds"] < whole["seconds"]


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ({"from_s": 2, "to_s": 2}, "The part of a.mp4 is empty."),
        ({"from_s": 4}, "The part of a.mp4 is beyond its end, at 4 s."),
        ({"to_s": 4.1}, "beyond its end"),
        ({"from_s": -1}, "not a time"),
        ({"from_s": "1"}, "not a time"),
        ({"from_s": True}, "not a time"),
        (7, "cannot be read"),
    ],
)
def test_what_is_no_part_of_a_clip_is_refused(desk: Desk, part: object, why: str) -> None:
    clip = desk.clip("a.mp4", facts={"width": 640, "height": 360, "frames": 100, "seconds": 4.0})
    answer = desk.me.post("/studio/jobs", json={"clips": [clip], "preset": "fast", "parts": {clip: part}})
    assert answer.status_code == 400 and why in answer.json()["problem"]
    assert desk.ledger.all() == []


def test_the_graphics_card_is_shown_while_its_job_runs_and_what_it_did_afterwards(desk: Desk) -> None:
    (job,) = desk.ask([desk.clip("a.mp4")])
    shift, board = WorkerLedger(desk.ledger, "tested"), BoardView(Studio(desk.home, desk.ledger))

    def shown() -> dict[str, Any]:
        return board.view(desk.ledger.get(job), "")

    assert shown()["card"] is None
    shift.beat(1, job)
    assert begin_next(shift)
    shift.report(job, card={"busy": 0.8712, "used_mb": 21_480.0, "total_mb": 46_068.0})
    assert shown()["card"] == {"busy": 0.87, "used": 21_480 << 20, "total": 46_068 << 20}
    took = {"name": "NVIDIA A40", "busy": 0.91, "peak_mb": 22_000}
    shift.end(job, State.DONE, "Finished.", result={"frames": 12, "card": took})
    assert shown()["card"] is None and shown()["result"]["card"] == took
