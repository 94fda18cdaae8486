"""Asking for a frame preview: a real server, a real worker, real clips, and browsers that go away."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.testclient import TestClient

from pipeline.jobs.frame_requests import PREVIEW, FrameRequests
from pipeline.jobs.job import State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import DATABASE, database_url
from pipeline.jobs.tables import frame_requests as table
from pipeline.library.clips import Clips
from tests.journeys import written
from tests.orders import restyle_order
from tests.slow_engine import OPENED, OPENING_S
from tests.workers import House, house
from ui.problems import NotAllowed, NotHere, Overtaken
from ui.routes import looks
from ui.studio import Studio
from utils.errors import ReshootError
from utils.project import PROJECT_ROOT
from utils.walker import Shot, walk

pytestmark = pytest.mark.slow

PATIENCE_S = 120.0
Ask = Callable[[str], HTTPConnection]


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, ReshootError)
    status = {NotHere: 404, NotAllowed: 403, Overtaken: 409}
    return JSONResponse({"problem": error.problem, "remedy": error.remedy}, status.get(type(error), 400))


@dataclass
class Place:
    """A home with a clip and a worker, and an app that asks for previews in it."""

    house: House
    clip: str
    app: FastAPI

    @property
    def home(self) -> Path:
        return self.house.home

    def requests(self) -> list[tuple[str, str]]:
        """Who waits, and which worker has it in hand."""
        with FrameRequests(self.house.ledger, PREVIEW).engine.connect() as connection:
            rows = connection.execute(sa.select(table.c.id, table.c.worker).where(table.c.answer.is_(None)))
            return [(id, worker) for id, worker in rows]

    def in_hand(self) -> list[str]:
        """The requests that the worker works on."""
        return [id for id, worker in self.requests() if worker]


def app_of(home: Path, ledger: Ledger) -> FastAPI:
    app = FastAPI()
    app.add_exception_handler(ReshootError, _told)
    app.include_router(looks.routes(Studio(home, ledger)), prefix="/studio")

    @app.middleware("http")
    async def name(request: Request, go_on: Callable[[Request], Any]) -> Response:
        request.state.owner = request.headers.get("x-owner", "")
        return await go_on(request)  # type: ignore[no-any-return]

    return app


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    shown = [rgb for rgb, _ in walk(Shot(size=(320, 180), frames=18))]
    film = written(tmp_path_factory.mktemp("film") / "walk.mp4", shown)
    with house(tmp_path_factory.mktemp("home")) as worked:
        clip = Clips(worked.home).add(film, "My walk.mp4")
        yield Place(worked, clip, app_of(worked.home, worked.ledger))


@pytest.fixture(scope="module")
def client(place: Place) -> Iterator[TestClient]:
    with TestClient(place.app) as client:
        yield client


@pytest.fixture(scope="module")
def told(place: Place, client: TestClient) -> dict[str, Any]:
    said = {"preset": "fast", "settings": {"generate.look": "ink", "generate.strength": 0.9}}
    answer = client.post(f"/studio/clips/{place.clip}/look", json=said)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_look_is_two_pictures_and_what_was_seen(place: Place, client: TestClient, told: dict[str, Any]) -> None:
    assert told["person_share"] > 0.5 and told["seconds"] > 0 and told["events"] == []
    assert (told["width"], told["height"]) == (320, 180)
    pictures = [client.get(told[name]) for name in ("before", "after")]
    for each in pictures:
        assert each.status_code == 200 and each.headers["content-type"] == "image/jpeg"
        assert each.content[:3] == b"\xff\xd8\xff"
    assert pictures[0].content != pictures[1].content
    assert {each.name for each in (place.home / "looks").iterdir()} == {told["id"]}
    assert not place.requests()


@pytest.mark.parametrize("path", ["{id}/settings.json", "{id}/clip.mp4", "..%2f{id}/after.jpg", "0/after.jpg"])
def test_only_pictures_of_looks_are_given_out(client: TestClient, told: dict[str, Any], path: str) -> None:
    answer = client.get("/studio/looks/" + path.format(id=told["id"]))
    assert answer.status_code == 404
    if "%2f" not in path:
        assert answer.json()["problem"] == "This preview is not there any more."


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"settings": {"generate.look": "inc"}}, 400, "Did you mean 'ink'?"),
    ({"settings": {"generate.lok": "ink"}}, 400, "There is no setting"),
    ({"settings": {"generate.strength": 2}}, 400, "generate.strength cannot be 2"),
    ({"settings": ["generate.look"]}, 400, "form that can be read"),
    ({"preset": "best"}, 400, "There is no preset 'best'"),
    ({"preset": 3}, 400, "form that can be read"),
    ({"at": 1.5}, 400, "not in the clip"),
    ({"at": "0"}, 400, "not in the clip"),
    ({"settings": {"generate.reference": "/etc/passwd"}}, 403, "not one that was added"),
    ({"settings": {"generate": {"reference": "/etc/passwd"}}}, 403, "not one that was added"),
]


@pytest.mark.parametrize(("said", "status", "sentence"), REFUSED)
def test_what_is_wrong_is_a_sentence_at_once(
    place: Place, client: TestClient, said: dict[str, Any], status: int, sentence: str
) -> None:
    before = set((place.home / "looks").glob("*"))
    answer = client.post(f"/studio/clips/{place.clip}/look", json=said)
    assert answer.status_code == status
    assert sentence in f"{answer.json()['problem']} {answer.json()['remedy']}"
    assert set((place.home / "looks").glob("*")) == before


@pytest.mark.parametrize("clip", ["0" * 24, "..", "walk.mp4", "A" * 24])
def test_there_must_be_such_a_clip(client: TestClient, clip: str) -> None:
    assert client.post(f"/studio/clips/{clip}/look", json={}).status_code == 404


def test_what_the_worker_says_is_what_the_page_is_told(place: Place, client: TestClient, tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_text("this is no video")
    bad = Clips(place.home).add(tmp_path / "bad.mp4", "bad.mp4")
    answer = client.post(f"/studio/clips/{bad}/look", json={})
    assert answer.status_code == 400 and "cannot be opened" in answer.json()["problem"]
    assert not list((place.home / "looks").glob("*.part"))


@pytest.fixture(scope="module")
def port(place: Place) -> Iterator[int]:
    """A real server, whose clients can really go away."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(place.app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    until(lambda: server.started)
    yield int(listener.getsockname()[1])
    server.should_exit = True
    thread.join(PATIENCE_S)
    listener.close()


