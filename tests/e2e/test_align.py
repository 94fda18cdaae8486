"""Two clips aligned in a real browser: given, laid over each other, looked at, and done once more."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.aligned import Case
from tests.e2e.test_studio import state, upload
from tests.e2e.waiting import resting
from tests.studios import App

pytestmark = pytest.mark.slow


def test_two_clips_are_aligned_and_checked(page: Page, studio: App, tmp_path: Path) -> None:
    pair = Case("offset", seconds=2.0, begin_s=0.5, end_s=2.2).made(tmp_path)
    upload(page, pair.foreground.path)
    page.get_by_role("group", name="What to do").get_by_label("Align", exact=True).check()
    start = page.get_by_role("button", name="Align", exact=True)
    start.click()
    background = page.locator("[data-field='pair.background']")
    expect(background.locator(".wrong")).to_contain_text("“Background” is missing")
    background.locator("input").set_input_files(pair.background.path)
    expect(background).to_contain_text("120 frames, 320 × 180")
    start.click()
    card = page.locator("reshoot-jobs [data-job].job").filter(has_text=pair.foreground.path.name).first
    state(card, "Done")

    card.get_by_role("button", name="Show result").click()
    shown = page.locator("reshoot-aligned")
    expect(shown.locator("svg.drift .line").first).to_be_attached()
    expect(page.locator("reshoot-result .figures")).to_contain_text("Sure frames")
    slider, said = shown.get_by_label("Frame of the foreground"), shown.get_by_role("status")
    worst = shown.get_by_role("button", name=re.compile(r"^Frame \d+, worst$"))
    expect(worst).to_have_count(6)
    expect(worst.first).to_have_attribute("aria-pressed", "true")
    slider.press("End")
    expect(said).to_have_text(re.compile(r"^Frame 101: 1\.683 s, no-match$"))
    shown.locator("svg.drift").click(position={"x": 12, "y": 100})
    expect(said).to_contain_text(
        re.compile(r"Frame [0-4]: 0\.0\d\d s shows 0\.5\d\d s, background frame (29|3\d)\.\d\d")
    )
    tiles = shown.locator(".scrub-tile i")
    expect(tiles.first).to_have_css("background-image", re.compile("strip.jpg"))
    assert len(set(tiles.evaluate_all("all => all.map(each => getComputedStyle(each).backgroundImage)"))) == 1
    shown.get_by_text("Check sheet").click()
    sheet = shown.get_by_alt_text("Check sheet of")
    expect(sheet).to_be_visible()
    assert sheet.evaluate("each => each.decode().then(() => each.naturalWidth)") > 800

    _correct(page, studio, shown)
    page.get_by_role("tab", name="Result").click()
    page.get_by_role("button", name="Use these settings again").click()
    expect(background).to_contain_text(pair.background.path.name)
    background.get_by_role("button", name="Remove the background").click()
    expect(background.get_by_role("button", name="Choose a background", exact=True)).to_be_focused()


def _correct(page: Page, studio: App, shown: Locator) -> None:
    """A frame is held by a step, another one by dragging its point, and the next job holds both."""
    shown.get_by_text("Correct it by hand").click()
    correct = shown.locator("reshoot-correct")
    frame, near = correct.get_by_label("Frame", exact=True), correct.get_by_label("belongs near background frame")
    expect(near).to_be_enabled()
    frame.fill("40")
    frame.press("Tab")
    expect(near).to_have_value("70")
    correct.get_by_role("button", name="One on").click()
    expect(correct.get_by_role("list", name="Held frames")).to_have_text("Frame 40 is held near 71 ×")
    expect(near).to_have_value("71")
    frame.fill("60")
    frame.press("Tab")
    expect(near).to_have_value("90")
    box = resting(page, shown.locator("svg.drift .handle"))
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 60, steps=4)
    page.mouse.up()
    expect(correct.get_by_role("listitem")).to_have_count(2)
    held = str(correct.get_by_role("listitem").last.text_content())
    higher = int(re.findall(r"near (\d+)", held)[0])
    assert held.strip().startswith("Frame 60") and 90 < higher < 95, held
    expect(correct).to_have_attribute("aria-busy", "false")
    expect(correct.get_by_alt_text("The background at its moment")).to_be_visible()
    with page.expect_response("**/studio/jobs") as answer:
        correct.get_by_role("button", name="Align again like this").click()
    [job] = answer.value.json()["jobs"]
    assert studio.ask(f"/studio/jobs/{job}")["settings"]["match.anchors"] == f"40:71, 60:{higher}"
