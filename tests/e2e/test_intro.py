"""What a new user sees before there is a clip: a loop before and after, and an example that is there at once."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.test_studio import upload

pytestmark = pytest.mark.slow

LOOP = "**/studio/clips/example/loop"
PLAYING = "(video) => !video.paused && video.currentTime > 0"


@pytest.fixture
def loop(page: Page, clip: Path) -> None:
    """As if the loop were made; any clip will do."""
    page.route(LOOP, lambda route: route.fulfill(json={"url": "/studio/clips/example/loop.mp4"}))
    page.route(f"{LOOP}.mp4", lambda route: route.fulfill(path=clip, content_type="video/mp4"))


@pytest.mark.usefixtures("loop")
def test_a_loop_plays_until_there_is_a_clip(page: Page, clip: Path) -> None:
    page.reload()
    video = page.locator("reshoot-intro video")
    expect(video).to_be_visible()
    page.wait_for_function(f"() => ({PLAYING})(document.querySelector('reshoot-intro video'))")
    assert not Axe().run(page, "reshoot-intro").response["violations"]
    upload(page, clip)
    expect(video).to_be_hidden()
    page.wait_for_function("() => document.querySelector('reshoot-intro video').paused")


@pytest.mark.usefixtures("loop")
def test_who_wants_less_motion_starts_it_themselves(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.reload()
    video = page.locator("reshoot-intro video")
    expect(video).to_have_attribute("controls", "")
    page.wait_for_timeout(1000)
    assert video.evaluate("(video) => video.paused && video.currentTime === 0")


def test_while_it_is_made_there_is_text_and_no_empty_picture(page: Page) -> None:
    page.route(LOOP, lambda route: route.fulfill(json={"url": None}))
    page.reload()
    expect(page.locator("reshoot-intro")).to_contain_text("The camera moves as you moved it")
    expect(page.locator("reshoot-intro video")).to_have_count(0)
