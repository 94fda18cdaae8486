"""Reference pictures and the real app: it takes what is uploaded, and no path of its machine through any entrance."""

import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.jobs.results import Results
from tests.journeys import filmed
from tests.pictures import BOMB, NOTE, SVG, coded, sunset, turned
from tests.studios import App, app
from ui.given_files import not_added
from utils.digest import digest_bytes
from utils.media.xmp import read_settings
from utils.walker import Shot

pytestmark = pytest.mark.slow

SECRET = coded(sunset()[:9, :9], "PNG")
"""A picture that lies on the server and that nobody uploaded."""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filmed(tmp_path_factory.mktemp("film"), Shot(size=(96, 64), frames=6))


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with app(tmp_path_factory.mktemp("studio") / "home", "--no-worker") as studio:
        yield studio


@pytest.fixture(scope="module")
def clip(studio: App, film: Path) -> str:
    return studio.upload(film)


def added(studio: App, content: bytes) -> dict[str, Any]:
    status, told = studio.answer("/studio/references", content)
    assert status == 201, told
    return dict(json.loads(told))


def files(home: Path) -> dict[str, bytes]:
    """What lies in a home and is neither a log nor a database, nor belongs to the example, which comes by itself."""
    own = [path for path in home.iterdir() if path.name not in ("cache", "clips", "showcase")]
    found = [each for path in own for each in (path, *path.rglob("*")) if each.is_file() and each.suffix != ".log"]
    return {str(each.relative_to(home)): each.read_bytes() for each in found if "sqlite" not in each.name}


# adding


def test_a_picture_is_added_and_shown_as_a_copy_of_our_own(studio: App) -> None:
    content = turned(6)
    told = added(studio, content)
    assert told == {"digest": digest_bytes(content), "width": 40, "height": 60}
    assert files(studio.home)[f"references/{told['digest']}.jpg"] == content
    status, small = studio.answer(f"/studio/references/{told['digest']}")
    assert status == 200 and small.startswith(b"\xff\xd8\xff") and small != content and b"Exif" not in small


@pytest.mark.parametrize("content", [b" ", NOTE, SVG, BOMB, coded(sunset(), "PNG")[:-40]], ids=str)
def test_what_is_no_picture_is_a_sentence_and_leaves_nothing(studio: App, content: bytes) -> None:
    before = files(studio.home)
    status, told = studio.answer("/studio/references", content)
    assert status == 400 and set(json.loads(told)) == {"problem", "remedy"}
    assert "not a picture" in told.decode() or "20000 x 20000 pixels" in told.decode()
    assert files(studio.home) == before


@pytest.mark.parametrize("announced", [True, False])
def test_more_than_the_limit_is_refused(studio: App, announced: bool) -> None:
    """Also by a request that does not say how long it is; what came of it is gone."""
    before, piece = files(studio.home), b"\x89PNG" + bytes((1 << 20) - 4)
    line = http.client.HTTPConnection("127.0.0.1", studio.port, timeout=60)
    body = (piece for _ in range(60))
    headers = {"X-Reshoot": "1", "Content-Length": str(60 << 20)} if announced else {"X-Reshoot": "1"}
    try:
        line.request("POST", "/studio/references", body, headers, encode_chunked=not announced)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it did not listen to the end
    else:
        answer = line.getresponse()
        assert answer.status == 413 and "50 MB at most" in answer.read().decode()
    line.close()
    studio.until(lambda: files(studio.home) == before, "end of it")


def test_a_request_that_breaks_off_leaves_nothing(studio: App) -> None:
    before = files(studio.home)
    line = http.client.HTTPConnection("127.0.0.1", studio.port, timeout=60)
    line.putrequest("POST", "/studio/references")
    for name, value in {"X-Reshoot": "1", "Content-Length": "100000"}.items():
        line.putheader(name, value)
    line.endheaders(b"\x89PNG" + bytes(1000))
    studio.until(lambda: len(files(studio.home)) > len(before), "picture that is coming in")
    line.close()
    studio.until(lambda: files(studio.home) == before, "end of it")


@pytest.mark.parametrize("name", ["0" * 64, "..%2f..%2fsecrets.json", "previews", "x.png", "A" * 64])
def test_only_copies_of_kept_pictures_are_given_out(studio: App, name: str) -> None:
    assert studio.status(f"/studio/references/{name}") == 404


def test_the_bytes_that_came_are_given_out_nowhere(studio: App) -> None:
    digest = added(studio, turned(3))["digest"]
    place = studio.home / "references" / f"{digest}.jpg"
    for path in (f"/gradio_api/file={place}", f"/file={place}", f"/studio/references/{digest}.jpg"):
        assert studio.status(path) in (403, 404), path


def test_nothing_comes_in_through_the_route_of_gradio(studio: App) -> None:
    before = files(studio.home)
    answer = httpx.post(f"{studio.url}/gradio_api/upload", files={"files": ("x.png", coded(sunset(), "PNG"))})
    assert answer.status_code in (403, 404, 413)
    assert files(studio.home) == before


# asking for one

Entrance = Callable[[object], tuple[str, str]]
"""Asks for a reference picture, and gives the problem and the remedy that came of it."""


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the server beside the home."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "secret.png").write_bytes(SECRET)
    (folder / "note.bmp").write_bytes(NOTE)
    return folder


def posted(studio: App, path: str, said: dict[str, Any], method: str = "POST") -> tuple[str, str]:
    status, told = studio.answer(path, said, method)
    assert status >= 400, told
    return json.loads(told)["problem"], json.loads(told)["remedy"]


