"""Strangers at a real app with a login, over raw sockets: what they are not told, and whom they do not hinder."""

import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlencode

import pytest

from pipeline.jobs.job import State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.jobs.results import Results
from pipeline.jobs.workers.worker_ledger import WorkerLedger
from pipeline.types import REFERENCES
from tests.orders import begin_next, restyle_order
from tests.studios import App, app
from tests.wire import Answer, sent
from tests.workers import PROJECT_ROOT
from ui.access import BROWSER, SESSION
from ui.login import DEVICE
from ui.login_queue import AT_ONCE, EVERY_S
from utils.uploads import MOST_OF_NETWORK, MOST_OF_OWNER

pytestmark = pytest.mark.slow

PASSWORD = "correct horse"
ME, OTHER, STRANGER = "127.0.0.1", "127.0.0.2", "127.0.0.3"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
FILES = (*REFERENCES, "generate.guide", "generate.keys", "analysis.matte", "analysis.strokes")
SOMETHING = "ab" * 12
OPEN = ("/healthz", "/readyz", "/login", "/studio/static")


@dataclass
class Visitor:
    """Somebody at an address, with or without cookies."""

    studio: App
    source: str = ME
    cookies: dict[str, str] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        head = self.head(method, path, **{"Content_Length": str(len(body)), **headers})
        return sent(self.studio.port, head + body, self.source, over=self.over.is_set)

    def head(self, method: str, path: str, **headers: str) -> bytes:
        """What comes before a body."""
        said = {"Host": f"localhost:{self.studio.port}", "Connection": "close"}
        if self.cookies:
            said["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1")

    def change(self, path: str, said: object, method: str = "POST") -> Answer:
        """As the page asks for changes."""
        return self.ask(method, path, json.dumps(said).encode(), X_Reshoot="1", Content_Type="application/json")

    def sign_in(self, password: str = PASSWORD) -> Answer:
        form = urlencode({"name": "ada", "password": password}).encode()
        answer = self.ask("POST", "/login", form, Content_Type="application/x-www-form-urlencoded")
        self.cookies |= answer.cookies if answer.status == 303 else {}
        return answer

    def announce(self, name: str = "walk.mp4", size: int = 1000) -> Answer:
        return self.change("/studio/uploads", {"name": name, "bytes": size})

    def upload(self, name: str, content: bytes) -> str:
        upload = json.loads(self.announce(name, len(content)).body)["id"]
        answer = self.ask("PATCH", f"/studio/uploads/{upload}?from=0", content, X_Reshoot="1")
        assert answer.status == 200, answer
        return str(json.loads(answer.body)["clip"])


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with app(tmp_path_factory.mktemp("studio") / "home", "--no-worker", "--auth", f"ada:{PASSWORD}") as studio:
        yield studio


@pytest.fixture(scope="module")
def me(studio: App) -> Visitor:
    """Somebody who signed in."""
    me = Visitor(studio)
    assert me.sign_in().status == 303 and {SESSION, BROWSER, DEVICE} <= me.cookies.keys()
    return me


@pytest.fixture(scope="module")
def result(studio: App) -> str:
    """A job with a result."""
    ledger = Ledger(database_url(studio.home))
    ledger.submit(restyle_order("clip.mp4", "walk", {}, "fast"))
    shift = WorkerLedger(ledger, "tested")
    job = begin_next(shift)
    assert job
    place = Results.of(studio.home).place(job.id)
    place.mkdir(parents=True)
    (place / "result.mp4").write_bytes(bytes(1000))
    shift.end(job.id, State.DONE, "Finished.", result={"digest": "ab" * 32, "look": "ink"})
    ledger.close()
    return job.id


@pytest.fixture(autouse=True)
def _it_stays_well(studio: App) -> Iterator[None]:
    """Whatever it is asked, it answers the next one, and its log holds no traceback."""
    yield
    assert Visitor(studio).ask("GET", "/healthz").status == 200
    assert "Traceback" not in (studio.home / "app.log").read_text()


