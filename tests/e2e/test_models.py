"""The models in the page: what is here, a fetch by consent with its progress, and removal."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.hub import Fault, Hub, serving
from tests.studios import App, app
from tests.tiny_model import FIRST, MIB, SHARD_1, tiny_hub

pytestmark = pytest.mark.slow

PHONE = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True}
_hubs: list[Hub] = []


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app that asks a hub of the tests."""
    folder = tmp_path_factory.mktemp("models")
    with serving(tiny_hub(folder / "home")) as hub:
        _hubs[:] = [hub]
        with app(folder / "home", HF_ENDPOINT=hub.url, HF_HOME=str(folder / "hf")) as studio:
            yield studio


def row(page: Page) -> Locator:
    """The tiny model in the list of the dashboard."""
    page.get_by_role("tab", name="Dashboard").click()
    return page.locator("reshoot-models li[data-key='tiny']")


def test_a_model_is_fetched_after_consent_and_removed(page: Page) -> None:
    hub, tiny = _hubs[0], row(page)
    expect(tiny).to_contain_text("not here")
    tiny.get_by_role("button", name="Fetch").click()
    dialog = page.get_by_role("dialog", name="Fetch this model?")
    expect(dialog).to_contain_text("Apache-2.0, paid work is allowed")
    expect(dialog).to_contain_text(FIRST[:12])
    expect(dialog).to_contain_text("17.8 MB in 5 files")
    dialog.get_by_role("button", name="Not now").click()
    expect(dialog).to_be_hidden()
    assert not hub.downloads()

    tiny.get_by_role("button", name="Fetch").click()
    dialog.get_by_role("button", name="Fetch 18 MB").click()
    expect(tiny).to_contain_text("tiny is here")
    tiny.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog", name="Remove this model?").get_by_role("button", name="Remove").click()
    expect(tiny).to_contain_text("not here")


def test_a_fetch_outlives_its_page_and_can_be_stopped(page: Page, studio: App) -> None:
    hub, go, tiny = _hubs[0], threading.Event(), row(page)
    hub.faults[SHARD_1] = Fault(on_byte=(hub.sent[SHARD_1] + 14 * MIB, lambda: go.wait(120)))
    tiny.get_by_role("button", name="Fetch").click()
    page.get_by_role("dialog").get_by_role("button", name="Fetch 18 MB").click()
    expect(tiny.get_by_role("progressbar")).to_be_visible()
    page.reload()
    tiny = row(page)
    expect(tiny).to_contain_text("of 18 MB")
    for other in page.locator("reshoot-models").get_by_role("button", name=re.compile("^Fetch")).all():
        expect(other).to_have_attribute("aria-disabled", "true")
    tiny.get_by_role("button", name="Stop").click()
    go.set()
    expect(tiny).to_contain_text("What has arrived is kept")
    expect(tiny).to_contain_text("partly here")


def test_a_gated_model_is_said_in_a_sentence(page: Page) -> None:
    hub = _hubs[0]
    hub.status, hub.error_code = 403, "GatedRepo"
    row(page).get_by_role("button", name="Fetch").click()
    expect(page.locator("#reshoot-told")).to_contain_text("Accept its licence on")
    hub.status, hub.error_code = 200, ""


def test_what_is_refused_says_why(page: Page) -> None:
    row(page)
    page.get_by_text("Refused: 6, with the reasons").click()
    lucy = page.locator("reshoot-models li[data-key='lucy-edit']")
    expect(lucy).to_contain_text("its licence forbids commercial use")


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_on_a_phone_it_fits_and_reads_well(page: Page, tmp_path: Path) -> None:
    row(page).get_by_role("button", name="Fetch").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    serious = [each for each in Axe().run(page).response["violations"] if each["impact"] in ("serious", "critical")]
    ours = [each for each in serious if any("reshoot-" in str(node["target"]) for node in each["nodes"])]
    assert not ours, [(each["id"], each["nodes"][0]["html"]) for each in ours]
