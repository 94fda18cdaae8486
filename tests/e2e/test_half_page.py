"""A page that came only in part, because the server died meanwhile: it heals by itself when the server is back."""

import re
import signal

import pytest
from playwright.sync_api import Page, Route, expect

from tests.studios import App

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


@pytest.mark.parametrize("part", PARTS)
def test_a_page_that_came_in_part_heals_when_the_server_is_back(page: Page, studio: App, part: str) -> None:
    half, held = page.context.new_page(), list[Route]()
    wanted = re.compile(PARTS[part])

    def hold(route: Route) -> None:
        held.append(route)

    half.route(wanted, hold)
    half.goto(f"{studio.url}/#jobs", wait_until="commit")
    while not held:
        half.wait_for_timeout(50)
    studio.stop(signal.SIGKILL)
    for each in held:
        each.abort("connectionrefused")
    half.unroute(wanted)
    half.wait_for_timeout(3000)
    studio.open()
    expect(half.locator("reshoot-jobs")).to_be_visible()
    expect(half.get_by_role("tab", name="Jobs")).to_have_attribute("aria-selected", "true")
    half.get_by_role("tab", name="Create").click()
    expect(half.get_by_role("button", name="Restyle", exact=True)).to_be_visible()
    expect(half.get_by_label("Ink", exact=True)).to_be_visible()
    assert half.evaluate("getComputedStyle(document.querySelector('reshoot-clips')).display") != "inline"


def test_a_page_says_that_the_server_is_away_while_it_has_nothing_else_to_show(page: Page, studio: App) -> None:
    half = page.context.new_page()
    half.route("**/assets/index-*.js", lambda route: route.abort("connectionrefused"))
    half.route("**/healthz", lambda route: route.abort("connectionrefused"))
    half.goto(studio.url)
    expect(half.get_by_role("status")).to_contain_text("The server does not answer.")


def test_a_part_that_never_comes_is_not_asked_for_for_ever(page: Page, studio: App) -> None:
    half, loads = page.context.new_page(), list[str]()
    half.on("load", lambda loaded: loads.append(loaded.url))
    half.route("**/assets/Blocks-*.js", lambda route: route.fulfill(status=404))
    half.goto(studio.url)
    expect(half.get_by_role("status").filter(has_text="could not be loaded as a whole")).to_be_visible()
    count = len(loads)
    assert count == 7, "the first time, and six times more"
    half.wait_for_timeout(5000)
    assert len(loads) == count


def test_a_whole_page_is_not_loaded_again(page: Page, studio: App) -> None:
    whole, loads = page.context.new_page(), list[str]()
    whole.on("load", lambda loaded: loads.append(loaded.url))
    whole.goto(studio.url)
    expect(whole.get_by_role("button", name="Restyle", exact=True)).to_be_visible()
    whole.wait_for_timeout(12_000)
    whole.evaluate("document.head.append(Object.assign(document.createElement('script'), {src: '/assets/none.js'}))")
    whole.wait_for_timeout(6000)
    assert len(loads) == 1
