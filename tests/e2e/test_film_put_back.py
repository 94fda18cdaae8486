"""What people put back in the Finish tab, by words or on the timeline, is not cut when the clip is analysed again."""

import pytest
from playwright.sync_api import expect

from tests.e2e.film_desk import FILM, Desk

pytestmark = pytest.mark.slow


def again(desk: Desk, breath_s: str) -> None:
    """Look into the clip again, with another wish."""
    desk.tab.get_by_role("button", name="Look into it again").click()
    desk.tab.locator("details summary").click()
    desk.tab.get_by_label("Breath that stays").fill(breath_s)
    desk.look(FILM, "Look into it again")


def test_what_was_put_back_does_not_return(desk: Desk) -> None:
    page, tab = desk.page, desk.tab
    cut = desk.items("cut")
    assert [why.partition(":")[0] for _, _, why in desk.cuts()].count("silence") == 6
    for each, left in ((cut.nth(1), 7), (tab.locator(".item[data-row='cut'][title^='filler']"), 6)):
        each.focus()
        page.keyboard.press("Delete")
        expect(cut).to_have_count(left)
    desk.word(7).click()
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Delete")
    expect(desk.word(8)).to_have_attribute("aria-label", "should")
    cut.nth(-2).focus()
    for _ in range(10):
        page.keyboard.press("Alt+ArrowLeft")
    found, changes = desk.cuts(), desk.saved()["changes"]
    assert [why for _, _, why in found] == ["silence"] * 5
    assert sorted(each["was"] for each in changes["words"] if each["kept"]) == ["Um,", "You", "should", "some", "take"]
    assert len(changes["kept"]) == 3, "the pause and the take after it are one stretch"

    again(desk, "0.1")
    later = desk.cuts()
    assert [why for _, _, why in later] == ["silence"] * 5 and later != found
    for start, end, _ in later:
        assert not any(1000 * start < each["to_ms"] and each["from_ms"] < 1000 * end for each in changes["kept"])
    expect(desk.word(8)).to_have_attribute("aria-label", "should")
    expect(desk.word(18)).to_have_attribute("aria-label", "Um,")

    desk.word(18).click()
    page.keyboard.press("Delete")
    assert not any(each["was"] == "Um," and each.get("kept") for each in desk.saved()["changes"]["words"])
    again(desk, "0.15")
    assert [why for _, _, why in desk.cuts() if why != "silence"] == ["struck out: Um,", "filler: Um,"]


def test_a_cut_that_people_made_longer_stays_so(desk: Desk) -> None:
    cut = desk.items("cut").nth(-2)
    cut.focus()
    for _ in range(8):
        desk.page.keyboard.press("Alt+ArrowRight")
    end_s = desk.cuts()[-2][1]
    again(desk, "0.2")
    own = [each for each in desk.cuts() if each[2] == "cut by hand"]
    assert len(own) == 1 and own[0][1] == end_s
    again(desk, "0.15")
    assert [each for each in desk.cuts() if each[2] == "cut by hand"] == own
