"""Waiting for what is meant, where Playwright waits for nothing by itself: a place on the page, and a count of ours."""

from collections.abc import Callable

from playwright.sync_api import FloatRect, Locator, Page

PATIENCE_MS, STEP_MS = 60_000, 50


def until(page: Page, done: Callable[[], bool], what: str) -> None:
    """Let the page go on until something is so."""
    for _ in range(PATIENCE_MS // STEP_MS):
        if done():
            return
        page.wait_for_timeout(STEP_MS)
    raise AssertionError(f"no {what}")


def resting(page: Page, thing: Locator) -> FloatRect:
    """Where a thing lies once it has stopped moving: what is still drawn above it would push it away."""
    thing.scroll_into_view_if_needed()
    places = [thing.bounding_box()]

    def rests() -> bool:
        page.wait_for_timeout(2 * STEP_MS)
        places.append(thing.bounding_box())
        return bool(places[-1]) and places[-1] == places[-2]

    until(page, rests, "place where it rests")
    found = places[-1]
    assert found
    return found
