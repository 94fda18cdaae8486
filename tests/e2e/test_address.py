"""A clip by its address in a real browser: given, fetched, shown without its query, and refused in a sentence."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.journeys import written
from tests.origin import Origin, Served, serving
from tests.studios import App, app
from utils.address.checked import VARIABLE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app without a worker, which may ask this machine."""
    with app(tmp_path_factory.mktemp("studio") / "home", "--no-worker", **{VARIABLE: "1"}) as studio:
        yield studio


LEFT_WHILE_READING = """() => {
    Response.prototype.json = () => new Promise((_, fail) =>
        window.addEventListener("pagehide", () => fail(new DOMException("The page is left.", "AbortError"))));
}"""
"""Every answer is still on its way when the page is left, as any may be."""


def test_a_clip_is_fetched_from_its_address(page: Page, studio: App, tmp_path: Path) -> None:
    pictures = [np.full((72, 128, 3), 40 * each, np.uint8) for each in range(6)]
    film, hold = written(tmp_path / "film.mp4", pictures).read_bytes(), threading.Event()
    files = {"/a/walk.mp4": Served(film, hold=hold), "/page": Served(b"<html>", headers={"Content-Type": "text/html"})}
    with serving(Origin(files)) as origin:
        field = page.get_by_label("From an address")
        field.fill(origin.at("/a/walk.mp4?key=s3cret"))
        field.press("Enter")
        cards = page.locator("reshoot-clips .clip")
        expect(cards.get_by_role("progressbar", name="Fetch of walk.mp4")).to_be_visible()
        expect(field).to_have_value("")
        cards.get_by_role("button", name="Pause walk.mp4").click()
        expect(cards).to_contain_text("paused")
        hold.set()
        cards.get_by_role("button", name="Resume: walk.mp4").click()
        expect(page.locator("reshoot-clips .clip.ready")).to_contain_text(f"From {origin.at('/a/walk.mp4')}")
        field.fill(origin.at("/page"))
        page.get_by_role("button", name="Fetch", exact=True).click()
        expect(cards.get_by_role("paragraph").filter(has_text="a web page, not a video file")).to_be_visible()
        hold.clear()
        field.fill(origin.at("/a/walk.mp4?other"))
        field.press("Enter")
        expect(cards.get_by_role("progressbar", name="Fetch of walk.mp4")).to_be_visible()
        page.wait_for_function("Object.keys(JSON.parse(localStorage['reshoot.fetches'])).length")
        stored = page.evaluate("JSON.stringify(localStorage)")
        page.evaluate(LEFT_WHILE_READING)
        with page.expect_response("**/addresses/*"):
            pass
        page.reload()
        expect(cards.get_by_role("progressbar", name="Fetch of walk.mp4")).to_be_visible()
        hold.set()
        expect(cards.get_by_role("progressbar")).to_have_count(0)
    assert "s3cret" not in stored + page.content() + (studio.home / "app.log").read_text()
