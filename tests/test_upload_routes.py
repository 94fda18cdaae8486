"""The routes of uploads and clips, asked by real requests that break off, lie, and come at once."""

import errno
import hashlib
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from pipeline.jobs.job import JobError
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.library.clips import Clips
from tests.journeys import filmed
from tests.orders import restyle_order
from ui.problems import NotAllowed, NotHere, TooLarge
from ui.routes import clips as clip_routes
from ui.routes import uploads as upload_routes
from ui.studio import Studio
from utils.digest import digest_bytes
from utils.errors import ReshootError
from utils.walker import Shot

MOST_BYTES = 3 << 20
DATA = bytes(range(256)) * 8192
STATUS: dict[type[Exception], int] = {NotHere: 404, JobError: 409, NotAllowed: 403, TooLarge: 413}


async def told(request: Request, error: Exception) -> Response:
    """As the app's own server tells problems."""
    assert isinstance(error, ReshootError)
    return JSONResponse({"problem": error.problem, "remedy": error.remedy}, STATUS.get(type(error), 400))


@dataclass
class Server:
    """A real server on a free port."""

    studio: Studio
    port: int
    client: httpx.Client

    def begin(self, name: str = "walk.mp4", size: int = len(DATA)) -> str:
        answer = self.client.post("uploads", json={"name": name, "bytes": size, "modified": 1})
        assert answer.status_code == 200, answer.text
        assert answer.json()["have"] == 0 and answer.json()["chunk_bytes"] == 8 << 20
        return str(answer.json()["id"])

    def add(self, upload: str, at: int, data: bytes, **headers: str) -> httpx.Response:
        return self.client.patch(f"uploads/{upload}", params={"from": at}, content=data, headers=headers)

    def have(self, upload: str) -> int:
        return int(self.client.get(f"uploads/{upload}").json()["have"])

    def half(self, upload: str, at: int, data: bytes, length: int, *headers: str) -> socket.socket:
        """A request that announces more than it brings for now."""
        line = f"PATCH /studio/uploads/{upload}?from={at} HTTP/1.1"
        head = "\r\n".join([line, "Host: x", f"Content-Length: {length}", *headers, "", ""])
        connection = socket.create_connection(("127.0.0.1", self.port), 30)
        connection.sendall(head.encode() + data)
        return connection


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("home")
    studio = Studio(home, Ledger(database_url(home)), MOST_BYTES)
    app = FastAPI()
    app.add_exception_handler(ReshootError, told)
    for noun in (upload_routes, clip_routes):
        app.include_router(noun.routes(studio), prefix="/studio")
    config = uvicorn.Config(app, port=0, ws="none", lifespan="off", log_config=None, access_log=False)
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run)
    thread.start()
    until(lambda: running.started)
    port = running.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/studio/", timeout=60) as client:
        yield Server(studio, port, client)
    running.should_exit = True
    thread.join()
    studio.ledger.close()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return filmed(tmp_path_factory.mktemp("film"), Shot(size=(192, 108), frames=12)).read_bytes()


def until(true: Any) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def uploaded(server: Server, data: bytes, name: str = "walk.mp4") -> str:
    upload = server.begin(name, len(data))
    clip = digest_bytes(data)
    assert server.add(upload, 0, data).json() == {"have": len(data), "clip": clip}
    return clip


def fresh(film: bytes) -> bytes:
    """A film whose bytes are new: a box at its end that players skip."""
    return film + (16).to_bytes(4, "big") + b"free" + os.urandom(8)


def looked_at(server: Server, clip: str) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def known() -> bool:
        found.update(server.client.get(f"clips/{clip}").json())
        return bool(found["state"] != "looking")

    until(known)
    return found


def kept(server: Server, clip: str) -> bytes:
    return Clips(server.studio.home).path(clip).read_bytes()


