"""A page that came only in part, because the server died meanwhile: it heals by itself when the server is back."""

import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.conftest import PATIENCE_MS
from tests.e2e.waiting import until
from tests.studios import App, app

pytestmark = pytest.mark.slow

PARTS = {
    "the first script": r"/assets/index-.*\.js$",
    "what draws the page": r"/assets/Blocks-.*\.js$",
    "what draws the tabs": r"/assets/(Index|Example)-.*\.js$",
    "what draws the form": r"/studio/static/form-fields\.js$",
    "what the form is made of": r"/studio/forms$",
    "all styles": r"/(assets|studio/static)/.*\.css$",
    "our own elements": r"/studio/static/(page|clips|jobs)\.js$",
    "what our elements need": r"/studio/static/shared\.js$",
}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app without a worker: nothing here is computed."""
    with app(tmp_path_factory.mktemp("studio") / "home", "--no-worker") as studio:
        yield studio


@dataclass
class Half:
    """A page in a window of its own, of which one part is held back."""

    page: Page
    held: list[Route] = field(default_factory=list)

    @classmethod
    def without(cls, part: str, browser: Browser, url: str) -> "Half":
        context = browser.new_context()
        context.set_default_timeout(PATIENCE_MS)
        half = cls(context.new_page())
        half.page.route(re.compile(part), lambda route: half.held.append(route))
        half.page.goto(f"{url}/#jobs", wait_until="commit")
        until(half.page, lambda: bool(half.held), "request for the part")
        return half

    def fails(self) -> None:
        """What was held back never comes, and is asked of the server from now on."""
        for each in self.held:
            each.abort("connectionrefused")
        self.page.unroute_all(behavior="ignoreErrors")

    def is_whole(self) -> None:
        """Everything is there and works."""
        expect(self.page.locator("reshoot-jobs")).to_be_visible()
        expect(self.page.get_by_role("tab", name="Jobs")).to_have_attribute("aria-selected", "true")
        self.page.get_by_role("tab", name="Create").click()
        expect(self.page.get_by_role("button", name="Restyle", exact=True)).to_be_visible()
        expect(self.page.get_by_label("Ink", exact=True)).to_be_visible()
        display = "getComputedStyle(document.querySelector('reshoot-clips')).display"
        assert self.page.evaluate(display) != "inline"


def test_a_page_that_came_in_part_heals_when_the_server_is_back(browser: Browser, page: Page, studio: App) -> None:
    """Whichever part is missing; a window for each, and one death of the server for all of them."""
    halves = {name: Half.without(part, browser, studio.url) for name, part in PARTS.items()}
    studio.stop(signal.SIGKILL)
    for half in halves.values():
        half.fails()
    page.wait_for_timeout(3000)
    studio.open()
    for name, half in halves.items():
        try:
            half.is_whole()
        except AssertionError as error:
            raise AssertionError(f"without {name} it does not heal") from error
        half.page.context.close()


def test_a_page_says_that_the_server_is_away_while_it_has_nothing_else_to_show(page: Page, studio: App) -> None:
    half = page.context.new_page()
    half.route("**/assets/index-*.js", lambda route: route.abort("connectionrefused"))
    half.route("**/healthz", lambda route: route.abort("connectionrefused"))
    half.goto(studio.url)
    expect(half.get_by_role("status")).to_contain_text("The server does not answer.")


def loads_of(page: Page) -> list[str]:
    """Grows with each time that a page is loaded."""
    loads: list[str] = []
    page.on("load", lambda loaded: loads.append(loaded.url))
    return loads


def test_a_page_is_loaded_again_a_few_times_if_it_lacks_a_part_and_never_if_it_is_whole(
    page: Page, studio: App
) -> None:
    """Two windows beside each other, because both have to be waited for."""
    half, whole = page.context.new_page(), page.context.new_page()
    loads, loads_of_whole = loads_of(half), loads_of(whole)
    whole.goto(studio.url)
    expect(whole.get_by_role("button", name="Restyle", exact=True)).to_be_visible()
    start = time.monotonic()
    half.route("**/assets/Blocks-*.js", lambda route: route.fulfill(status=404))
    half.goto(studio.url)
    expect(half.get_by_role("status").filter(has_text="could not be loaded as a whole")).to_be_visible()
    until(half, lambda: len(loads) >= 7, "seventh load: the first time, and six times more")
    whole.wait_for_timeout(max(0.0, 12_000 - 1000 * (time.monotonic() - start)))
    whole.evaluate("document.head.append(Object.assign(document.createElement('script'), {src: '/assets/none.js'}))")
    whole.wait_for_timeout(6000)
    assert len(loads) == 7 and len(loads_of_whole) == 1