def until(done: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def ask(place: Place, port: int) -> Iterator[Ask]:
    """Browsers that wait for a look."""
    browsers: list[HTTPConnection] = []

    def asked(owner: str) -> HTTPConnection:
        browsers.append(HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S))
        browsers[-1].request("POST", f"/studio/clips/{place.clip}/look", b"{}", {"X-Owner": owner})
        return browsers[-1]

    yield asked
    for each in browsers:
        each.close()


def heard(browser: HTTPConnection) -> tuple[int, dict[str, Any]]:
    """Status and JSON of an answer."""
    with browser.getresponse() as answer:
        return answer.status, dict(json.loads(answer.read()))


def test_a_preview_is_given_up_when_its_browser_goes_away(place: Place, ask: Ask) -> None:
    place.house.freeze(place.house.awake())
    try:
        browser = ask("one")
        until(place.requests)
        browser.close()
        until(lambda: not place.requests())
    finally:
        os.kill(place.house.awake().pid, signal.SIGCONT)
    assert heard(ask("two"))[0] == 200, "and the worker goes on"
    assert not list((place.home / "looks").glob("*.part"))


def test_a_newer_one_takes_the_place_of_the_last_and_others_wait(place: Place, ask: Ask) -> None:
    place.house.freeze(place.house.awake())
    try:
        old = ask("one")
        until(lambda: len(place.requests()) == 1)
        waiting, new = ask("two"), ask("one")
        status, told = heard(old)
        assert status == 409 and "newer one" in told["problem"]
        until(lambda: len(place.requests()) == 2)
    finally:
        os.kill(place.house.awake().pid, signal.SIGCONT)
    answers = [heard(browser) for browser in (waiting, new)]
    assert [status for status, _ in answers] == [200, 200]
    assert len({told["id"] for _, told in answers}) == 2
    assert not place.requests()


def test_the_line_is_short(place: Place, ask: Ask) -> None:
    place.house.freeze(place.house.awake())
    try:
        browsers = [ask(str(number)) for number in range(looks.MOST_WAITING + 1)]
        until(lambda: len(place.requests()) == len(browsers))
        status, told = heard(ask("late"))
        assert status == 400 and "Many people" in told["problem"]
        for browser in browsers:
            browser.close()
        until(lambda: not place.requests())
    finally:
        os.kill(place.house.awake().pid, signal.SIGCONT)


