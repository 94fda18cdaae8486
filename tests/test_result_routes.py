"""What the pages of a result are answered: facts, files in parts, and nothing that a browser could take for a page."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.testclient import TestClient

from pipeline.jobs.job import State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.jobs.results import Results
from pipeline.jobs.workers.previews import Previews
from pipeline.jobs.workers.worker_ledger import WorkerLedger
from pipeline.library.clips import Clips
from pipeline.restyle.kind import KIND
from tests.orders import begin_next, restyle_order
from ui.figures import figures
from ui.problems import NotHere
from ui.routes import results
from ui.studio import Studio
from utils.errors import ReshootError
from utils.project import PROJECT_ROOT

TITLE = '../../é "walk";\r\nX-Evil: 1/\u202egnp.mp4'
CLIP = bytes(range(256)) * 40
NUMBERS = {
    "frames_in": 300, "frames_out": 300, "audio_offset_ms": 0.0, "edit_magnitude": 12.25, "seam_ratio": 1.3,
    "colour_drift": None, "flicker_hold": {"source": 2.8, "result": 2.9}, "detected_fraction": 0.9983,
    "slide_px": {"before": 3.1, "after": 0.9, "locked": True}, "warp_ratio": 0.9, "jerk_before": 1.6,
    "jerk_after": 0.004,
}  # fmt: skip
FACTS: dict[str, Any] = {
    "format": 1, "title": "walk", "preset": "fast", "look": "ink", "settings": {"generate.look": "ink"}, "width": 1280,
    "height": 720, "frames": 300, "fps": 30.0, "times_s": None, "duration_s": 10.0, "sound": "aac", "heard": True,
    "delay_s": 0.0, "still": 150, "before": "before.mp4", "after": "result.mp4", "warnings": ["Mind <b>this</b>."],
    "notes": [], "numbers": NUMBERS,
}  # fmt: skip


class Home:
    """A home with finished and unfinished jobs, and what answers for it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.ledger = folder, Ledger(database_url(folder))
        app = FastAPI()
        app.include_router(results.routes(Studio(folder, self.ledger)), prefix="/studio")
        app.add_exception_handler(ReshootError, _told)
        self.client = TestClient(app)

    def job(self, title: str = TITLE) -> str:
        return self.ledger.submit(restyle_order("clip.mp4", title, {"generate.look": "ink"}, "fast")).id

    def finished(self, title: str = TITLE) -> str:
        """One that is done, with its files."""
        self.job(title)
        shift = WorkerLedger(self.ledger, "tested")
        job = begin_next(shift)
        assert job
        place = Results.of(self.folder).place(job.id)
        place.mkdir(parents=True)
        for name in ("result.mp4", "before.mp4", "poster.jpg", "secret.txt"):
            (place / name).write_bytes(CLIP)
        (place / "report.html").write_text("<script>alert(1)</script>")
        (place / "result.json").write_text(json.dumps(FACTS))
        (place / "settings.json").write_text("{}")
        shift.end(job.id, State.DONE, "Finished.", result={"digest": "ab" * 32, "look": "ink"})
        return job.id

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(f"/studio/{path}", headers=headers)


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, ReshootError)
    return JSONResponse({"problem": error.problem}, 404 if isinstance(error, NotHere) else 400)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = Home(tmp_path_factory.mktemp("home"))
    yield made
    made.ledger.close()


@pytest.fixture(scope="module")
def job(home: Home) -> str:
    return home.finished()


def test_a_result_tells_all_that_its_page_shows(home: Home, job: str) -> None:
    told = home.get(f"results/{job}").json()
    assert told["title"] == TITLE and told["look"] == "ink" and told["settings"] == {"generate.look": "ink"}
    assert told["fps"] == 30 and told["frames"] == 300 and told["warnings"] == FACTS["warnings"]
    assert [each["name"] for each in told["files"]] == ["result.mp4", "report.html", "settings.json"]
    assert told["files"][0]["bytes"] == len(CLIP)
    for url in (
        told["before"],
        told["after"],
        told["poster"],
        told["report"],
        *(each["url"] for each in told["files"]),
    ):
        assert home.client.get(url).status_code == 200
    assert home.client.get(told["before"]).headers["content-disposition"] == "inline"


