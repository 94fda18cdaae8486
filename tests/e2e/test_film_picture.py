"""The picture of the Finish tab where another window of the same browser looks at its film at the same time."""

import json

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.film_desk import FILM, Desk

pytestmark = pytest.mark.slow


def test_a_moment_that_another_window_was_shown_before_is_asked_for_again(page: Page, desk: Desk) -> None:
    overtaken = list[str]()
    told = {"problem": "This preview was given up for a newer one.", "remedy": "Wait for that one."}

    def answer(route: Route) -> None:
        if len(overtaken) == 2:
            return route.continue_()
        overtaken.append(route.request.url)
        return route.fulfill(status=409, content_type="application/json", body=json.dumps(told))

    page.route("**/look", answer)
    desk.word(12).click()
    picture = desk.tab.get_by_alt_text(FILM)
    expect(desk.tab.locator(".screen")).not_to_have_class("screen old")
    expect(picture).to_be_visible()
    assert len(overtaken) == 2
    expect(desk.tab.get_by_role("alert")).to_have_count(0)
