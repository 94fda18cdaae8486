"""A person sees the first finished part of a job, and stops it to change the settings, or lets it go on."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.test_studio import PATIENCE_MS, state, submit
from tests.journeys import filmed
from tests.studios import App, app
from utils.project import PROJECT_ROOT
from utils.walker import Shot

pytestmark = pytest.mark.slow


SLOWLY = """
import sys
if "pipeline.jobs.workers.worker" in sys.orig_argv:
    import time
    from pipeline.stage import Work

    told = Work.report
    def report(self, done, total=None, note=""):
        told(self, done, total, note)
        if self.stage.startswith("make") and done:
            time.sleep(0.05)
    Work.report = report
"""
"""Every Python runs `sitecustomize` when it starts: this one makes workers restyle at 20 frames a second at most, so
that there is time to stop a small clip."""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app whose worker is slow."""
    folder = tmp_path_factory.mktemp("slowly")
    (folder / "sitecustomize.py").write_text(SLOWLY)
    with app(folder / "home", PYTHONPATH=os.pathsep.join((str(folder), str(PROJECT_ROOT)))) as studio:
        yield studio


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Several parts, each of them some work."""
    return filmed(tmp_path_factory.mktemp("walk"), Shot(size=(320, 180), frames=120, seed=5))


def asked(card: Locator) -> Locator:
    """The part of the card that asks whether to go on, once it plays the first finished part."""
    first = card.locator(".first")
    expect(first.locator("video")).to_be_visible(timeout=2 * PATIENCE_MS)
    expect(first).to_contain_text("Stopping keeps all that is made so far")
    return first


def test_the_first_part_plays_and_stopping_leads_back_to_the_form(page: Page, studio: App, walk: Path) -> None:
    card = submit(page, walk, "Watercolour")
    first = asked(card)
    page.wait_for_function("document.querySelector('reshoot-jobs .first video').readyState >= 2")
    page.get_by_role("tab", name="Create").click()
    page.get_by_label("Ink", exact=True).check()
    page.get_by_label("Quality", exact=True).check()
    page.get_by_role("tab", name="Jobs").click()
    first.get_by_role("button", name=re.compile("^Stop and change")).click()

    expect(page.get_by_label("Watercolour", exact=True)).to_be_visible()
    expect(page.get_by_label("Watercolour", exact=True)).to_be_checked()
    expect(page.get_by_label("Fast", exact=True)).to_be_checked()
    expect(page.locator("reshoot-clips .clip.ready")).to_contain_text(walk.name)

    page.get_by_text("Advanced", exact=True).click()
    page.get_by_text("The file", exact=True).click()
    page.get_by_role("spinbutton", name=re.compile(r"Compression \(CRF\)")).fill("30")
    page.get_by_role("button", name="Restyle", exact=True).click()
    stopped = page.locator("reshoot-jobs .job.cancelled")
    expect(stopped).to_contain_text("What was made is kept")
    again = page.locator("reshoot-jobs .job.done")
    expect(again).to_be_visible(timeout=120_000)
    job = str(again.get_attribute("data-job"))
    stages = {each["job"]: each["stages"] for each in studio.ask("/studio/dashboard")["videos"]}[job]
    assert any(stage["hit"] for stage in stages if stage["name"].startswith("make")), "finished windows are used again"


def test_who_keeps_going_is_not_asked_again(page: Page, walk: Path) -> None:
    card = submit(page, walk, "Noir")
    asked(card).get_by_role("button", name=re.compile("^Keep going")).click()
    expect(card.locator(".first")).to_have_count(0)
    expect(card.locator("details summary").first).to_contain_text("Finished so far")
    page.reload()
    expect(card).to_be_visible()
    expect(card.locator(".first")).to_have_count(0)
    state(card, "Done")