def test_a_clip_comes_in_pieces_and_tells_what_it_is(server: Server, film: bytes) -> None:
    upload, at = server.begin("Walk.mp4", len(film)), 0
    for size in (10, 5000, len(film)):
        piece = film[at : at + size]
        answer = server.add(upload, at, piece, **{"X-Chunk-Sha256": hashlib.sha256(piece).hexdigest()})
        at += len(piece)
        assert answer.json()["have"] == at
        assert server.have(upload) == at
    clip = digest_bytes(film)
    assert answer.json()["clip"] == clip
    assert server.client.get(f"uploads/{upload}").json()["clip"] == clip, "also for who lost the answer"
    assert kept(server, clip) == film
    found = looked_at(server, clip)
    assert (found["title"], found["state"], found["problem"]) == ("Walk.mp4", "ready", "")
    assert (found["facts"]["width"], found["facts"]["frames"]) == (192, 12)
    assert {kind: list(each) for kind, each in found["estimates"].items()} == {
        "restyle": ["fast", "balanced", "quality"],
        "steady": [""],
        "matte": [""],
        "guide": [""],
        "animate": [""],
        "align": [""],
        "analyse": [""],
        "finish": [""],
    }
    every = [it for presets in found["estimates"].values() for it in presets.values()]
    assert all(each["seconds"] > 0 and each["memory_mb"] > 0 for each in every)
    picture = server.client.get(found["poster"].removeprefix("/studio/"))
    assert picture.headers["content-type"] == "image/jpeg" and picture.content.startswith(b"\xff\xd8")


def test_a_broken_connection_is_gone_on_with(server: Server) -> None:
    upload = server.begin()
    with closing(server.half(upload, 0, DATA[: 1 << 20], len(DATA))):
        time.sleep(0.2)
    until(lambda: server.have(upload) > 0)
    have = server.have(upload)
    assert have <= 1 << 20
    clip = server.add(upload, have, DATA[have:]).json()["clip"]
    assert kept(server, clip) == DATA


def test_of_a_broken_request_with_a_hash_nothing_counts(server: Server) -> None:
    upload = server.begin()
    part = server.studio.home / "uploads" / upload / "part"
    with closing(server.half(upload, 0, DATA[: 3 << 19], len(DATA), "X-Chunk-Sha256: " + "0" * 64)):
        until(lambda: part.stat().st_size >= 1 << 20)
    until(lambda: part.stat().st_size == 0)
    assert server.have(upload) == 0


def test_a_connection_that_died_unnoticed_keeps_nobody_from_going_on(server: Server) -> None:
    upload = server.begin()
    part = server.studio.home / "uploads" / upload / "part"
    with closing(server.half(upload, 0, b"\0" * (3 << 19), len(DATA))) as old:
        until(lambda: part.stat().st_size >= 1 << 20)
        assert server.add(upload, 0, DATA[: 1 << 20]).json() == {"have": 1 << 20}
        old.sendall(b"\0" * (len(DATA) - (3 << 19)))
        assert b" 409 " in old.recv(4096).partition(b"\r\n")[0]
    assert kept(server, server.add(upload, 1 << 20, DATA[1 << 20 :]).json()["clip"]) == DATA


def test_a_wrong_place_and_a_wrong_hash_are_answered_with_the_right_place(server: Server) -> None:
    upload = server.begin()
    server.add(upload, 0, DATA[:1000])
    for answer in (
        server.add(upload, 0, DATA[:2000]),
        server.add(upload, 2000, DATA[2000:]),
        server.add(upload, 1000, DATA[1000:], **{"X-Chunk-Sha256": "0" * 64}),
        server.add(upload, 1000, DATA[1000:], **{"X-Chunk-Sha256": "not a hash"}),
    ):
        assert answer.status_code == 409 and answer.json()["have"] == 1000 and answer.json()["problem"]
    assert server.have(upload) == 1000


def test_what_is_too_large_is_refused_with_a_sentence(server: Server) -> None:
    answer = server.client.post("uploads", json={"name": "walk.mp4", "bytes": MOST_BYTES + 1})
    assert answer.status_code == 413 and f"{MOST_BYTES} at most" in answer.json()["problem"]
    answer = server.client.post("uploads", content=b'{"name": "' + b"x" * (1 << 21) + b'"}')
    assert answer.status_code == 413
    upload = server.begin(size=1000)
    answer = server.add(upload, 0, DATA[:1001])
    assert answer.status_code == 413 and "1000 bytes" in answer.json()["problem"]
    assert server.have(upload) == 0
    with closing(server.half(upload, 0, b"", (64 << 20) + 1)) as connection:
        said = b""
        while b"}" not in said:
            said += connection.recv(1 << 16)
    assert b" 413 " in said.partition(b"\r\n")[0] and b"64 MB" in said


@pytest.mark.parametrize(
    "said",
    ["", "[]", "\xff", '{"name": 1, "bytes": 2}', '{"name": "x", "bytes": "2"}', '{"name": "x", "bytes": true}',
     '{"name": "x", "bytes": 0}', '{"bytes": -1}', '{"name": "x", "bytes": 1e9999}'],
)  # fmt: skip
def test_nonsense_is_refused_with_a_sentence(server: Server, said: str) -> None:
    answer = server.client.post("uploads", content=said.encode("latin-1"))
    assert answer.status_code == 400 and answer.json()["problem"] and answer.json()["remedy"]


