"""The routes of addresses: visitors have files fetched within their limits, only where the app allows it."""

import socket
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

from pipeline.library.clips import Clips
from tests.origin import Origin, Served, serving
from ui import socket as ui_socket
from ui.access import BROWSER, AccessGuard
from ui.problems import NotAllowed
from ui.routes import addresses
from ui.sessions import Authenticator
from ui.studio import Studio
from utils.address.checked import VARIABLE
from utils.digest import digest_bytes
from utils.errors import ReshootError
from utils.uploads import Uploads

pytestmark = pytest.mark.slow

DATA = bytes(range(256)) * 4096


async def told(request: Request, error: Exception) -> Response:
    assert isinstance(error, ReshootError)
    return JSONResponse(
        {"problem": error.problem, "remedy": error.remedy}, 403 if isinstance(error, NotAllowed) else 400
    )


def client_of(studio: Studio, owner: int = 0) -> TestClient:
    """A browser with a cookie of its own."""
    app = FastAPI()
    app.add_middleware(AccessGuard, authenticator=Authenticator(b"", {}), hosts=())
    app.add_exception_handler(ReshootError, told)
    app.include_router(addresses.routes(studio), prefix="/studio")
    return browser_of(app, owner)


def browser_of(app: Any, owner: int) -> TestClient:
    cookies = {BROWSER: f"{owner:032x}"}
    return TestClient(app, base_url="http://localhost/", headers={"X-Reshoot": "1"}, cookies=cookies)


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    studio = Studio(tmp_path, None, most_upload_bytes=8 << 20, takes_addresses=True)  # type: ignore[arg-type]
    yield studio
    for close in studio.closing:
        close()


@pytest.fixture
def origin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Origin]:
    monkeypatch.setenv(VARIABLE, "1")
    with serving(Origin({"/a/walk.mp4": Served(DATA)})) as origin:
        yield origin


def started(client: TestClient, address: str) -> dict[str, Any]:
    return dict(client.post("/studio/addresses", json={"address": address}).json())


def ended(client: TestClient, fetch: dict[str, Any]) -> dict[str, Any]:
    while (found := client.get(f"/studio/addresses/{fetch['id']}").json())["state"] == "running":
        time.sleep(0.02)
    return dict(found)


def until(true: Any) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_address_becomes_a_clip_and_this_process_connects_to_nothing(
    studio: Studio, origin: Origin, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(socket, "create_connection", lambda *arguments: pytest.fail("the web process never fetches"))
    client = client_of(studio)
    fetch = started(client, origin.at("/a/walk.mp4?key=s3cret"))
    assert (fetch["state"], fetch["title"]) == ("running", "walk.mp4")
    found = ended(client, fetch)
    assert (found["state"], found["clip"]) == ("done", digest_bytes(DATA))
    clip = Clips(studio.home).get(found["clip"])
    assert (clip.title, clip.address) == ("walk.mp4", origin.at("/a/walk.mp4"))
    assert "s3cret" not in f"{fetch}{found}{caplog.text}"


def test_an_app_that_others_reach_takes_none_unless_it_was_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(Studio(tmp_path, None))  # type: ignore[arg-type]
    for method, path in (("POST", ""), ("GET", "/x"), ("POST", "/x/stop"), ("DELETE", "/x")):
        answer = client.request(method, f"/studio/addresses{path}", json={"address": "https://example.org/x"})
        assert answer.status_code == 403 and "--addresses" in answer.json()["remedy"]
    assert not list(tmp_path.iterdir())
    for name in ("RUNPOD_POD_ID", "FORWARDED_ALLOW_IPS"):
        monkeypatch.delenv(name, raising=False)
        assert ui_socket.only_here("127.0.0.1") and ui_socket.only_here("localhost") and ui_socket.only_here("::1")
        assert not ui_socket.only_here("0.0.0.0") and not ui_socket.only_here("::")
    for name in ("RUNPOD_POD_ID", "FORWARDED_ALLOW_IPS"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "10.0.0.1")
            assert not ui_socket.only_here("127.0.0.1"), "a proxy brings others here"


def test_what_cannot_be_fetched_is_told_in_a_sentence(
    studio: Studio, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(studio)
    for said in ({}, {"address": ""}, {"address": 3}, {"address": "ftp://example.org/x"}, {"address": "/etc/passwd"}):
        answer = client.post("/studio/addresses", json=said)
        assert answer.status_code == 400 and answer.json()["problem"] and answer.json()["remedy"]
    origin.files["/page"] = Served(b"<html>", headers={"Content-Type": "text/html"})
    origin.files["/large"] = Served(DATA * 9)
    for path, says in (("/absent", "(404)"), ("/page", "is a web page"), ("/large", "may have")):
        found = ended(client, started(client, origin.at(path)))
        assert found["state"] == "failed" and says in found["problem"] and found["remedy"]
    monkeypatch.delenv(VARIABLE)
    before = len(origin.requests)
    found = ended(client, started(client, origin.at("/a/walk.mp4")))
    assert "private network" in found["problem"] and len(origin.requests) == before
    assert client.get("/studio/addresses/unknown").json()["problem"]


def test_a_fetch_can_be_stopped_and_goes_on_and_be_dropped(studio: Studio, origin: Origin) -> None:
    hold = threading.Event()
    origin.files["/a/walk.mp4"] = Served(DATA * 5, hold=hold)
    client, uploads = client_of(studio), Uploads(studio.home / "uploads")
    fetch = started(client, origin.at("/a/walk.mp4"))
    assert started(client, origin.at("/a/walk.mp4"))["id"] == fetch["id"], "it runs already"
    until(lambda: origin.requests)
    client.post(f"/studio/addresses/{fetch['id']}/stop")
    assert ended(client, fetch)["state"] == "stopped"
    hold.set()
    again = started(client, origin.at("/a/walk.mp4"))
    assert again["id"] == fetch["id"] and ended(client, again)["clip"] == digest_bytes(DATA * 5)

    hold.clear()
    origin.files["/other"] = Served(DATA, hold=hold)
    other = started(client, origin.at("/other"))
    assert client.delete(f"/studio/addresses/{other['id']}").status_code == 200
    assert uploads.find("", "") is None and not (studio.home / "uploads" / other["id"]).exists()
    assert ended(client, other)["state"] == "stopped"


def test_a_visitor_has_the_limits_of_uploads_and_two_fetches_at_once(
    studio: Studio, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("/one", "/two", "/three"):
        origin.files[name] = Served(DATA, hold=threading.Event())
    me = client_of(studio)
    mine = [started(me, origin.at(name)) for name in ("/one", "/two")]
    assert "2 of your addresses are being fetched" in started(me, origin.at("/three"))["problem"]
    other = browser_of(me.app, 1)
    assert started(other, origin.at("/three"))["state"] == "running", "others have theirs"
    monkeypatch.setattr("utils.uploads.MOST_OF_OWNER", 2)
    me.post(f"/studio/addresses/{mine[0]['id']}/stop")
    assert "2 of your uploads are under way" in started(me, origin.at("/four"))["problem"]
    studio.closing[0]()
    assert ended(me, mine[1])["state"] == "stopped", "nothing goes on when the app stops"