LIST = """
import json, sys
from pathlib import Path
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount
from ui.sessions import Authenticator
from ui.server import build
from ui.studio import Studio
app = build(Studio(Path(sys.argv[1]), None), Authenticator(b"", {}))
behind = [route for each in app.routes if isinstance(each, Mount) for route in getattr(each.app, "routes", ())]
print(json.dumps(sorted({each.path for each in iter_route_contexts([*app.routes, *behind]) if each.path})))
"""


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """All that the app has routes for, Gradio's own included."""
    command = [sys.executable, "-c", LIST, str(tmp_path_factory.mktemp("listed"))]
    listed = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True).stdout
    return [re.sub(r"\{[^}]*\}", SOMETHING, path) for path in json.loads(listed)]


def test_no_route_tells_anything_to_who_has_not_signed_in(studio: App, paths: list[str]) -> None:
    tricks = ["/login/", "/login;x", "//studio/jobs", "/healthz/../studio/jobs", "/STUDIO/jobs"]
    stranger, wrong = Visitor(studio, STRANGER), []
    closed = [path for path in (*paths, *tricks) if path not in OPEN]
    assert len(closed) > 90 and {"/studio/jobs", "/studio/form", "/studio/forms", "/config"} <= set(closed)
    for path, method in itertools.product(closed, METHODS):
        for answer in (stranger.ask(method, path), stranger.ask(method, path, X_Reshoot="1", Accept="text/html")):
            led_away = answer.status == 303 and answer.headers["location"].startswith("/login?next=")
            if not led_away and answer.status not in (401, 403, 405):
                wrong.append((method, path, answer.status))
    assert not wrong


def test_of_gradio_only_what_the_page_uses_is_there(me: Visitor, paths: list[str]) -> None:
    known = [path for path in paths if path.startswith(("/gradio_api/", "/static/", "/svelte/", "/monitoring"))]
    known += ["/config", "/config/", "/robots.txt", "/login/", "/gradio_api/file=/etc/passwd"]
    there = {path for path in known for method in ("GET", "POST") if me.ask(method, path).status not in (404, 405)}
    assert not there


def test_no_answer_lets_another_origin_read_it(studio: App, me: Visitor, paths: list[str]) -> None:
    own, other = f"http://localhost:{studio.port}", "http://localhost:1"
    for path in (*paths, "/studio/static/page.js"):
        for origin, status in ((own, {200, 400, 404, 405, 415, 422, 503}), (other, {403}), ("null", {403})):
            for method in ("GET", "PATCH"):
                answer = me.ask(method, path, Origin=origin, X_Reshoot="1")
                assert answer.status in status, (method, path, origin, answer)
                assert not any(name.startswith("access-control") for name in answer.headers)
        preflight = me.ask("OPTIONS", path, Origin=other, Access_Control_Request_Method="PATCH")
        assert preflight.status == 405 and not any(name.startswith("access-control") for name in preflight.headers)


@pytest.mark.parametrize("path", ["/", "/login", "/healthz", "/readyz"])
def test_those_who_only_look_are_answered_without_a_body(me: Visitor, path: str) -> None:
    whole, head = me.ask("GET", path), me.ask("HEAD", path)
    assert head.status == whole.status and whole.body and not head.body
    assert head.headers["content-type"] == whole.headers["content-type"]


TEXTS = ("generate.model", "generate.loras", "generate.prompt", "generate.negative_prompt")
"""Settings that take any text. They name no file: a model is looked up among the known ones, a LoRA that has a slash in
its name is refused."""


