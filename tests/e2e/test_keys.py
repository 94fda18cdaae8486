"""Frames to paint in a real browser: found, shown in order, added and left out, and downloaded."""

import io
import json
import re
import zipfile
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.e2e.test_page import PHONE
from tests.e2e.test_studio import PATIENCE_MS, upload

pytestmark = pytest.mark.slow


def strip(page: Page, clip: Path) -> Locator:
    """The strip of a clip, with the engine chosen that goes between painted frames."""
    upload(page, clip)
    page.locator("label.option", has_text="Painted key frames").click()
    frames = page.get_by_role("list", name="Frames to paint, in order of time")
    expect(frames).to_be_visible(timeout=2 * PATIENCE_MS)
    return frames


def numbers(frames: Locator) -> list[int]:
    """The frames that are shown, in their order."""
    return [int(re.findall(r"\d+", each)[0]) for each in frames.locator(".head b").all_inner_texts()]


def moved(page: Page, frame: int) -> None:
    page.get_by_label("Moment", exact=True).fill(str(frame))


def saved(page: Page, link: Locator) -> bytes:
    with page.expect_download() as download:
        link.click()
    return Path(download.value.path()).read_bytes()


def test_frames_are_found_and_shown_in_order_of_time(page: Page, clip: Path) -> None:
    frames = strip(page, clip)
    shown = numbers(frames)
    assert shown == sorted(shown) and len(shown) >= 3
    first = frames.get_by_role("listitem").first
    expect(first).to_contain_text("Frame 0")
    expect(first).to_contain_text("The first frame of a shot with something to paint.")
    expect(first).to_contain_text(re.compile(r"Makes frames 0–\d+"))
    page.reload()
    expect(frames).to_be_hidden()  # the list of clips is empty again


def test_a_frame_is_added_at_the_slider_and_another_left_out(page: Page, clip: Path) -> None:
    frames = strip(page, clip)
    before = numbers(frames)
    own = next(frame for frame in range(1, 60) if frame not in before)
    moved(page, own)
    page.get_by_role("button", name=f"Add frame {own}, the one at the slider").click()
    expect(frames.locator("b", has_text=re.compile(rf"^Frame {own}$"))).to_be_visible()
    assert numbers(frames) == sorted([*before, own])
    frames.get_by_role("button", name=f"Leave frame {before[1]} out").click()
    expect(frames.get_by_role("listitem")).to_have_count(len(before))
    content = saved(page, page.get_by_role("link", name=f"Download all {len(before)}"))
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        listed = [key["frame"] for key in json.loads(file.read("keys.json"))["keys"]]
        assert listed == numbers(frames) and "README.txt" in file.namelist()
        picture = file.read(f"{own:06}.png")
    assert saved(page, frames.get_by_role("link", name=f"Download the picture of frame {own}")) == picture
    frames.get_by_role("button", name="Show frame 0 in the preview").click()
    expect(page.locator("reshoot-moment")).to_contain_text("Frame 0, at ")
    page.get_by_role("button", name=f"Put frame {before[1]} back").click()
    expect(frames.get_by_role("listitem")).to_have_count(len(before) + 1)
    page.get_by_role("button", name="The proposed frames again").click()
    expect(frames.get_by_role("listitem")).to_have_count(len(before))


@pytest.mark.parametrize("page", [{"viewport": {"width": 1280, "height": 900}}, PHONE], indirect=True)
def test_everybody_can_use_it(page: Page, clip: Path) -> None:
    frames = strip(page, clip)
    frames.focus()
    page.keyboard.press("Tab")
    expect(frames.get_by_role("button").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(frames.get_by_role("button").first).to_have_attribute("aria-current", "true")
    found = Axe().run(page, "reshoot-keys").response["violations"]
    assert not found, [(each["id"], each["nodes"][0]["html"]) for each in found]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_a_painted_frame_nothing_begins(page: Page, clip: Path) -> None:
    strip(page, clip)
    expect(page.locator("reshoot-look")).to_contain_text("No frame is painted yet.")
    page.get_by_role("button", name="Restyle", exact=True).click()
    expect(page.locator("#reshoot-told .told")).to_contain_text("Paint at least one of each shot.")
    page.locator("label.option", has_text="Restyle (CPU, no model)").click()
    expect(page.locator("reshoot-keys")).to_be_hidden()