def test_what_takes_too_long_is_said_and_given_up(place: Place, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "LIMIT_S", 0.5)
    place.house.freeze(place.house.awake())
    try:
        status, told = heard(ask("one"))
    finally:
        os.kill(place.house.awake().pid, signal.SIGCONT)
    assert status == 400 and "no preview after" in told["problem"]
    assert not place.requests()


def test_without_a_worker_that_is_said(tmp_path: Path, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "STARTING_S", 0.3)
    ledger = Ledger(database_url(tmp_path))
    clip = Clips(tmp_path).add(Path(shutil.copy(Clips(place.home).path(place.clip), tmp_path / "walk.mp4")), "walk.mp4")
    with TestClient(app_of(tmp_path, ledger)) as client:
        answer = client.post(f"/studio/clips/{clip}/look", json={})
    ledger.close()
    assert answer.status_code == 400 and "No worker runs" in answer.json()["problem"]


def test_a_worker_that_dies_answers_when_it_is_back(place: Place, ask: Ask) -> None:
    """Trying again by itself could end it again."""
    sign = place.house.awake()
    place.house.freeze(sign)
    browser = ask("one")
    until(place.requests)
    with FrameRequests(place.house.ledger, PREVIEW).engine.begin() as connection:
        connection.execute(table.update().values(worker=sign.name))
    place.house.kill(sign)
    status, told = heard(browser)
    assert status == 400 and "The worker ended" in told["problem"]
    assert heard(ask("two"))[0] == 200


def test_a_home_that_cannot_be_written_to_is_told(client: TestClient, place: Place) -> None:
    folder = place.home / "looks"
    aside = folder.rename(folder.with_name("aside"))
    folder.write_text("in the way")
    try:
        answer = client.post(f"/studio/clips/{place.clip}/look", json={})
    finally:
        folder.unlink()
        aside.rename(folder)
    assert answer.status_code == 400 and "could not be kept" in answer.json()["problem"]


def test_an_engine_that_opens_slowly_is_opened_once(
    place: Place, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The second preview does not wait for its ten seconds, and neither do the two jobs after it."""
    home = tmp_path_factory.mktemp("slow")
    clip = Clips(home).add(Path(shutil.copy(Clips(place.home).path(place.clip), tmp_path / "walk.mp4")), "walk.mp4")
    ledger = Ledger(database_url(home))
    about, env = (
        [str(home), "slow", str(os.getpid()), "600", "0", "0", ""],
        {**os.environ, DATABASE: database_url(home)},
    )
    with (home / "worker.log").open("w") as log:
        command = [sys.executable, "-m", "tests.slow_engine", *about]
        worker = subprocess.Popen(command, cwd=PROJECT_ROOT, env=env, stderr=log)
    try:
        with TestClient(app_of(home, ledger)) as client:
            told = [
                client.post(f"/studio/clips/{clip}/look", json={"settings": {"generate.look": look}}).json()
                for look in ("ink", "clay")
            ]
        assert told[0]["seconds"] >= OPENING_S, told
        file = str(Clips(home).path(clip))
        jobs = [
            ledger.submit(restyle_order(file, "walk.mp4", {"generate.look": look}, "fast")) for look in ("noir", "cel")
        ]
        until(lambda: all(ledger.get(job.id).state.ended for job in jobs))
        assert [ledger.get(job.id).state for job in jobs] == [State.DONE] * 2
        assert (home / OPENED).read_text().splitlines() == ["opened"]
    finally:
        worker.terminate()
        worker.wait(PATIENCE_S)
        ledger.close()


def test_old_looks_are_forgotten(tmp_path: Path) -> None:
    for name, age_s in (("a" * 24, 90_000), ("b" * 24, 100), ("c" * 24 + ".part", 90_000)):
        folder = tmp_path / "looks" / name
        folder.mkdir(parents=True)
        (folder / "after.jpg").write_bytes(b"")
        os.utime(folder, (time.time() - age_s,) * 2)
    assert looks.sweep(tmp_path) == 2
    assert [each.name for each in (tmp_path / "looks").iterdir()] == ["b" * 24]
    shutil.rmtree(tmp_path / "looks")
    assert looks.sweep(tmp_path) == 0
