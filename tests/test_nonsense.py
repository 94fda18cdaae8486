"""Nonsense over raw sockets: whatever bytes a real app is sent, it answers no 5xx and its log holds no traceback."""

import json
from collections.abc import Iterator

import pytest

from tests.studios import App, app
from tests.wire import Answer, sent

pytestmark = pytest.mark.slow

LONG, ID, CALL = "a" * 5000, "ab" * 12, "/gradio_api/run/predict"

PLACES = [
    "/static/", "/svelte/", "/assets/", "/studio/static/", "/studio/clips/", "/studio/looks/", "/studio/results/",
    "/studio/previews/", "/studio/jobs/", "/studio/uploads/", "/gradio_api/file=", "/gradio_api/proxy=",
    "/gradio_api/",
]  # fmt: skip
NAMES = [LONG, "%00", "%ff%fe", "%", "%zz", "..%2f", "\\", "x/%00/y", f"{ID}/%00", "%e0%80%80"]
PATHS = [
    *(place + name for place in PLACES for name in NAMES), "/", "//", "/..", "/./", "*", "x", "http://evil.example/",
    "http://[/", "localhost:1", "/?" + 12 * LONG, "/?%00=%ff", "/%00", "/?deep_link=../../x", "/?deep_link=" + ID,
    "/login?next=//[", "/login?next=%00", "/login?next=http://[", "/theme.css?v=%00", "/studio/jobs?line=x",
    "/studio/jobs?line=-1", "/studio/jobs?line=1e99", "/studio/jobs?line=" + "9" * 5000, "/pwa_icon/9999999",
    "/studio//jobs", "/healthz/", "/healthz%00", "/healthz?x=%ff", "/\x7f", "/\xff", "/ x", "/\0", "/\t",
]  # fmt: skip
HEADERS = [
    "Range: bytes=9-1", "Range: bytes=-0", "Range: bytes=a-b", "Range: lines=1-2",
    "Range: bytes=" + "0-1," * 9000 + "0-1", "Range: bytes=99999999999999999999-", "Range: bytes=--1",
    "If-Range: \"x", "If-None-Match: \xff\xfe", "If-None-Match: " + LONG, "If-None-Match: *",
    "If-Modified-Since: yesterday", "Accept-Encoding: gzip;q=x,\xff", "Accept-Encoding: br;q=, gzip;;",
    "Cookie: \xff=\xfe; ;;=; reshoot_browser=\"\\", "Cookie: reshoot_session=a.b.c",
    "Cookie: reshoot_session=device-x.y", "Cookie: reshoot_device=device-.", "Cookie: " + 12 * LONG,
    "X-Forwarded-Host: [", "X-Forwarded-Host: x:99999", "X-Forwarded-Host: \xff", "X-Forwarded-Host: 999.1.1.1",
    "X-Forwarded-Host: xn--\xfc", "X-Forwarded-Host: [1.2.3.4]", "X-Forwarded-Proto: \xff",
    "X-Forwarded-For: \xff, x", "X-Gradio-Server: http://[", "X-Gradio-Server: \xff", "Origin: http://[",
    "Origin: \xff", "Origin: null", "Sec-Fetch-Site: \xff", "Referer: http://[", "Accept: " + LONG,
    "Accept-Language: \xff", "X-Huge: " + 12 * LONG, "X-Huge: " + 30 * LONG, "Content-Length: x",
    "Content-Length: -1", "Content-Length: 99999999999999999", "Content-Length: 1, 2", "Transfer-Encoding: x",
    "Transfer-Encoding: chunked, gzip", "Expect: 100-continue", "Expect: x",
    "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13",
    "Upgrade: h2c", "HTTP2-Settings: x", "Host: localhost", "X\0: y", "X: \0", ": y", "no colon", " folded",
    "Content-Encoding: gzip",
]  # fmt: skip
ASKED_FOR = ["/", "/login", "/studio/static/page.js", f"/studio/results/{ID}/result.mp4", "/studio/jobs", "/theme.css"]
METHODS = ["PUT", "TRACE", "CONNECT", "OPTIONS", "PROPFIND", "get", "GE T", "A" * 3000, "\0", "\xff", "", "PRI", "LINK"]
HOSTS = [
    "localhost:evil.com", "localhost:", "127.0.0.1:80:80", "[::1]evil", "", "localhost\r\nHost: localhost", "[",
    "[::", "[x]", "a b", "localhost:99999", "localhost:-1", "localhost/x", "x@localhost", "999.1.1.1", "1.2.3",
    "\xff", "[1.2.3.4]", "localhost,evil", "..",
]  # fmt: skip
FORM, JSON, PARTS = "application/x-www-form-urlencoded", "application/json", "multipart/form-data"
FILE = b'--x\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\n\r\nabc\r\n--x--\r\n'
KINDS = [FORM, JSON, f"{PARTS}; boundary=x", PARTS, "text/plain", "\xff", "", f"{PARTS}; boundary={LONG}"]
BROKEN = [
    b"", b"{", b"\xff\xfe\x00", b"null", b"name=%ff%fe&password=%00", b"&&&==&" * 999, b"a" * 200_000, b"[" * 100_000,
    b"--x", b"--x\r\n\r\n", b"--x--", b"--x\r\nContent-Disposition: x\r\n\r\n", FILE % b"", FILE % b"../../x\0y",
    b'{"fn_index": ' + b"9" * 4000 + b', "data": []}', b'{"bytes": ' + b"9" * 6000 + b', "name": "x"}',
]  # fmt: skip
SAID: list[object] = [
    [], 1, "x", {"fn_index": 999, "data": []}, {"fn_index": -1}, {"fn_index": True, "data": [1]}, {"fn_index": "1"},
    {"data": {}}, {"fn_index": 1, "data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]},
    {"fn_index": 1, "data": [[[]]]},
    {"fn_index": 1, "data": ["x"], "session_hash": [], "event_data": 1, "trigger_id": {}},
    {"fn_index": 0, "data": ["x"]}, {"fn_index": 3, "data": ["[]"] * 31},
    {"fn_index": 5, "data": [float("nan")] * 31}, {"fn_index": 5, "data": [None] * 31},
    {"clips": [ID], "preset": "x"}, {"clips": 1}, {"clips": [1]}, {"clips": [LONG]}, {"clips": [], "settings": []},
    {"clips": ["\ud800"], "settings": {"\0": 1}}, {"name": "x", "bytes": 10**30},
    {"name": "x", "bytes": float("inf")}, {"name": None, "bytes": None},
    {"preset": "fast", "settings": {"generate.look": 9}, "at": float("nan")},
    {"kind": "use", "settings": {"\ud800": 1}}, {"kind": "use", "preset": "\ud800"}, {"kind": "edit", "job": "\ud800"},
    {"kind": "use", "settings": {"generate.look": "\ud800"}}, {"kind": "use", "settings": {"encode.crf": 10**4000}},
    {"kind": {}, "form": []}, {"kind": "use", "form": "\ud800"}, {"kind": "use", "settings": {"generate": [[]]}},
]  # fmt: skip
BODIES = [(kind, body) for kind in KINDS for body in BROKEN] + [(JSON, json.dumps(each).encode()) for each in SAID]
TAKERS = [
    "/login",
    "/studio/uploads",
    "/studio/jobs",
    f"/studio/clips/{ID}/look",
    f"/studio/jobs/{ID}/move",
    "/studio/form",
    CALL,
    "/cache/x",
]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with app(tmp_path_factory.mktemp("studio") / "home", "--no-worker") as studio:
        yield studio


def ask(
    studio: App, line: str, *headers: str, body: bytes = b"", host: str = "localhost", patience_s: float = 0.5
) -> Answer:
    length = [] if any(each.lower().startswith(("content-length", "transfer")) for each in headers) else [len(body)]
    lines = [f"{line} HTTP/1.1", f"Host: {host}", "Connection: close", "X-Reshoot: 1", *headers]
    lines += [f"Content-Length: {each}" for each in length]
    return sent(studio.port, "\r\n".join([*lines, "", ""]).encode("latin-1") + body, patience_s=patience_s)


def checked(studio: App, answers: dict[str, Answer]) -> None:
    """None is a failure of the app, which lives and has said little about all this."""
    failed = {asked[:200]: answer for asked, answer in answers.items() if answer.status >= 500}
    assert not failed
    assert ask(studio, "GET /healthz").status == 200
    log = (studio.home / "app.log").read_text()
    assert "Traceback" not in log and log.count("\n") <= len(answers), log[-3000:]
    (studio.home / "app.log").write_text("")


def test_paths(studio: App) -> None:
    answers = {
        f"{method} {path}": ask(studio, f"{method} {path}") for path in PATHS for method in ("GET", "HEAD", "DELETE")
    }
    checked(studio, answers)
    for place in ("/static/", "/svelte/", "/assets/", "/studio/static/"):
        assert answers[f"GET {place}{LONG}"].status == 404
    assert answers["GET /gradio_api/proxy=%00"].status == 404


def test_headers(studio: App) -> None:
    checked(studio, {f"{path} {each}": ask(studio, f"GET {path}", each) for path in ASKED_FOR for each in HEADERS})


def test_methods(studio: App) -> None:
    answers = {
        f"{each} {path}": ask(studio, f"{each} {path}") for each in METHODS for path in ("/", "/studio/jobs", "*")
    }
    checked(studio, answers)
    assert {answer.status for answer in answers.values()} <= {400, 405}


def test_hosts(studio: App) -> None:
    answers = {each: ask(studio, "GET /studio/jobs", host=each) for each in HOSTS}
    checked(studio, answers)
    assert {answer.status for answer in answers.values()} == {400}
    for good in ("localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:65535", "192.168.0.7:80"):
        assert ask(studio, "GET /studio/jobs", host=good).status == 200, good


def test_bodies(studio: App) -> None:
    asked = [(path, kind, body) for path in TAKERS for kind, body in BODIES]
    answers = {f"{path} {kind} {body[:99]!r}": ask(studio, f"POST {path}", f"Content-Type: {kind}", body=body)
               for path, kind, body in asked}  # fmt: skip
    checked(studio, answers)


def test_bodies_that_end_too_early(studio: App) -> None:
    answers = {}
    for path in TAKERS:
        for kind in (FORM, JSON, f"{PARTS}; boundary=x"):
            for more in ("Content-Length: 1000", "Transfer-Encoding: chunked"):
                about = (f"Content-Type: {kind}", more)
                answers[f"{path} {about}"] = ask(studio, f"POST {path}", *about, body=b'3\r\n{"a\r\nx', patience_s=0.05)
    checked(studio, answers)
