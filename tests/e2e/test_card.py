"""A person sees how the graphics card was used, and what that cost: on the job's card, and on the dashboard."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.cards import played_card
from tests.e2e.test_studio import state, submit
from tests.journeys import filmed
from tests.studios import App, app
from utils.walker import Shot

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app whose worker finds a card."""
    folder = tmp_path_factory.mktemp("studio")
    packages = played_card(folder / "packages")
    with app(folder / "home", PYTHONPATH=packages, CUDA_VISIBLE_DEVICES="0", RESHOOT_CARD_PRICE="36") as studio:
        yield studio


def test_the_card_stands_on_the_job_that_used_it(page: Page, tmp_path: Path) -> None:
    card = submit(page, filmed(tmp_path, Shot(size=(192, 108), frames=12)), "Noir")
    state(card, "Done")
    expect(card).to_contain_text("graphics card 87 % busy while it was made, 23 GB taken at most")
    expect(card).to_contain_text(re.compile(r"Card time \d+ s for \d+\.\d\d"))
    expect(card).to_contain_text(re.compile(r"1 card \d+ s for [\d.]+ · 2 cards \d+ s for [\d.]+ · 4 cards"))
    page.get_by_role("tab", name="Dashboard").click()
    expect(page.locator("reshoot-dashboard")).to_contain_text(
        re.compile(r"Card used for \d+ s, idle for .*; 36 an hour")
    )
