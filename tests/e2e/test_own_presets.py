"""Settings are saved under a name, fill the form again, and are deleted, in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.studios import App

pytestmark = pytest.mark.slow


def test_settings_are_saved_used_and_deleted(page: Page, studio: App) -> None:
    mine = page.locator("reshoot-presets")
    page.get_by_label("Fast", exact=True).check()
    page.get_by_label("Charcoal", exact=True).check()
    mine.get_by_role("button", name="Save these settings…").click()
    mine.get_by_label("Name").fill("fast")
    page.keyboard.press("Enter")
    expect(page.locator("#reshoot-told")).to_contain_text("There is a built-in preset 'fast'.")
    mine.get_by_label("Name").fill("Evening walk")
    mine.get_by_role("button", name="Save", exact=True).click()
    use = mine.get_by_role("button", name="Evening walk", exact=True)
    expect(use).to_be_visible()
    [kept] = studio.ask("/studio/presets")["presets"]
    assert (kept["preset"], kept["settings"]) == ("fast", {"generate.look": "charcoal"})

    page.get_by_label("Quality", exact=True).check()
    page.get_by_label("Ink", exact=True).check()
    page.reload()
    use.click()
    expect(page.get_by_label("Charcoal", exact=True)).to_be_checked()
    expect(page.get_by_label("Fast", exact=True)).to_be_checked()

    mine.get_by_role("button", name="Delete the preset Evening walk").click()
    question = mine.get_by_role("group", name=re.compile("^Confirm"))
    question.get_by_role("button", name="Keep").click()
    expect(question).to_have_count(0)
    mine.get_by_role("button", name="Delete the preset Evening walk").click()
    question.get_by_role("button", name="Delete", exact=True).click()
    expect(use).to_have_count(0)
    assert studio.ask("/studio/presets")["presets"] == []
