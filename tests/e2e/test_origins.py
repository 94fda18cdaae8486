"""A page of another port: a real browser that shows it changes nothing in the app and reads nothing of it."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import NETWORK, PATIENCE_MS
from tests.studios import App, app

pytestmark = pytest.mark.slow

ATTEMPTS = """async (app) => {
  const told = {};
  const attempt = async (name, work) => { told[name] = await work().catch((error) => error.name); };
  const element = (name, more) => new Promise((resolve) => {
    const made = Object.assign(document.createElement(name), more);
    made.onload = () => resolve("loaded");
    made.onerror = () => resolve("refused");
    document.body.append(made);
  });
  const upload = JSON.stringify({name: "theirs.mp4", bytes: 10});
  const call = JSON.stringify({fn_index: 5, data: ["[]"]});
  const use = JSON.stringify({kind: "use", settings: {}});
  for (const credentials of ["omit", "include"]) {
    for (const mode of ["cors", "no-cors"])
      for (const path of ["/", "/studio/jobs", "/studio/dashboard", "/studio/forms", "/config", "/theme.css",
        "/healthz", "/login"])
        await attempt(`${credentials} ${mode} GET ${path}`, async () =>
          (await fetch(app + path, {credentials, mode})).type);
    for (const headers of [{}, {"X-Reshoot": "1"}, {"Content-Type": "application/json"}])
      for (const [path, body] of Object.entries(
        {"/studio/uploads": upload, "/studio/cache/clear": "", "/studio/form": use, "/gradio_api/run/predict": call}))
        await attempt(`${credentials} POST ${path} ${Object.keys(headers)}`, async () =>
          (await fetch(app + path, {method: "POST", body, headers, credentials})).type);
    await attempt(`${credentials} DELETE`, async () =>
      (await fetch(app + "/studio/uploads/" + "ab".repeat(12), {method: "DELETE", credentials})).type);
  }
  for (const path of ["/studio/static/looks/ink.jpg", "/studio/static/icon.svg", "/logout"])
    await attempt(`img ${path}`, () => element("img", {src: app + path}));
  for (const path of ["/studio/static/shared.js", "/studio/jobs", "/theme.css"])
    await attempt(`script ${path}`, () => element("script", {src: app + path}));
  await attempt("stylesheet", () => element("link", {rel: "stylesheet", href: app + "/studio/static/studio.css"}));
  await attempt("events", () => new Promise((resolve) => {
    const source = new EventSource(app + "/studio/jobs", {withCredentials: true});
    source.onopen = () => resolve("loaded");
    source.onerror = () => { source.close(); resolve("refused"); };
  }));
  return told;
}"""
FORM = """([action, enctype, name]) => new Promise((resolve) => {
  const frame = Object.assign(document.createElement("iframe"), {name: "into"});
  const form = Object.assign(document.createElement("form"), {action, enctype, method: "post", target: "into"});
  form.append(Object.assign(document.createElement("textarea"), {name, value: '"}'}));
  document.body.append(frame, form);
  frame.addEventListener("load", () => { frame.remove(); form.remove(); resolve(); });
  form.submit();
})"""


@dataclass
class Stranger:
    """A server of another port of the same host, and what browsers said when they asked it."""

    port: int
    heard: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app in which nothing changes by itself."""
    with app(tmp_path_factory.mktemp("studio") / "home", "--no-worker") as studio:
        yield studio


@pytest.fixture(scope="module")
def stranger() -> Iterator[Stranger]:
    heard: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Another page</title><body>")

        def log_message(self, format: str, *values: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Stranger(server.server_port, heard)
        server.shutdown()
        thread.join()


@pytest.fixture(params=["localhost", NETWORK])
def host(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def page(browser: Browser, studio: App, stranger: Stranger, host: str) -> Iterator[Page]:
    """Somebody who knows the app, and looks at a page of another port."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"http://{host}:{studio.port}/")
    page.goto(f"http://{host}:{stranger.port}/")
    yield page
    context.close()


def kept(studio: App) -> dict[str, Any]:
    """What would be otherwise if somebody had changed something."""
    uploads = sorted(each.name for each in (studio.home / "uploads").glob("*"))
    return {
        "uploads": uploads,
        "jobs": studio.ask("/studio/jobs")["jobs"],
        "chore": studio.ask("/studio/dashboard")["chore"],
    }


def test_nothing_is_read_and_nothing_is_changed(page: Page, studio: App, stranger: Stranger, host: str) -> None:
    assert ("sec-fetch-site" in stranger.heard[-1]) == (host != NETWORK), "both kinds of browsers are tried"
    before, url = kept(studio), f"http://{host}:{studio.port}"
    told = page.evaluate(ATTEMPTS, url)
    assert len(told) > 50
    assert {name: answer for name, answer in told.items() if answer not in ("TypeError", "refused")} == {}
    assert kept(studio) == before


def test_no_form_changes_anything(page: Page, studio: App, host: str) -> None:
    before, url = kept(studio), f"http://{host}:{studio.port}"
    begun = '{"name": "theirs.mp4", "bytes": 10, "x": "'
    called = '{"fn_index": 1, "data": ["{}"], "x": "'
    used = '{"kind": "use", "settings": {}, "x": "'
    for action, name in (
        ("/studio/uploads", begun),
        ("/studio/form", used),
        ("/gradio_api/run/predict", called),
        ("/login", "x"),
        ("/logout", "x"),
    ):
        for enctype in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            with page.expect_response(f"{url}{action}") as answer:
                page.evaluate(FORM, [url + action, enctype, name])
            assert answer.value.status == 403, (action, enctype)
    assert kept(studio) == before


def test_a_link_opens_the_page_and_only_that(page: Page, studio: App, stranger: Stranger, host: str) -> None:
    url = f"http://{host}:{studio.port}"
    page.set_content(f'<a href="{url}/?__theme=dark">open</a>')
    page.get_by_role("link").click()
    expect(page.get_by_role("tab", name="Create")).to_be_visible()
    page.get_by_role("tab", name="Jobs").click()
    expect(page.locator("reshoot-jobs")).to_contain_text("Nothing here yet")
    if host == NETWORK:
        return  # where browsers do not say what they follow, nobody else sees what they got
    page.goto(f"http://{host}:{stranger.port}/")
    page.set_content(f'<a href="{url}/studio/jobs">read</a>')
    page.get_by_role("link").click()
    expect(page.locator("body")).to_contain_text("This request comes from another site.")
