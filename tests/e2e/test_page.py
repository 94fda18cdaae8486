"""How the page is for everybody: on a phone, in the dark, with a screen reader, and without the rest of the world."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Request, Route, expect

from tests.studios import App

pytestmark = pytest.mark.slow

TABS = ("Create", "Finish", "Jobs", "Result", "Dashboard")
PHONE = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True}
UPSTREAM = {"aria-prohibited-attr", "label-content-name-mismatch", "image-redundant-alt"}
"""Faults of Gradio's own parts that are known upstream; ours have none."""


@pytest.fixture(scope="module", autouse=True)
def used(studio: App, clip: Path) -> None:
    """There is something to see."""
    studio.finished(studio.upload(clip), generate__look="ink")


def open_tabs(page: Page) -> Iterator[str]:
    """Each tab in turn, drawn."""
    for name in TABS:
        page.get_by_role("tab", name=name).click()
        page.wait_for_timeout(800)
        yield name


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_serious_fault_for_a_screen_reader_or_a_keyboard(page: Page, studio: App, theme: str) -> None:
    page.goto(f"{studio.url}/?__theme={theme}")
    page.get_by_role("tab", name="Create").wait_for()
    for name in open_tabs(page):
        found = Axe().run(page).response["violations"]
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        ours = [each for each in serious if any("reshoot-" in str(node["target"]) for node in each["nodes"])]
        assert not ours, (name, [(each["id"], each["nodes"][0]["html"]) for each in ours])
        others = {each["id"] for each in serious} - UPSTREAM
        assert not others, (name, [(each["id"], each["nodes"][0]["html"]) for each in serious])


WIDER = """(within) => [...document.querySelectorAll(`${within}, ${within} *`)].filter((each) =>
  !each.closest(".hidden") && each.getBoundingClientRect().right > innerWidth)
  .map((each) => each.outerHTML.slice(0, 99))"""
"""What is wider than the screen, also where it is cut off there; hidden texts are no wider than they are."""


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page) -> None:
    for name in open_tabs(page):
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name


def test_nothing_is_asked_of_any_other_machine(page: Page, studio: App) -> None:
    asked: list[str] = []

    def listen(request: Request) -> None:
        if not request.url.startswith((studio.url, "data:", "blob:")):
            asked.append(request.url)

    page.on("request", listen)
    page.reload()
    list(open_tabs(page))
    assert asked == []


def test_light_and_dark_are_chosen_and_remembered(page: Page) -> None:
    before = page.evaluate("document.body.classList.contains('dark')")
    page.get_by_role("button", name="Light or dark").click()
    page.reload()
    page.wait_for_function("before => document.body.classList.contains('dark') !== before", arg=before)


def test_the_address_keeps_what_was_asked_for_in_it(page: Page, studio: App) -> None:
    page.goto(f"{studio.url}/?__theme=dark")
    page.get_by_role("tab", name="Jobs").click()
    page.wait_for_url("**/?__theme=dark#jobs")
    page.get_by_role("button", name="Show result").first.click()
    page.wait_for_url("**/?__theme=dark#result=*")


def test_a_reload_comes_back_to_the_same_tab(page: Page) -> None:
    page.get_by_role("tab", name="Dashboard").click()
    expect(page.locator("reshoot-dashboard")).to_be_visible()
    page.reload()
    expect(page.locator("reshoot-dashboard")).to_be_visible()


def test_who_clicks_before_the_page_has_everything_comes_back_too(page: Page) -> None:
    def late(route: Route) -> None:
        page.wait_for_timeout(1500)
        route.continue_()

    page.route("**/static/page.js", late)
    page.reload(wait_until="commit")
    page.get_by_role("tab", name="Dashboard").click()
    expect(page.locator("reshoot-dashboard")).to_be_visible()
    page.wait_for_url("**/#dashboard")
    page.reload()
    expect(page.locator("reshoot-dashboard")).to_be_visible()
