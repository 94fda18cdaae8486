"""A part of a clip is chosen with two handles and by numbers, made, and found again, in a real browser."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pipeline.jobs.results import Results
from pipeline.result.names import CLIP
from tests.e2e.test_studio import state, upload
from tests.studios import App
from utils.media.intake import probe
from utils.media.xmp import read_settings

pytestmark = pytest.mark.slow


def test_a_part_is_chosen_made_and_found_again(page: Page, studio: App, clip: Path) -> None:
    whole = len(probe(clip))
    upload(page, clip)
    page.get_by_text("Use only a part").click()
    trim = page.locator("reshoot-trim")
    expect(trim).to_contain_text(f"all {whole} frames")
    first, last = (trim.get_by_label(re.compile(f"^{name} of {clip.name}$")) for name in ("From", "To"))
    first.focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    expect(trim).to_contain_text(f"frames 6 to {whole - 1} of {whole}")
    ends_s = trim.get_by_label(re.compile("^To of .* in seconds"))
    ends_s.fill("1")
    expect(trim).to_contain_text(f"frames 6 to 29 of {whole}")
    expect(last).to_have_value("30")
    page.reload()
    expect(trim).to_contain_text(f"frames 6 to 29 of {whole}")

    page.get_by_label("Fast", exact=True).check()
    page.get_by_label("Watercolour", exact=True).check()
    page.get_by_role("button", name="Restyle", exact=True).click()
    card = page.locator("reshoot-jobs [data-job].job").filter(has_text="watercolour").first
    state(card, "Done")
    expect(card).to_contain_text("24 frames")
    job = str(card.get_attribute("data-job"))
    made = Results.of(studio.home).place(job) / CLIP
    assert len(probe(made)) == 24
    kept = read_settings(made)
    assert kept and (kept["settings"]["trim.from_s"], kept["settings"]["trim.to_s"]) == (0.2, 1.0)
    told = studio.ask(f"/studio/results/{job}")
    assert any(note.startswith(f"Only frames 6 to 29 of the {whole} in the file are used") for note in told["notes"])

    page.get_by_role("tab", name="Create").click()
    upload(page, clip)
    trim.get_by_role("button", name="Whole clip").click()
    expect(trim).to_contain_text(f"all {whole} frames")
    page.get_by_role("tab", name="Jobs").click()
    card.get_by_role("button", name=re.compile("^Edit and run again")).click()
    expect(trim).to_contain_text(f"frames 6 to 29 of {whole}")
