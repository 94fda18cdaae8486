"""Who may come in: sessions, the secret of a browser, and requests that another site sends."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from ui import login, login_queue
from ui.access import BROWSER, SESSION, AccessGuard, address
from ui.sessions import SESSION_S, Authenticator, AuthError, open_authenticator, parse_logins

PAGE = {"accept": "text/html"}


def authenticator_of(home: Path, *people: str) -> Authenticator:
    return open_authenticator(home, parse_logins(list(people)), public=False)[0]


def app_of(authenticator: Authenticator) -> FastAPI:
    app = FastAPI()
    app.add_middleware(AccessGuard, authenticator=authenticator, hosts=("studio.lan",))
    app.include_router(login.routes(authenticator))

    @app.get("/healthz")
    @app.get("/studio/jobs")
    @app.post("/studio/jobs")
    @app.get("/")
    def owner(request: Request) -> str:
        return str(request.state.owner)

    return app


def browser(authenticator: Authenticator, host: str = "localhost") -> TestClient:
    return TestClient(app_of(authenticator), base_url=f"http://{host}:7860", follow_redirects=False)


@pytest.fixture
def open_door(tmp_path: Path) -> TestClient:
    return browser(authenticator_of(tmp_path))


@pytest.fixture
def authenticator(tmp_path: Path) -> Authenticator:
    return authenticator_of(tmp_path, "ada:correct horse", "bob:battery staple")


def sign_in(client: TestClient, password: str = "correct horse", name: str = "ada", after: str = "/") -> int:
    return client.post(f"/login?next={after}", data={"name": name, "password": password}).status_code


def test_a_browser_gets_a_secret_once_and_keeps_it(open_door: TestClient) -> None:
    first = open_door.get("/")
    assert "HttpOnly" in first.headers["set-cookie"] and "SameSite=Lax" in first.headers["set-cookie"]
    again = open_door.get("/")
    assert again.json() == first.json() == open_door.cookies[BROWSER]
    assert "set-cookie" not in again.headers


def test_a_secret_that_is_none_is_replaced(open_door: TestClient) -> None:
    for bad in ("x" * 32, "short", "../../etc/passwd"):
        open_door.cookies.clear()
        owner = open_door.get("/", headers={"cookie": f"{BROWSER}={bad}"}).json()
        assert owner != bad and len(owner) == 32


def test_without_passwords_only_known_names_of_this_machine_are_answered(tmp_path: Path) -> None:
    authenticator = authenticator_of(tmp_path)
    for host in ("localhost", "127.0.0.1", "192.168.1.7", "[::1]", "studio.lan"):
        assert browser(authenticator, host).get("/").status_code == 200, host
    for host in ("rebound.example.com", "localhost.example.com", "1.2.3.4.example.com"):
        assert browser(authenticator, host).get("/").status_code == 403, host
    answer = browser(authenticator, "rebound.example.com").get("/")
    assert answer.status_code == 403 and "--auth" in answer.json()["remedy"]


def test_what_other_sites_send_changes_nothing(open_door: TestClient) -> None:
    assert open_door.post("/studio/jobs").status_code == 403
    assert open_door.post("/studio/jobs", headers={"X-Reshoot": "1"}).status_code == 200


HERE, SECURE = "http://localhost:7860", {"x-forwarded-host": "pod.example", "x-forwarded-proto": "https"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"origin": "http://localhost:7909"}, 403),
        ({"origin": "http://localhost"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": HERE}, 403),
        ({"sec-fetch-site": "same-site", "origin": "http://localhost:7909"}, 403),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, 403),
        ({"sec-fetch-site": "same-origin", "origin": HERE}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"origin": HERE}, 200),
        ({"origin": "https://pod.example", **SECURE}, 200),
        ({"origin": "http://pod.example", **SECURE}, 403),
        ({"origin": "https://evil.example", **SECURE}, 403),
        ({"origin": "https://evil.example", "x-forwarded-host": "pod.example"}, 403),
        ({}, 200),
    ],
)
def test_no_other_origin_is_answered(open_door: TestClient, headers: dict[str, str], status: int) -> None:
    assert open_door.post("/studio/jobs", headers={"X-Reshoot": "1", **headers}).status_code == status
    assert open_door.get("/studio/jobs", headers=headers).status_code == status


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_a_link_on_another_site_opens_the_page_and_nothing_else(open_door: TestClient, site: str) -> None:
    link = {"sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert open_door.get("/", headers=link).status_code == open_door.get("/login", headers=link).status_code == 200
    assert open_door.get("/studio/jobs", headers=link).status_code == 403
    for other in ({"sec-fetch-mode": "no-cors"}, {"sec-fetch-dest": "iframe"}, {"sec-fetch-dest": "image"}):
        assert open_door.get("/", headers={**link, **other}).status_code == 403, other


def test_a_preflight_is_refused(open_door: TestClient) -> None:
    asked = {"origin": "http://localhost:7909", "access-control-request-method": "PATCH"}
    answer = open_door.options("/studio/jobs", headers=asked)
    assert answer.status_code == 405 and not any(name.startswith("access-control") for name in answer.headers)


def test_no_socket_is_opened(open_door: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), open_door.websocket_connect("/studio/jobs"):
        pass


@pytest.mark.parametrize(
    ("peer", "noted", "pod", "told"),
    [
        ("192.168.1.7", [], False, "192.168.1.7"),
        ("192.168.1.7", ["1.2.3.4"], False, "192.168.1.7"),
        ("10.0.0.1", ["1.2.3.4"], True, "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6, 1.2.3.4"], True, "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6", "7.7.7.7,1.2.3.4"], True, "1.2.3.4"),
        ("10.0.0.1", ["1.2.3.4, somebody"], True, "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", [], False, "2001:db8:1:2::/64"),
        ("::ffff:1.2.3.4", [], False, "1.2.3.4"),
        ("", [], False, ""),
    ],
)
def test_visitors_are_told_apart_by_their_network(
    monkeypatch: pytest.MonkeyPatch, peer: str, noted: list[str], pod: bool, told: str
) -> None:
    if pod:
        monkeypatch.setenv("RUNPOD_POD_ID", "pod123")
    headers = [(b"x-forwarded-for", each.encode()) for each in noted]
    assert address(Request({"type": "http", "headers": headers, "client": (peer, 1) if peer else None})) == told


def test_every_answer_tells_browsers_to_be_careful(open_door: TestClient) -> None:
    headers = open_door.get("/").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'self'" in headers["content-security-policy"]


def test_pages_lead_to_the_login_and_back(authenticator: Authenticator) -> None:
    client = browser(authenticator, "pod-7860.proxy.example.net")
    away = client.get("/", headers=PAGE)
    assert (away.status_code, away.headers["location"]) == (303, "/login?next=/")
    assert client.get("/studio/jobs").status_code == 401
    assert client.get("/healthz").status_code == 200
    entered = client.post("/login?next=/", data={"name": "ada", "password": "correct horse"})
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert client.get("/", headers=PAGE).status_code == client.get("/studio/jobs").status_code == 200
    assert client.post("/logout").headers["location"] == "/login"
    assert client.get("/studio/jobs").status_code == 401


@pytest.mark.parametrize(
    "place", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "//[", "/logout"]
)
def test_signing_in_leads_nowhere_else(authenticator: Authenticator, place: str) -> None:
    entered = browser(authenticator).post(
        "/login", params={"next": place}, data={"name": "ada", "password": "correct horse"}
    )
    assert entered.headers["location"] == "/"


def test_wrong_passwords_are_told_without_saying_what_was_wrong(authenticator: Authenticator) -> None:
    client = browser(authenticator)
    wrong = client.post("/login", data={"name": "ada", "password": "battery staple"})
    nobody = client.post("/login", data={"name": '"><script>', "password": "x"})
    assert wrong.status_code == nobody.status_code == 401
    assert "do not fit together" in wrong.text and "<script>" not in nobody.text.partition("<form")[2]
    assert not client.cookies.get(SESSION)


def test_too_many_attempts_are_told_when_to_come_back(
    authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_queue, "MOST_WAITING", 0)
    answer = browser(authenticator).post("/login", data={"name": "ada", "password": "correct horse"})
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 0
    assert f"Wait {answer.headers['retry-after']} seconds and try again." in answer.text


def test_a_browser_that_signed_in_is_known_when_it_comes_back(
    authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitors: list[tuple[str, bool]] = []

    async def right(
        queue: login_queue.LoginQueue, visitor: str, check: Callable[[], bool], stranger: bool = True
    ) -> bool:
        visitors.append((visitor, stranger))
        return check()

    monkeypatch.setattr(login_queue.LoginQueue, "check", right)
    client = browser(authenticator)
    assert sign_in(client) == 303
    device = client.cookies[login.DEVICE]
    client.post("/logout")
    assert sign_in(client) == 303 and client.cookies[login.DEVICE] == device
    client.cookies.clear()
    client.cookies[login.DEVICE] = device[:-1]
    assert sign_in(client) == 303
    assert [stranger for _, stranger in visitors] == [True, False, True]
    assert visitors[1][0] == device and visitors[0][0] == visitors[2][0] != device


def test_a_ticket_cannot_be_made_up_or_used_for_ever(
    authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = authenticator.session_token("ada")
    assert authenticator.user_of(ticket) == "ada"
    other = f"{b'eve'.hex()}{ticket[6:]}"
    for bad in ("", "x", authenticator.device_token(), ticket[:-1], other, ticket.replace(".", "..", 1), "é.1.2"):
        assert authenticator.user_of(bad) is None
    later = time.time() + SESSION_S + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert authenticator.user_of(ticket) is None


def test_tickets_outlive_the_server_but_not_the_password(tmp_path: Path) -> None:
    ticket = authenticator_of(tmp_path, "ada:one").session_token("ada")
    assert authenticator_of(tmp_path, "ada:one").user_of(ticket) == "ada"
    assert authenticator_of(tmp_path, "ada:two").user_of(ticket) is None
    assert authenticator_of(tmp_path, "eve:one").user_of(ticket) is None


def test_what_a_browser_is_known_by_cannot_be_made_up(tmp_path: Path) -> None:
    authenticator = authenticator_of(tmp_path, "ada:one")
    device = authenticator.device_token()
    assert (
        authenticator.is_device_token(device)
        and device != authenticator.device_token()
        and authenticator_of(tmp_path, "ada:one").is_device_token(device)
    )
    for bad in ("", "device-", device[:-1], device.replace("device-", "device-0"), authenticator.session_token("ada")):
        assert not authenticator.is_device_token(bad)
    assert not authenticator_of(tmp_path, "ada:two").is_device_token(device)


def test_a_pod_without_a_password_gets_one_that_holds_and_is_said_once(tmp_path: Path) -> None:
    authenticator, made = open_authenticator(tmp_path, {}, public=True)
    assert (
        made
        and authenticator.accepts_password("reshoot", made)
        and not authenticator.accepts_password("reshoot", made[:-1])
    )
    again, said = open_authenticator(tmp_path, {}, public=True)
    assert said is None and again.accepts_password("reshoot", made)
    assert again.user_of(authenticator.session_token("reshoot")) == "reshoot"
    secrets = tmp_path / "secrets.json"
    assert secrets.stat().st_mode & 0o777 == 0o600 and made not in secrets.read_text()


def test_a_damaged_file_of_secrets_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("{")
    assert open_authenticator(tmp_path, {}, public=True)[1]


@pytest.mark.parametrize("said", ["ada", "ada:", ":secret"])
def test_a_login_that_is_none_is_refused(said: str) -> None:
    with pytest.raises(AuthError, match="user:password"):
        parse_logins([said])
