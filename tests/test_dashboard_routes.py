"""The dashboard: what it tells of a real cache, of jobs and machines, and what its buttons do."""

import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.testclient import TestClient
from typer.testing import CliRunner

from pipeline.commands.cache import app as cache_app
from pipeline.jobs.job import State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.jobs.workers.ahead_log import AheadLog, Note
from pipeline.jobs.workers.worker_ledger import WorkerLedger
from tests.orders import begin_next, restyle_order
from tests.store_child import key, write
from ui.board import BoardView
from ui.figures import marked, number
from ui.machine import CachedFact, Machine, graphics, room
from ui.routes import dashboard
from ui.studio import Studio
from utils.errors import ReshootError
from utils.home import cache_folder
from utils.project import PROJECT_ROOT
from utils.store import Figures, Store
from utils.store.usage_stats import UsageStats

pytestmark = pytest.mark.slow

PATIENCE_S = 60.0


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(database_url(tmp_path))
    yield ledger
    ledger.close()


@pytest.fixture
def client(tmp_path: Path, ledger: Ledger) -> Iterator[TestClient]:
    app = FastAPI()
    app.include_router(dashboard.routes(Studio(tmp_path, ledger)), prefix="/studio")

    @app.exception_handler(ReshootError)
    async def told(request: Request, error: Exception) -> Response:
        assert isinstance(error, ReshootError)
        return JSONResponse({"problem": error.problem, "remedy": error.remedy}, 400)

    with TestClient(app) as client:
        yield client


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three results in the cache, of which the first was asked for twice more."""
    store = Store(cache_folder(tmp_path))
    for index in (0, 1, 2, 0, 0):
        store.get_or_make(key(index), lambda into: write(into, index)).close()  # noqa: B023
    return store


def done(client: TestClient) -> Any:
    """The chore once it is over."""
    end = time.monotonic() + PATIENCE_S
    while (chore := client.get("/studio/dashboard").json()["chore"])["state"] == "running":
        assert time.monotonic() < end, chore
        time.sleep(0.05)
    return chore


def begin(client: TestClient, what: str) -> Any:
    assert client.post(f"/studio/cache/{what}").json()["state"] == "running"
    return done(client)


def finished(ledger: Ledger, title: str, result: dict[str, Any]) -> str:
    job = ledger.submit(restyle_order(f"/clips/{title}", title, {"generate.look": "ink"}, "fast")).id
    shift = WorkerLedger(ledger, "tested")
    shift.beat(os.getpid(), job)
    taken = begin_next(shift)
    assert taken and shift.end(taken.id, State.DONE, "Finished.", share=1.0, result=result)
    return taken.id


def test_the_cache_is_told_as_its_store_counts_it(client: TestClient, store: Store) -> None:
    told, stats = client.get("/studio/dashboard").json()["cache"], store.stats()
    assert (told["entries"], told["bytes"], told["limit_bytes"]) == (3, stats.bytes, stats.limit_bytes)
    assert (told["hits"], told["misses"], told["hit_rate"]) == (2, 3, 0.4)
    figures = stats.stages["counted"].figures
    assert told["spared_s"] == figures.spared_s > 0 and told["read_s"] == figures.read_s > 0
    assert [(stage["name"], stage["lasting"]) for stage in told["stages"]] == [("counted", "conditional")]
    classes = {each["name"]: each for each in told["classes"]}
    assert list(classes) == ["permanent", "conditional", "dynamic"] and classes["permanent"]["entries"] == 0
    conditional = classes["conditional"]
    assert (conditional["entries"], conditional["found"], conditional["saved_s"]) == (3, 2, figures.spared_s)
    assert conditional["saved_bytes"] == figures.read_bytes > 0 and conditional["computed_s"] == figures.computed_s


def test_what_came_from_the_shared_cache_counts_as_found(client: TestClient, store: Store) -> None:
    UsageStats(store.folder).add("counted", Figures(shared_hits=5, shared_spared_s=9.0, fetched_bytes=70))
    told = client.get("/studio/dashboard").json()["cache"]
    assert (told["shared_hits"], told["shared_spared_s"], told["fetched_bytes"], told["hit_rate"]) == (5, 9.0, 70, 0.7)


def test_what_was_made_ahead_is_told_with_what_it_saved(client: TestClient, store: Store, tmp_path: Path) -> None:
    early = Store(store.folder, ahead=True)
    early.get_or_make(key(7), lambda into: write(into, 7)).close()
    early.get_or_make(key(8), lambda into: write(into, 8)).close()
    store.get_or_make(key(7), lambda into: write(into, 7)).close()
    log = AheadLog(tmp_path)
    log.folder.mkdir(parents=True)
    log.write(Note("c" * 64, 0.0), 12.5)
    told = client.get("/studio/dashboard").json()
    assert told["ahead_spent_s"] == 12.5
    assert (told["cache"]["ahead"], told["cache"]["ahead_used"]) == (2, 1) and told["cache"]["ahead_saved_s"] > 0
    said = CliRunner().invoke(cache_app, ["stats", "--home", str(tmp_path)], terminal_width=200).output
    assert "Made ahead by idle workers: 2 results in 12.5 s; 1 of them (50%) were used so far" in said


def test_an_empty_home_is_told_too(client: TestClient) -> None:
    told = client.get("/studio/dashboard").json()
    assert told["cache"]["entries"] == 0 and told["cache"]["hit_rate"] == 0 and told["videos"] == told["workers"] == []


def test_checking_finds_the_damaged_one_and_leaves_the_others(client: TestClient, store: Store) -> None:
    assert begin(client, "verify")["sentence"].startswith("3 results read")
    blob = store.folder / "entries" / key(1).digest / "part 1"
    blob.chmod(0o644)
    blob.write_bytes(b"wrong")
    chore = begin(client, "verify")
    assert chore["state"] == "done", chore
    assert chore["share"] == 1 and "1 damaged" in chore["sentence"]
    assert store.stats().quarantined == 1 and store.stats().entries == 2


def test_pruning_goes_to_a_size_and_clearing_spares_what_is_in_use(client: TestClient, store: Store) -> None:
    chore = begin(client, f"prune?to_bytes={store.stats().bytes - 1}")
    assert chore["sentence"].startswith("Removed 1 result,") and store.stats().entries == 2
    with store.get_or_make(key(0), lambda into: write(into, 0)):
        chore = begin(client, "clear")
        assert "in use" in chore["sentence"] and [entry.digest for entry in store.entries()] == [key(0).digest]


def test_what_was_removed_is_gone_from_the_figures_at_once(client: TestClient, store: Store) -> None:
    def kept() -> int:
        rooms = {each["name"]: each["bytes"] for each in client.get("/studio/dashboard").json()["room"]}
        return int(rooms.get("cache", 0))

    before = kept()
    begin(client, "clear")
    assert client.get("/studio/dashboard").json()["cache"]["entries"] == 0
    assert kept() < before


@pytest.mark.parametrize("said", ["", "-1", "1.5", "lots", "٣", "9" * 40])
def test_what_is_no_size_prunes_nothing(client: TestClient, store: Store, said: str) -> None:
    refused = client.post("/studio/cache/prune", params={"to_bytes": said})
    assert refused.status_code == 400 and refused.json()["problem"] == "That is not a size."
    assert store.stats().entries == 3


def test_there_is_one_chore_at_a_time_and_none_of_another_name(client: TestClient, store: Store) -> None:
    client.post("/studio/cache/verify")
    refused = client.post("/studio/cache/clear")
    assert refused.status_code == 400 and "busy" in refused.json()["problem"]
    assert client.post("/studio/cache/burn").status_code == 400
    assert done(client)["state"] == "done" and store.stats().entries == 3


def test_a_chore_that_cannot_be_done_says_why(client: TestClient, tmp_path: Path) -> None:
    cache_folder(tmp_path).write_text("a file where the cache should be")
    chore = begin(client, "verify")
    assert chore["state"] == "failed" and "Check the rights" in chore["sentence"]


def test_finished_videos_have_their_numbers_the_latest_first(client: TestClient, ledger: Ledger) -> None:
    old = finished(ledger, "old.mp4", {"frames": 120, "seconds": 12.5})
    numbers = {"slide_px": 0.4, "warp_ratio": 1.62, "seam_ratio": None, "edit_magnitude": 12.0}
    stages = [
        {"name": "analyse", "seconds": 3.0, "cache": "hit"},
        {"name": "generate", "seconds": 9.0, "cache": "miss"},
    ]
    new = finished(ledger, "new.mp4", {**numbers, "stages": stages, "warnings": ["one"]})
    ledger.submit(restyle_order("/clips/waits.mp4", "waits.mp4"))
    told = client.get("/studio/dashboard").json()
    assert [video["job"] for video in told["videos"]] == [new, old]
    assert told["states"]["done"] == 2 and told["states"]["queued"] == 1
    video = told["videos"][0]
    assert {name: each["mark"] for name, each in video["numbers"].items()} == {
        "slide_px": "good",
        "warp_ratio": "look",
        "edit_magnitude": "",
    }
    assert (video["look"], video["preset"], video["warnings"]) == ("ink", "fast", 1)
    assert [(stage["name"], stage["hit"]) for stage in video["stages"]] == [("analyse", True), ("generate", False)]
    assert told["videos"][1]["numbers"] == {} and told["videos"][1]["seconds"] == 12.5


def test_the_seconds_of_a_video_are_those_that_the_jobs_tab_tells(
    client: TestClient, ledger: Ledger, tmp_path: Path
) -> None:
    job = ledger.submit(restyle_order("/clips/a.mp4", "a.mp4")).id
    shift = WorkerLedger(ledger, "tested")
    begin_next(shift)
    shift.end(job, State.DONE, "Finished.", result={"seconds": 3.5}, worked_s=7.25)
    [video] = client.get("/studio/dashboard").json()["videos"]
    assert video["seconds"] == BoardView(Studio(tmp_path, ledger)).view(ledger.get(job), "")["took_s"] == 7.25


def test_numbers_are_shown_only_when_they_are_numbers() -> None:
    assert number({"before": 3.0, "after": 1.23456}) == 1.2346
    assert [number(each) for each in (None, True, "2", math.nan, math.inf, {"before": 1.0})] == [None] * 6
    assert marked({"slide_px": 1.7})["slide_px"] == {"value": 1.7, "mark": ""}


def test_every_measure_says_what_is_good(client: TestClient) -> None:
    for each in client.get("/studio/dashboard").json()["measures"]:
        limits = {limit for limit in (each["good"], each["look"]) if limit is not None}
        assert all(f"{limit:g}" in each["meaning"] for limit in limits) and (
            limits or "Neither good nor bad" in each["meaning"]
        )


def test_a_worker_that_is_silent_is_told_as_such(tmp_path: Path, ledger: Ledger) -> None:
    WorkerLedger(ledger, "tested").beat(os.getpid(), "")
    (sign,) = ledger.workers()
    told = Machine(tmp_path).worker(sign)
    assert told["alive"] and told["up_s"] is None, "this process is no worker"
    with ledger.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE reshoot_workers SET beat_at = beat_at - 100")
    (sign,) = ledger.workers()
    assert not Machine(tmp_path).worker(sign)["alive"]


def test_how_long_a_worker_is_up_is_read_from_its_process(tmp_path: Path, ledger: Ledger) -> None:
    code = "import time; print('here', flush=True); time.sleep(60)"
    command = [sys.executable, "-c", code, "pipeline.jobs.workers.worker", "tested"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout and child.stdout.readline() == b"here\n"
            WorkerLedger(ledger, "tested").beat(child.pid, "")
            told = Machine(tmp_path).worker(ledger.workers()[0])
        finally:
            child.kill()
    assert 0 <= told["up_s"] < PATIENCE_S and told["bytes"] > 1 << 20


def test_memory_is_that_of_the_container_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 8000 kB\nMemFree: 10 kB\nMemAvailable: 3000 kB\n")
    machine = Machine(tmp_path, proc=tmp_path, cgroup=tmp_path / "cgroup")
    assert machine.memory() == {"used": 5000 * 1024, "total": 8000 * 1024}
    machine.cgroup.mkdir()
    for name, said in (("max", "4096000\n"), ("current", "2000000\n"), ("stat", "anon 1\ninactive_file 500000\n")):
        (machine.cgroup / f"memory.{name}").write_text(said)
    assert machine.memory() == {"used": 1500000, "total": 4096000}
    (machine.cgroup / "memory.max").write_text("max\n")
    assert machine.memory() == {"used": 5000 * 1024, "total": 8000 * 1024}
    (tmp_path / "meminfo").write_text("nothing of the kind")
    assert machine.memory() is None


def test_graphics_cards_are_asked_for_in_a_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert graphics(tmp_path) == []
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA A40, 550.54, 40000, 46068'\n")
    program.chmod(0o755)
    assert graphics(tmp_path) == [{"name": "NVIDIA A40", "used": 6068 << 20, "total": 46068 << 20}]


def test_room_is_added_up_by_folder(tmp_path: Path) -> None:
    for name, length in (("results/one/clip.mp4", 3000), ("uploads/part", 200), ("loose", 10)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(length))
    (tmp_path / "elsewhere").symlink_to("/usr")
    sizes = {each["name"]: each["bytes"] for each in room(tmp_path)}
    assert list(sizes) == ["results", "uploads", "other"] and (sizes["results"], sizes["uploads"]) == (3000, 200)


def test_a_slow_fact_keeps_nobody_waiting_and_a_wrong_one_keeps_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.machine.WAIT_S", 0.05)
    gate = threading.Event()
    answers = iter([1, 2])

    def look() -> int:
        gate.wait(PATIENCE_S)
        return next(answers)

    lately = CachedFact(0.0, look)
    assert lately.now() is None
    gate.set()
    while (first := lately.now()) is None:
        time.sleep(0.01)
    while lately.now() != 2:
        time.sleep(0.01)
    assert first in (1, 2) and lately.now() == 2, "it fails from now on"


def test_the_page_s_process_loads_nothing_heavy() -> None:
    code = "import sys, json, ui.routes.dashboard; print(json.dumps(sorted(sys.modules)))"
    child = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert not set(json.loads(child.stdout)) & {"numpy", "cv2", "av", "mediapipe", "numba", "scipy", "torch"}
