"""A real browser on a real app. Whatever a page logs as an error fails its test."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.e2e.film_desk import Desk, looked_into, talking
from tests.journeys import filmed
from tests.studios import App, app
from utils.media.clip import Clip
from utils.walker import Shot

CHROMIUM = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE_MS = 60_000
NETWORK = "192.0.2.7"
"""This machine as another one in the network is reached: browsers do not tell it whose page sent a request."""
EXPECTED = ("ERR_CONNECTION_REFUSED", "Failed to load resource", "ERR_EMPTY_RESPONSE", "ERR_INCOMPLETE_CHUNKED")
"""What browsers say by themselves when a server is away or answers with a problem; pages show that to people."""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The system's Chromium. While it is open no test can have a loop of its own: it closes with the last test here."""
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None and not os.environ.get("CI"):
        pytest.skip("no Chromium on this machine: `apt-get install chromium-headless-shell` brings one")
    assert found, "these tests need the system's Chromium"
    with sync_playwright() as playwright:
        options = ["--no-sandbox", f"--host-resolver-rules=MAP {NETWORK} 127.0.0.1"]
        browser = playwright.chromium.launch(executable_path=found, args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app with its worker, for all files that need no app of their own: each finds what others left in its home."""
    with app(tmp_path_factory.mktemp("studio") / "home") as studio:
        yield studio


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A walker that a job takes some seconds for."""
    return filmed(tmp_path_factory.mktemp("clip"), Shot(size=(320, 180), frames=60))


@pytest.fixture(scope="session")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """A clip in which somebody talks."""
    return talking(tmp_path_factory.mktemp("talk"))


@pytest.fixture
def desk(page: Page, studio: App, talk: Clip, tmp_path: Path) -> Desk:
    """The Finish tab with the film of that clip, as it was proposed."""
    return looked_into(page, studio, talk, tmp_path)


@pytest.fixture
def page(browser: Browser, studio: App, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of its own, with nothing in its memory."""
    wrong: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(each in message.text for each in EXPECTED):
            wrong.append(message.text)

    context = browser.new_context(**getattr(request, "param", {"viewport": {"width": 1280, "height": 900}}))
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page = context.new_page()
    page.on("console", listen)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(studio.url)
    page.get_by_role("tab", name="Create").wait_for()
    yield page
    for each in context.pages:
        each.unroute_all(behavior="ignoreErrors")
    context.close()
    assert not wrong, wrong