def test_results_are_listed_and_those_that_are_gone_are_not(home: Home, job: str) -> None:
    waiting, gone = home.job("waits.mp4"), None
    home.ledger.pause(waiting)
    gone = home.finished("gone.mp4")
    Results.of(home.folder).remove(gone)
    assert job in [each["job"] for each in home.get("results").json()["results"]]
    assert not {waiting, gone} & {each["job"] for each in home.get("results").json()["results"]}
    for other, says in ((waiting, "it is paused"), (gone, "is gone")):
        answer = home.get(f"results/{other}")
        assert answer.status_code == 404 and says in answer.json()["problem"]


@pytest.mark.parametrize(
    "name", ["secret.txt", "result.json", "..%2fledger.sqlite", "%2e%2e", "result.mp4%00", "x" * 999]
)
def test_no_other_file_is_handed_out(home: Home, job: str, name: str) -> None:
    assert home.get(f"results/{job}/{name}").status_code == 404


@pytest.mark.parametrize("bad", ["..%2f..", "0" * 23, "0" * 24, "0" * 25, "A" * 24, "%00" * 24, "..", "a\u0301" * 12])
def test_no_other_name_is_looked_for(home: Home, bad: str) -> None:
    for path in (f"results/{bad}", f"results/{bad}/result.mp4", f"previews/{bad}", f"previews/{bad}/0.mp4"):
        assert home.get(path).status_code == 404


def test_only_pictures_are_ever_drawn_by_browsers(home: Home, job: str) -> None:
    for name in ("report.html", "settings.json", "result.mp4", "poster.jpg"):
        for query in ("", "?inline=1"):
            headers = home.get(f"results/{job}/{name}{query}").headers
            drawn = name.endswith((".mp4", ".jpg")) and query
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["content-disposition"].partition(";")[0] == ("inline" if drawn else "attachment")
            assert drawn or "sandbox" in headers["content-security-policy"]


def test_a_download_has_the_title_as_a_safe_name(home: Home, job: str) -> None:
    header = home.get(f"results/{job}/report.html").headers["content-disposition"]
    name = unquote(header.partition("filename*=UTF-8''")[2])
    assert name == "é -walk-;-X-Evil- 1-gnp - report.html"
    assert header.isascii() and header.isprintable() and header.count('"') == 2
    assert "x-evil" not in home.get(f"results/{job}/report.html").headers


@pytest.mark.parametrize("title", ["", ".", "....mp4", "\ud800", "a" * 5000, "CON", "~/.ssh", "%2e%2e%2f"])
def test_any_title_becomes_a_name(home: Home, title: str) -> None:
    header = home.get(f"results/{home.finished(title)}/result.mp4").headers["content-disposition"]
    name = unquote(header.partition("filename*=UTF-8''")[2])
    assert name.endswith(" - restyled.mp4") and 0 < len(name) < 120 and not set(name) & set('/\\:*?"<>|\r\n')
    assert not name.startswith(".") and home.get("results").status_code == 200


@pytest.mark.parametrize(
    ("said", "status", "part"),
    [
        ("bytes=0-9", 206, CLIP[:10]),
        ("bytes=100-", 206, CLIP[100:]),
        ("bytes=-5", 206, CLIP[-5:]),
        (f"bytes=10-{10**12}", 206, CLIP[10:]),
        (f"bytes={len(CLIP)}-", 416, None),
        ("bytes=0-1," * 200 + "0-1", 200, CLIP),
        ("lines=0-9", 400, None),
        ("bytes=9-2", 400, None),
    ],
)
def test_a_part_of_a_file(home: Home, job: str, said: str, status: int, part: bytes | None) -> None:
    answer = home.get(f"results/{job}/result.mp4", Range=said)
    assert answer.status_code == status
    if part is not None:
        assert answer.content == part
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{len(CLIP)}"