def entrances(studio: App, clip: str, job: str) -> dict[str, Entrance]:
    def settings(said: object) -> dict[str, Any]:
        return {"generate.reference": said}

    ways: dict[str, Entrance] = {
        "a new job": lambda said: posted(studio, "/studio/jobs", {"clips": [clip], "settings": settings(said)}),
        "a new job, in groups": lambda said: posted(
            studio, "/studio/jobs", {"clips": [clip], "settings": {"generate": {"reference": said}}}
        ),
        "a job": lambda said: posted(
            studio, f"/studio/jobs/{job}", {"settings": settings(said), "sure": True}, "PATCH"
        ),
        "a job with its kind": lambda said: posted(
            studio, "/studio/jobs", {"kind": "restyle", "clips": [clip], "settings": settings(said)}
        ),
        "a look": lambda said: posted(studio, f"/studio/clips/{clip}/look", {"settings": settings(said)}),
    }
    return ways


def test_no_path_of_the_server_is_taken_and_none_is_told_of(studio: App, clip: str, outside: Path) -> None:
    """Through every entrance the answer is the same, whether something lies there or not, and nothing is copied."""
    [job] = studio.ask("/studio/jobs", {"clips": [clip], "settings": {}})["jobs"]
    kept = added(studio, turned(1))["digest"]
    paths = ["/etc/passwd", outside / "secret.png", outside / "note.bmp", outside, outside / "absent.png",
             studio.home / "secrets.json", studio.home / "references" / "previews" / f"{kept}.jpg", "a\0b", "/dev/zero",
             "http://127.0.0.1/x.png"]  # fmt: skip
    texts = [str(path) for path in paths]
    marked = [{"path": text, "orig_name": "x.png", "meta": {"_type": "gradio.FileData"}} for text in texts]
    strange: list[object] = [*texts, *marked, {"path": texts[1]}, [texts[1]], [marked[1]], 3, True, "0" * 64]
    before = files(studio.home)
    for name, ask in entrances(studio, clip, job).items():
        for said in strange:
            refusal = not_added("generate.reference")
            assert ask(said) == (refusal.problem, refusal.remedy), (name, said)
    assert files(studio.home) == before
    assert [each["id"] for each in studio.ask("/studio/jobs")["jobs"]] == [job]
    assert studio.ask(f"/studio/jobs/{job}")["settings"] == {}
    assert "Traceback" not in (studio.home / "app.log").read_text()


def test_settings_that_name_a_path_come_into_the_form_without_it(studio: App, outside: Path) -> None:
    before = files(studio.home)
    secret = str(outside / "secret.png")
    marked = {"path": secret, "meta": {"_type": "gradio.FileData"}}
    for named in (secret, marked, [secret], [marked], {"deep": [marked]}, str(outside), str(outside / "absent.png")):
        for settings in ({"generate.reference": named}, {"generate": {"reference": named}}):
            asked = {"kind": "use", "preset": "fast", "settings": settings}
            told = studio.ask("/studio/form", asked)
            assert told["values"]["generate.reference"] is None and "not their reference picture" in told["missing"]
            status, text = studio.answer("/studio/form", {**asked, **marked, "kind": "edit", "job": secret})
            assert status == 404 and secret not in text.decode() + json.dumps(told)
    assert files(studio.home) == before


@pytest.mark.parametrize("route", ["run/predict", "call/predict", "queue/join", "queue/data", "upload"])
def test_gradio_is_no_way_in(studio: App, outside: Path, route: str) -> None:
    """No function stands behind the page, and the routes that would call one are closed."""
    before = files(studio.home)
    page = studio.answer("/")[1].decode().partition("window.gradio_config = ")[2]
    assert json.JSONDecoder().raw_decode(page)[0]["dependencies"] == []
    marked = {"path": str(outside / "note.bmp"), "orig_name": "x", "meta": {"_type": "gradio.FileData"}}
    for odd in (marked, [marked], {"deep": [marked]}):
        said = {"data": [odd], "fn_index": 0, "session_hash": "odd"}
        assert studio.answer(f"/gradio_api/{route}", said)[0] == 404
    assert files(studio.home) == before


def test_a_kept_picture_is_taken_by_its_digest_and_a_job_says_so(studio: App, clip: str) -> None:
    digest = added(studio, turned(1))["digest"]
    other = added(studio, turned(2))["digest"]
    said = {"clips": [clip], "preset": "fast", "settings": {"generate": {"reference": digest}}}
    [job] = studio.ask("/studio/jobs", said)["jobs"]
    assert studio.ask(f"/studio/jobs/{job}")["settings"] == {"generate.reference": digest}
    place = str(studio.home / "references" / f"{other}.jpg")
    for value in (other, place):
        studio.ask(f"/studio/jobs/{job}", {"settings": {"generate.reference": value}, "sure": True}, "PATCH")
        assert studio.ask(f"/studio/jobs/{job}")["settings"] == {"generate.reference": other}


def test_a_look_and_a_job_take_the_colours_of_a_kept_picture(tmp_path: Path, film: Path) -> None:
    with app(tmp_path / "home") as studio:
        clip, content = studio.upload(film), coded(sunset(), "PNG")
        digest = added(studio, content)["digest"]
        said = {"preset": "fast", "settings": {"generate.apply_to": "both"}}
        plain = studio.ask(f"/studio/clips/{clip}/look", said)
        said["settings"] = {"generate.apply_to": "both", "generate.reference": digest}
        dressed = studio.ask(f"/studio/clips/{clip}/look", said)
        assert studio.answer(plain["after"]) != studio.answer(dressed["after"])
        job = studio.finished(clip, generate__reference=digest)
        results = Results.of(studio.home)
        told = read_settings(results.place(job) / "result.mp4")
        assert told and told["settings"]["generate.reference"] == digest
        assert json.loads((results.place(job) / "settings.json").read_text())["generate.reference"] == digest
