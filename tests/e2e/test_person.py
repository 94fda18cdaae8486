"""The person of a clip in a real browser: seen, clicked on, painted, checked in a job, replaced by a matte."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.e2e.test_page import PHONE
from tests.e2e.test_studio import upload
from tests.studios import App
from utils.people.matte_exchange import MatteFile, write_matte

pytestmark = pytest.mark.slow


@pytest.fixture
def person(page: Page, studio: App, clip: Path) -> Locator:
    """The panel with a clip in it, opened."""
    upload(page, clip)
    panel = page.locator("reshoot-person")
    panel.locator("summary").click()
    expect(panel.locator(".shown img")).to_be_visible()
    return panel


def stroke(page: Page, person: Locator, *points: tuple[float, float]) -> None:
    """Paint along points of the picture, in shares of its sides."""
    person.locator("canvas").scroll_into_view_if_needed()
    box = person.locator("canvas").bounding_box()
    assert box
    for number, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=1 if not number else 6)
        if not number:
            page.mouse.down()
    page.mouse.up()


def chosen(page: Page) -> dict[str, Any]:
    """The settings of the form that differ from the preset."""
    return dict(page.evaluate("document.querySelector('reshoot-form').values.changed()"))


def test_a_click_says_who_is_meant(page: Page, person: Locator) -> None:
    with page.expect_response(
        lambda answer: answer.url.endswith("/look") and "pointed" in (answer.request.post_data or "")
    ):
        stroke(page, person, (0.5, 0.6))
    settings = chosen(page)
    assert settings["analysis.subject"] == "pointed" and abs(settings["analysis.point_x"] - 160) < 2
    assert abs(settings["analysis.point_y"] - 108) < 2
    person.get_by_role("button", name="The largest person again").click()
    assert "analysis.subject" not in chosen(page)


def test_strokes_are_painted_undone_and_part_of_the_job(page: Page, person: Locator, studio: App) -> None:
    before = person.locator(".shown img").get_attribute("src")
    person.get_by_text("Add", exact=True).click()
    stroke(page, person, (0.1, 0.8), (0.25, 0.8))
    expect(person.locator(".shown img")).not_to_have_attribute("src", before or "")
    expect(person.locator("summary")).to_contain_text("1 stroke")
    first = chosen(page)["analysis.strokes"]
    person.get_by_text("Take away", exact=True).click()
    stroke(page, person, (0.5, 0.5))
    expect(person.locator("summary")).to_contain_text("2 strokes")
    page.wait_for_function(f"document.querySelector('reshoot-form').values.get('analysis.strokes') !== '{first}'")
    person.get_by_role("button", name="Undo").click()
    page.wait_for_function(f"document.querySelector('reshoot-form').values.get('analysis.strokes') === '{first}'")
    painted = studio.ask(f"/studio/strokes/{first}")
    assert [each["adds"] for each in painted["strokes"]] == [True] and painted["width_px"] == 320
    person.get_by_role("button", name="See it in the whole clip").click()
    (matte,) = studio.until(lambda: [each for each in studio.home.glob("results/*/matte.mkv")
                                     if each.parent.suffix != ".part"], "result")  # fmt: skip
    mattes = list(MatteFile(matte).mattes())
    assert len(mattes) == 60 and sum((each[130:158, 30:80] > 127).mean() > 0.2 for each in mattes) > 50


def test_the_keyboard_paints_too(page: Page, person: Locator) -> None:
    person.get_by_label("Add", exact=True).check()
    person.locator("canvas").focus()
    for key in ("Shift+ArrowLeft", "Shift+ArrowLeft", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(person.locator("summary")).to_contain_text("1 stroke")
    person.get_by_role("button", name="Clear strokes").click()
    page.wait_for_function("!document.querySelector('reshoot-form').values.get('analysis.strokes')")


def test_a_matte_of_ones_own_is_used_if_it_fits(page: Page, person: Locator, clip: Path, tmp_path: Path) -> None:
    matte = np.zeros((180, 320), np.uint8)
    matte[40:140, 100:180] = 255
    for name, count in (("short.mkv", 59), ("right.mkv", 60)):
        write_matte(tmp_path / name, [matte] * count, Fraction(30))
    person.locator("input[type=file]").set_input_files(tmp_path / "short.mkv")
    expect(person.get_by_role("alert")).to_contain_text("short.mkv has 59 frames; this clip has 60")
    person.locator("input[type=file]").set_input_files(tmp_path / "right.mkv")
    expect(person.locator("summary")).to_contain_text("the matte right.mkv")
    assert len(chosen(page)["analysis.matte"]) == 64
    person.get_by_role("button", name="Remove the matte").click()
    assert "analysis.matte" not in chosen(page)


def test_strokes_come_back_after_a_reload_and_from_another_clip_they_go(page: Page, person: Locator) -> None:
    person.get_by_text("Add", exact=True).click()
    stroke(page, person, (0.1, 0.8), (0.25, 0.8))
    page.wait_for_function("document.querySelector('reshoot-form').values.get('analysis.strokes')")
    page.reload()
    page.locator("reshoot-person summary").click()
    expect(page.locator("reshoot-person summary")).to_contain_text("1 stroke")


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_it_fits_a_phone_and_everybody(page: Page, person: Locator) -> None:
    expect(person.locator(".busy")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    found = Axe().run(page, context="reshoot-person").response["violations"]
    assert not found, json.dumps(found, indent=1)[:2000]
