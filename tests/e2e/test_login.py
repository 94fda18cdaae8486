"""Signing in and out, in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import PATIENCE_MS
from tests.studios import App, app

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app that asks who comes in."""
    with app(tmp_path_factory.mktemp("studio") / "home", "--no-worker", "--auth", "ada:correct horse") as studio:
        yield studio


@pytest.fixture
def page(browser: Browser, studio: App) -> Iterator[Page]:
    """Before anybody signed in."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{studio.url}/#jobs")
    yield page
    context.close()


def sign_in(page: Page, password: str) -> None:
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_the_right_password_opens_the_page_until_one_signs_out(page: Page, studio: App) -> None:
    sign_in(page, "battery staple")
    expect(page.get_by_role("alert")).to_contain_text("do not fit together")
    sign_in(page, "correct horse")
    expect(page.get_by_role("tab", name="Create")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    page.goto(studio.url)
    expect(page.get_by_label("Password")).to_be_visible()