@pytest.mark.parametrize("name", ["../../x.mp4", "x\0y.mp4", "x" * 4096, "\u202emp4.x", "C:\\x\\", "\ud83d", "<b>"])
def test_names_are_titles_and_never_paths(server: Server, name: str) -> None:
    before = {each.name for each in server.studio.home.iterdir()}
    answer = server.client.post("uploads", content=json.dumps({"name": name, "bytes": 4}).encode())
    upload = answer.json()["id"]
    clip = server.add(upload, 0, b"1234").json()["clip"]
    title = Clips(server.studio.home).get(clip).title
    assert 0 < len(title) <= 120 and not set(title) & set("/\\\0\u202e\ud83d")
    assert before | {"clips", "cache"} >= {each.name for each in server.studio.home.iterdir()}
    assert {each.name for each in (server.studio.home / "clips" / clip).iterdir()} <= {
        "clip",
        "clip.mp4",
        "clip.json",
    }


@pytest.mark.parametrize("name", ["x", "..%2f..%2fjobs", "%00" * 24, "A" * 24, "a" * 24])
def test_what_is_not_there_is_not_found(server: Server, name: str) -> None:
    for method, path in (
        ("GET", f"uploads/{name}"),
        ("PATCH", f"uploads/{name}?from=0"),
        ("GET", f"clips/{name}"),
        ("DELETE", f"clips/{name}"),
        ("GET", f"clips/{name}/poster.jpg"),
        ("GET", f"clips/{name}/strip"),
        ("GET", f"clips/{name}/strip.jpg"),
    ):
        assert server.client.request(method, path).status_code == 404, path


def test_the_last_piece_twice_at_once_makes_one_clip(server: Server) -> None:
    for _ in range(5):
        upload = server.begin()
        server.add(upload, 0, DATA[:1000])
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: server.add(upload, 1000, DATA[1000:]), range(4)))  # noqa: B023
        assert {each.status_code for each in answers} <= {200, 404, 409}
        until(lambda: "clip" in server.client.get(f"uploads/{upload}").json() or server.add(upload, 1000, DATA[1000:]))  # noqa: B023
        assert kept(server, digest_bytes(DATA)) == DATA


def test_a_removed_upload_is_gone(server: Server) -> None:
    upload = server.begin()
    server.add(upload, 0, DATA[:1000])
    assert server.client.delete(f"uploads/{upload}").status_code == 200
    assert server.client.get(f"uploads/{upload}").status_code == 404
    assert not (server.studio.home / "uploads" / upload).exists()


def test_a_clip_that_a_job_needs_stays(server: Server) -> None:
    clip, other = uploaded(server, b"none"), uploaded(server, b"some")
    job = server.studio.ledger.submit(restyle_order(str(Clips(server.studio.home).path(clip)), "walk"))
    assert server.client.delete(f"clips/{clip}").json() == {"removed": False}
    assert kept(server, clip) == b"none"
    assert server.client.delete(f"clips/{other}").json() == {"removed": True}
    assert server.client.get(f"clips/{other}").status_code == 404
    server.studio.ledger.remove(job.id)
    assert server.client.delete(f"clips/{clip}").json() == {"removed": True}


def test_a_file_that_is_no_clip_says_so_under_its_own_name(server: Server) -> None:
    found = looked_at(server, uploaded(server, b"hello", "notes.mp4"))
    assert found["state"] == "refused" and "'notes.mp4'" in found["problem"] and found["remedy"]
    assert found["facts"] is None and found["poster"] is None and found["estimates"] == {}
    assert server.client.get(f"clips/{found['id']}/poster.jpg").status_code == 404


def started(monkeypatch: pytest.MonkeyPatch, code: str) -> list[str]:
    """Let other children look at clips; tells of each that is started."""
    children = list[str]()

    def command(arguments: list[str]) -> list[str]:
        children.append(arguments[0])
        return [sys.executable, "-c", code]

    monkeypatch.setattr("pipeline.library.inspection.command", command)
    return children


