"""Several clips at once, downloaded at once, and a result that is deleted, in a real browser."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_studio import upload
from tests.journeys import filmed
from tests.studios import App, app
from utils.walker import Shot

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app in which nobody did anything yet."""
    with app(tmp_path_factory.mktemp("studio") / "home") as studio:
        yield studio


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two short walks."""
    shots = [Shot(size=(160, 90), frames=20, seed=seed) for seed in (1, 2)]
    made = [filmed(tmp_path_factory.mktemp(f"batch{shot.seed}"), shot) for shot in shots]
    return [path.rename(path.with_name(f"{name}.mp4")) for path, name in zip(made, ("one", "two"), strict=True)]


def test_a_batch_is_downloaded_at_once_and_a_result_is_deleted(
    page: Page, studio: App, clips: list[Path], tmp_path: Path
) -> None:
    upload(page, clips[0])
    page.locator("reshoot-clips input[type=file]").set_input_files(clips[1])
    expect(page.locator("reshoot-clips .clip.ready")).to_have_count(2)
    page.get_by_label("Fast", exact=True).check()
    page.get_by_role("button", name="Restyle", exact=True).click()
    jobs = page.locator("reshoot-jobs")
    over = jobs.get_by_role("region", name="Ended batches")
    expect(over).to_contain_text("one.mp4 and 1 more", timeout=120_000)
    expect(jobs.locator(".job.done")).to_have_count(2)
    for each in jobs.locator(".job.done").all():
        expect(each).to_contain_text(re.compile(r"took \d+ s · started \d\d:\d\d.* · ended \d\d:\d\d"))
        expect(each.locator("img.still")).to_be_visible()
    page.wait_for_function(
        "[...document.querySelectorAll('reshoot-jobs img.still')].every((each) => each.naturalWidth > 0)"
    )

    with page.expect_download() as download:
        over.get_by_role("link", name="Download all 2 clips (zip)").click()
    download.value.save_as(tmp_path / "batch.zip")
    assert download.value.suggested_filename == "one.mp4 and 1 more.zip"
    with zipfile.ZipFile(tmp_path / "batch.zip") as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == ["one - restyled.mp4", "two - restyled.mp4"]

    jobs.locator(".job.done").filter(has_text="two.mp4").get_by_role("button", name=re.compile("^Show result")).click()
    result = page.locator("reshoot-result")
    expect(result.get_by_role("heading", name="two.mp4")).to_be_visible()
    result.get_by_role("button", name="Delete…").click()
    question = result.get_by_role("group", name=re.compile("^Confirm"))
    expect(question).to_contain_text("The source clip stays")
    question.get_by_role("button", name="Keep").click()
    expect(question).to_have_count(0)
    result.get_by_role("button", name="Delete…").click()
    question.get_by_role("button", name="Delete", exact=True).click()
    expect(result.get_by_role("heading", name="one.mp4")).to_be_visible()
    assert len(studio.ask("/studio/results")["results"]) == 1
    page.get_by_role("tab", name="Jobs").click()
    expect(jobs.locator(".job.done")).to_have_count(1)