def test_several_parts_of_a_file(home: Home, job: str) -> None:
    answer = home.get(f"results/{job}/result.mp4", Range="bytes=0-3,1000-1009")
    assert answer.status_code == 206 and answer.headers["content-type"].startswith("multipart/byteranges")
    assert CLIP[:4] in answer.content and CLIP[1000:1010] in answer.content
    assert len(answer.content) == int(answer.headers["content-length"])


def test_a_head_tells_the_length_alone(home: Home, job: str) -> None:
    answer = home.client.head(f"/studio/results/{job}/result.mp4")
    assert answer.status_code == 200 and answer.headers["content-length"] == str(len(CLIP)) and answer.content == b""


def test_a_result_becomes_a_clip_to_go_on_with(home: Home, job: str) -> None:
    told = home.client.post(f"/studio/results/{job}/clip").json()
    assert told["title"].endswith(" - restyled.mp4")
    assert Clips(home.folder).path(told["id"]).read_bytes() == CLIP
    assert home.client.post(f"/studio/results/{job}/clip").json() == told, "the same clip is there once"
    unfinished = home.job("Another")
    assert home.client.post(f"/studio/results/{unfinished}/clip").status_code == 404


def test_windows_of_a_running_job_can_be_watched(home: Home) -> None:
    job = home.job()
    assert home.get(f"previews/{job}").json()["windows"] == []
    previews = Previews.of(home.folder, job)
    previews.folder.mkdir(parents=True)
    previews.clip(0).write_bytes(CLIP)
    previews.note([{"index": 0, "segment": "approach", "start": 0, "stop": 42, "digest": "cd" * 32}])
    (window,) = home.get(f"previews/{job}").json()["windows"]
    answer = home.client.get(window["url"], headers={"Range": "bytes=0-1"})
    assert answer.status_code == 206 and answer.headers["content-type"] == "video/mp4"
    for other in ("1", "-1", "0x0", "1e3", "windows", "9" * 40):
        assert home.get(f"previews/{job}/{other}.mp4").status_code == 404


def test_figures_are_words_that_people_read() -> None:
    told = {each.label: each for each in figures(NUMBERS, 30.0, KIND.measures)}
    assert told["Foot slide"].value == "0.90 px" and told["Foot slide"].mark == ""
    assert told["Seams"].mark == "look" and told["Colour drift"].value == "nothing to measure"
    assert told["Frames"].value == "all 300" and told["Person found"].value == "99 %", "not 100 before it is all"
    assert told["Sound"].value == "exact" and all(each.hint.endswith(".") for each in told.values())


def test_figures_tell_what_a_run_took_of_time_and_machine() -> None:
    card = {"name": "NVIDIA A40", "busy": 0.871, "peak_mb": 21_504}
    spent = {"computed_s": 2.5, "found_s": 0.04, "saved_s": 31.5, "saved_bytes": 12_300_000, "peak_rss_mb": 1234.5}
    told = {each.label: each for each in figures({**spent, "card": card}, 30.0, ())}
    assert told["Computing"].value == "2.5 s" and "34.0 s" in told["Computing"].hint
    assert told["From the cache"].value == "0.04 s" and told["Memory"].value == "1,234 MB"
    assert "31.5 s to compute: 12.3 MB were not made again" in told["From the cache"].hint
    assert told["Graphics card"].value == "87 %, 21.0 GB"
    none = {each.label: each.value for each in figures({**spent, "saved_bytes": 0}, 30.0, ())}
    assert none["From the cache"] == "nothing" and none["Graphics card"] == "not there"


def test_answering_loads_nothing_heavy() -> None:
    code = "import sys, ui.routes.results; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert not set(loaded.stdout.split()) & {"numpy", "cv2", "av", "mediapipe", "numba", "torch", "gradio"}