@pytest.mark.parametrize("code", ["import os; os.abort()", "print('{}')", "print('[' * 5000)", "print(3)"])
def test_a_clip_whose_reader_crashes_is_refused_and_never_looked_at_again(
    server: Server, film: bytes, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    clip = uploaded(server, fresh(film))
    children = started(monkeypatch, code)
    found = looked_at(server, clip)
    assert found["state"] == "refused" and "could not be read safely" in found["problem"] and found["remedy"]
    assert all(server.client.get(f"clips/{clip}").json() == found for _ in range(5))
    assert children == ["look"]


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("place", "error", "says"),
    [
        ("pipeline.library.inspection.look", FULL, "No space left on device"),
        ("pipeline.library.clips.Clips.keep", FULL, "No space left on device"),
        (
            "pipeline.library.inspection.look",
            RecursionError("too deep"),
            "went wrong at the look at this clip (RecursionError)",
        ),
        ("pipeline.library.inspection.look", KeyError("facts"), "(KeyError)"),
    ],
)
def test_a_look_that_fails_is_told_and_not_tried_again_by_itself(
    server: Server, film: bytes, monkeypatch: pytest.MonkeyPatch, place: str, error: Exception, says: str
) -> None:
    """Whatever it fails of; a clip that is added again is looked at again."""
    looks, film = list[str](), fresh(film)

    def fails(*told: object) -> dict[str, Any]:
        looks.append("look")
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(place, fails)
        clip = uploaded(server, film)
        found = looked_at(server, clip)
        assert found["state"] == "refused" and says in found["problem"] and "add" in found["remedy"].lower()
        tries = len(looks)
        assert all(server.client.get(f"clips/{clip}").json() == found for _ in range(5))
        assert len(looks) == tries
    assert server.client.get(f"clips/{clip}").json() == found, "also when it would work by now"
    assert looked_at(server, uploaded(server, film))["state"] == "ready"


def test_estimates_learn_from_jobs_of_this_home(server: Server, film: bytes) -> None:
    clip = uploaded(server, film)
    before = looked_at(server, clip)["estimates"]["restyle"]["fast"]["seconds"]
    ledger = server.studio.ledger
    for _ in range(6):
        job = ledger.submit(restyle_order(clip, "walk", preset="fast"))
        result = {"frames": 12, "width": 192, "height": 108, "seconds": 3 * before, "cached": 0}
        with ledger.engine.begin() as connection:
            ledger._set(connection, job.id, ("queued",), state="done", finished_at=time.time(), result=result)  # type: ignore[arg-type]
    after = server.client.get(f"clips/{clip}").json()["estimates"]["restyle"]["fast"]["seconds"]
    assert after > 1.5 * before


def test_estimates_follow_what_is_chosen(server: Server, film: bytes) -> None:
    clip = uploaded(server, film)
    usual = looked_at(server, clip)["estimates"]

    def chosen(**settings: Any) -> Any:
        return server.client.post(f"clips/{clip}/estimates", json={"settings": {"generate.engine": "vace", **settings}})

    slow, quick = (chosen(**{"generate.steps": steps}).json()["estimates"] for steps in (40, 4))
    assert slow["restyle"]["fast"]["seconds"] > 5 * quick["restyle"]["fast"]["seconds"]
    assert quick["restyle"]["fast"]["seconds"] > 5 * usual["restyle"]["fast"]["seconds"]
    assert quick["restyle"]["fast"]["basis"] == "rough" and quick["steady"] == usual["steady"]
    wrong = chosen(**{"generate.steps": -1})
    assert wrong.status_code == 400 and "generate.steps" in wrong.text


def test_the_example_is_there_in_one_click_and_cannot_be_removed(server: Server, film: bytes, tmp_path: Path) -> None:
    example = example_of(server, film, tmp_path)
    assert server.client.post("clips/example").json() == {"id": example}
    found = looked_at(server, example)
    assert found["example"] is True and found["state"] == "ready"
    assert server.client.delete(f"clips/{example}").status_code == 403


def example_of(server: Server, film: bytes, folder: Path) -> str:
    """The example of a home; rendering it takes seconds, see tests/test_clips.py."""
    (folder / "film").write_bytes(film)
    example = Clips(server.studio.home).add(folder / "film", "Example walk.mp4")
    (server.studio.home / "clips" / ".example").write_text(example)
    return example


def test_the_example_is_looked_at_again_when_it_is_asked_for_again(
    server: Server, film: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = Clips(server.studio.home)
    example = example_of(server, film, tmp_path)
    (clips.path(example).parent / "look.json").unlink(missing_ok=True)
    with monkeypatch.context() as patch:
        started(patch, "import os; os.abort()")
        assert looked_at(server, example)["state"] == "refused"
    assert looked_at(server, example)["state"] == "refused"
    server.client.post("clips/example")
    assert looked_at(server, example)["state"] == "ready"