def test_the_form_takes_no_file_of_this_machine(studio: App, me: Visitor) -> None:
    """Neither through its own routes, as the value of any setting, nor through those of Gradio, which copy files."""
    page, secret = me.ask("GET", "/").body.decode(), studio.home / "secrets.json"
    told = page.partition("window.gradio_config = ")[2]
    assert json.JSONDecoder().raw_decode(told)[0]["dependencies"] == [], "no function stands behind the page"
    clip = me.upload("walk.mp4", bytes(1000))
    forms = json.loads(me.ask("GET", "/studio/forms").body)["forms"]
    names = [field["name"] for field in forms[0]["fields"]]
    for path in (str(secret), "/etc/passwd", "http://127.0.0.1:1/x", f"{studio.home}/forms/../secrets.json"):
        marked = {"path": path, "url": path, "meta": {"_type": "gradio.FileData"}}
        for name, value in itertools.product(names, (path, marked, [marked])):
            if name in TEXTS and value is path:
                continue
            asked = {"clips": [clip], "preset": "fast", "settings": {name: value}}
            used = me.change("/studio/form", {"kind": "use", **asked})
            left_out = name in FILES and json.loads(used.body)["values"][name] is None
            assert used.status == 400 or left_out, (name, value, used)
            for route in ("/studio/jobs", f"/studio/clips/{clip}/look"):
                assert me.change(route, asked).status in (400, 403), (route, name, value)
        for form in forms[1:]:
            for name in (each["name"] for each in form["fields"] if each["kind"] == "file"):
                asked = {"clips": [clip], "kind": form["name"], "settings": {name: path}}
                assert me.change("/studio/jobs", asked).status in (400, 403), (form["name"], name)
        call = json.dumps({"fn_index": 0, "data": [marked], "session_hash": "x"}).encode()
        for route in ("run/predict", "call/predict", "queue/join", "api/predict"):
            assert me.ask("POST", f"/gradio_api/{route}", call, Content_Type="application/json").status == 404
    assert list(studio.home.rglob("secrets.json")) == [secret] and not list(studio.home.rglob("passwd"))


def test_no_path_leads_out_of_a_folder(studio: App, me: Visitor, result: str) -> None:
    served = ["/studio/static/", "/studio/static/looks/", "/assets/", "/static/", "/svelte/", "/gradio_api/file="]
    served += [f"/studio/results/{result}/", f"/studio/previews/{result}/", f"/studio/looks/{SOMETHING}/"]
    served += ["/studio/clips/", "/studio/uploads/"]
    ups = ["../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%5c", "....//", "..%252f", "..;/", "%c0%ae%c0%ae%c0%af", ".%00./"]
    wanted = ["etc/passwd", "secrets.json", "home/secrets.json", "app.py"]
    climbs = [served + times * up + name for served in served for up in ups for times in (1, 3, 9) for name in wanted]
    climbs += [place + straight for place in served for straight in ("/etc/passwd", f"{studio.home}/secrets.json")]
    secret = (studio.home / "secrets.json").read_bytes()
    assert len(climbs) > 1000
    for path in climbs:
        answer = me.ask("GET", path)
        assert answer.status in (400, 404, 405, 422), (path, answer)
        assert b"root:" not in answer.body and secret not in answer.body and b"import" not in answer.body


NAMES = [
    "../../../../tmp/walk.mp4", "/etc/passwd", "C:\\Windows\\walk.mp4", "walk.mp4\0.exe", "a\r\nSet-Cookie: x=y.mp4",
    "\u202egpj.4pm",
    "<img src=x onerror=alert(1)>.mp4", "w" * 60_000, "\ud83d", "'; DROP TABLE jobs; --.mp4", "..", " ",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_no_name_of_a_file_is_a_path(studio: App, me: Visitor, name: str) -> None:
    before = {each.name for each in studio.home.iterdir()}
    clip = me.upload(name, b"no clip")
    title = json.loads(me.ask("GET", f"/studio/clips/{clip}").body)["title"]
    assert 0 < len(title) <= 120 and title.isprintable() and not set(title) & set("/\\")
    kept = {each.name for each in (studio.home / "clips" / clip).iterdir()}
    assert kept <= {"clip", "clip.mp4", "clip.json", "look.json"}
    assert {each.name for each in studio.home.iterdir()} <= before | {"uploads", "clips", "cache"}


def test_who_announces_too_many_uploads_keeps_nobody_else_from_theirs(studio: App, me: Visitor) -> None:
    known = {SESSION: me.cookies[SESSION]}
    one = Visitor(studio, OTHER, {**known, BROWSER: "1" * 32})
    many = [Visitor(studio, OTHER, {**known, BROWSER: f"{each:032x}"}) for each in range(250)]
    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(lambda _: one.announce(), range(70)), *pool.map(Visitor.announce, many)]
    accepted = Counter(answer.status for answer in answers[:70])
    assert accepted == {200: MOST_OF_OWNER, 400: 70 - MOST_OF_OWNER}
    assert Counter(answer.status for answer in answers)[200] == MOST_OF_NETWORK
    assert b"uploads from your network are under way" in answers[-1].body
    assert me.upload("mine.mp4", bytes(1000)), "nobody else notices"
    for answer in answers:
        if answer.status == 200:
            assert me.ask("DELETE", f"/studio/uploads/{json.loads(answer.body)['id']}", X_Reshoot="1").status == 200
    assert one.announce().status == 200, "there is room again"


def test_a_flood_of_jobs_leaves_the_page_small_and_the_line_open(studio: App, me: Visitor) -> None:
    clip = me.upload("walk.mp4", bytes(1000))
    asked = {"clips": [clip], "preset": "fast", "settings": {}}
    crowd = Visitor(studio, OTHER, {SESSION: me.cookies[SESSION], BROWSER: "2" * 32})
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: crowd.change("/studio/jobs", asked).status, range(150))) == {201}
    mine = me.change("/studio/jobs", asked)
    page = json.loads(me.ask("GET", "/studio/jobs").body)
    assert mine.status == 201 and page["counts"]["queued"] == 151
    assert len(page["jobs"]) < 130


def guess(over: threading.Event, studio: App, told: list[int]) -> None:
    """Wrong passwords from one address, one after the other; `told` are the statuses of all answers."""
    guesser = Visitor(studio, OTHER, over=over)
    while not over.is_set():
        answer = guesser.sign_in("wrong")
        told.append(answer.status)
        if answer.status == 429:
            assert int(answer.headers["retry-after"]) > 0


def test_two_hundred_who_guess_keep_nobody_out_and_get_few_guesses(studio: App) -> None:
    known = Visitor(studio, OTHER)
    assert known.sign_in().status == 303
    known.cookies = {DEVICE: known.cookies[DEVICE]}
    over, start, told = threading.Event(), time.monotonic(), list[int]()
    with ThreadPoolExecutor(200) as pool:
        crowd = [pool.submit(guess, over, studio, told) for _ in range(200)]
        try:
            studio.until(lambda: told.count(429) > 200, "crowd that is put off")
            for person in (Visitor(studio, ME), known, Visitor(studio, STRANGER)):
                assert person.sign_in().status == 303, person
        finally:
            over.set()
    for each in crowd:
        each.result()
    assert told.count(401) <= AT_ONCE + (time.monotonic() - start) / EVERY_S + 1


def test_an_upload_goes_on_where_it_was_when_the_app_is_killed(studio: App, me: Visitor) -> None:
    film = os.urandom(3 << 20)
    upload = json.loads(me.announce("walk.mp4", len(film)).body)["id"]
    path, part = f"/studio/uploads/{upload}", studio.home / "uploads" / upload / "part"
    head = me.head("PATCH", f"{path}?from=0", Content_Length=str(len(film)), X_Reshoot="1")
    with socket.create_connection(("127.0.0.1", studio.port)) as connection:
        connection.sendall(head + film[: 2 << 20])
        studio.until(lambda: part.stat().st_size >= 1 << 20, "megabyte")
        studio.stop(signal.SIGKILL)
    studio.open()
    have = json.loads(me.ask("GET", path).body)["have"]
    assert have < len(film)
    answer = me.ask("PATCH", f"{path}?from={have}", film[have:], X_Reshoot="1")
    clip = json.loads(answer.body)["clip"]
    assert (studio.home / "clips" / clip / "clip.mp4").read_bytes() == film
