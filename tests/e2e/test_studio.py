"""What a person does with the studio, from a file to a finished clip and back, in a real browser."""

import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from pipeline.jobs.workers.ahead_log import AheadLog, Note
from tests.journeys import filmed
from tests.studios import App
from utils.home import cache_folder
from utils.media.intake import probe
from utils.media.xmp import read_settings
from utils.store import Figures
from utils.store.usage_stats import UsageStats
from utils.walker import Shot

pytestmark = pytest.mark.slow

PATIENCE_MS = 60_000


@pytest.fixture(scope="session")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some seconds of work, time enough to stop it."""
    return filmed(tmp_path_factory.mktemp("long"), Shot(size=(320, 180), frames=150, seed=3))


@pytest.fixture
def new_clip(tmp_path: Path) -> Path:
    """One that no other test shows to the app, so that its job takes some time."""
    return filmed(tmp_path, Shot(size=(320, 180), frames=60, seed=7))


def upload(page: Page, clip: Path) -> Locator:
    """A clip in the form, with all that is told of it."""
    page.get_by_role("tab", name="Create").click()
    page.locator("reshoot-clips input[type=file]").set_input_files(clip)
    card = page.locator("reshoot-clips .clip.ready").first
    expect(card.locator(".estimates")).to_be_visible()
    return card


def submit(page: Page, clip: Path, look: str) -> Locator:
    """A job in the list of jobs."""
    upload(page, clip)
    page.get_by_label("Fast", exact=True).check()
    page.get_by_label(look, exact=True).check()
    page.get_by_role("button", name="Restyle", exact=True).click()
    card = page.locator("reshoot-jobs [data-job].job").filter(has_text=look.lower()).first
    expect(card).to_be_visible()
    return card


def state(card: Locator, text: str) -> None:
    """Wait until a job is said to be in a state."""
    expect(card.locator(".chip").first).to_have_text(text, timeout=2 * PATIENCE_MS)


def test_from_a_file_to_a_finished_clip_and_its_settings_back(
    page: Page, studio: App, new_clip: Path, tmp_path: Path
) -> None:
    facts = upload(page, new_clip)
    expect(facts).to_contain_text("320 × 180")
    for preset in ("Fast", "Balanced", "Quality"):
        expect(facts).to_contain_text(preset)

    look = page.locator("reshoot-look")
    after = look.locator(".pictures img.after")
    expect(after).to_be_visible(timeout=2 * PATIENCE_MS)
    expect(look).to_contain_text(re.compile(r"Person found in \d+ of \d+ frames"))
    painted = after.get_attribute("src")
    page.get_by_label("Ink", exact=True).check()
    page.get_by_role("button", name="Preview", exact=True).click()
    expect(after).not_to_have_attribute("src", str(painted))

    page.get_by_label("Fast", exact=True).check()
    page.get_by_label("Ink", exact=True).check()
    page.get_by_role("button", name="Restyle", exact=True).click()
    card = page.locator("reshoot-jobs [data-job].job").filter(has_text="ink").first
    bar = card.get_by_role("progressbar")
    expect(bar).to_be_visible()
    page.reload()
    state(card, "Done")

    page.emulate_media(reduced_motion="reduce")  # nothing plays by itself
    card.get_by_role("button", name="Show result").click()
    result = page.locator("reshoot-result")
    expect(result.locator(".stage video").first).to_be_visible()
    expect(page).to_have_url(re.compile("#result="))
    _wipe(page, result)

    with page.expect_download() as download:
        result.get_by_role("link", name=re.compile("Download the clip")).click()
    master = tmp_path / "restyled.mp4"
    download.value.save_as(master)
    assert len(probe(master)) == len(probe(new_clip))
    kept = read_settings(master)
    assert kept and kept["settings"]["generate.look"] == "ink"

    result.get_by_text("Report with plots").click()
    expect(result.frame_locator("iframe").get_by_role("heading").first).to_be_visible()

    page.get_by_role("tab", name="Create").click()
    page.get_by_label("Clay", exact=True).check()
    page.locator("reshoot-clips input[type=file]").set_input_files(master)
    page.get_by_role("button", name=re.compile("Use the settings")).click()
    expect(page.get_by_label("Ink", exact=True)).to_be_checked()
    expect(page.get_by_label("Fast", exact=True)).to_be_checked()

    page.get_by_role("tab", name="Dashboard").click()
    expect(page.locator("reshoot-dashboard")).to_contain_text(new_clip.name)
    UsageStats(cache_folder(studio.home)).add("analyse", Figures(shared_hits=2, shared_spared_s=90.0, fetched_s=1.0))
    expect(page.locator("reshoot-dashboard")).to_contain_text("2 in the shared cache")
    expect(page.locator("reshoot-dashboard")).to_contain_text("89 s saved")
    _figures(page, studio, new_clip)


def _figures(page: Page, studio: App, clip: Path) -> None:
    """What the dashboard tells of classes of results, of work ahead, and of what a video took."""
    made = Figures(ahead=4, ahead_s=9.0, ahead_bytes=5_000_000, ahead_used=3, ahead_saved_s=8.0)
    UsageStats(cache_folder(studio.home)).add("sound", made)
    log = AheadLog(studio.home)
    log.folder.mkdir(parents=True, exist_ok=True)
    log.write(Note("c" * 64, 0.0), 12.5)
    cache = page.get_by_role("region", name="By what results depend on")
    expect(cache.get_by_role("row").filter(has_text="Permanent")).to_contain_text("of the files' bytes alone")
    expect(cache.get_by_role("row").filter(has_text="Conditional")).to_contain_text("of settings too")
    expect(cache.get_by_role("row").filter(has_text="Made ahead")).to_contain_text("5.0 MB")
    said = "4 made ahead in 13 s, of which 3 (75 %) were used so far, which saved 8.0 s."
    expect(page.locator("reshoot-dashboard")).to_contain_text(said)
    page.get_by_role("button", name=f"for {clip.name}: steps").first.click()
    expect(page.locator("reshoot-dashboard .spent")).to_contain_text(re.compile("Computed in .* of memory at most"))


def _wipe(page: Page, result: Locator) -> None:
    """The divider moves, and both videos step together."""
    divider = result.get_by_label("Divider between before and after")
    divider.focus()
    page.keyboard.press("ArrowRight")
    expect(divider).to_have_value("51")
    frame = result.get_by_label("Frame", exact=True)
    before = int(frame.input_value())
    result.get_by_role("button", name="One frame on").click()
    expect(frame).to_have_value(str(before + 1))
    page.wait_for_function("""() => {
        const [one, other] = [...document.querySelectorAll('reshoot-wipe video')].map((video) => video.currentTime);
        return Math.abs(one - other) < 1 / 120;
    }""")


def test_a_job_is_cancelled_retried_and_finished(page: Page, long_clip: Path) -> None:
    card = submit(page, long_clip, "Noir")
    state(card, "Running")
    card.get_by_role("button", name=re.compile("^Cancel")).click()
    state(card, "Cancelled")
    card.get_by_role("button", name=re.compile("^Retry")).click()
    state(card, "Done")


def test_the_page_heals_when_the_server_dies_and_comes_back(page: Page, studio: App, long_clip: Path) -> None:
    second = page.context.new_page()
    card = submit(page, long_clip, "Golden")
    second.goto(f"{studio.url}/#jobs")
    other = second.locator("reshoot-jobs [data-job].job").filter(has_text="golden").first
    state(card, "Running")
    studio.stop(signal.SIGKILL)
    expect(page.locator("reshoot-jobs")).to_contain_text("server")
    studio.open()
    state(card, "Done")
    state(other, "Done")
    submit(page, long_clip, "Bleach")


def test_one_bad_clip_fails_alone_with_its_sentence(page: Page, clip: Path, tmp_path: Path) -> None:
    bad = tmp_path / "broken.mp4"
    bad.write_bytes(b"no clip at all" * 100)
    page.locator("reshoot-clips input[type=file]").set_input_files([bad, clip])
    refused = page.locator("reshoot-clips .clip.refused")
    expect(refused).to_contain_text("broken.mp4")
    expect(refused.locator(".alert")).to_be_visible()
    expect(page.locator("reshoot-clips .clip.ready .estimates")).to_be_visible()


def test_a_clip_that_the_server_fails_at_is_told_and_not_asked_for_again(page: Page, clip: Path) -> None:
    asked: list[str] = []

    def fails(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=500, json={"problem": "Something in Reshoot went wrong.", "remedy": "Try again."})

    page.route(re.compile("/studio/clips/[0-9a-f]{64}$"), fails)
    page.locator("reshoot-clips input[type=file]").set_input_files(clip)
    expect(page.locator("reshoot-clips .clip.refused .alert")).to_contain_text("Something in Reshoot went wrong.")
    page.wait_for_timeout(2500)
    assert len(asked) == 1


def test_work_without_a_clip_is_refused_with_a_next_step(page: Page) -> None:
    page.get_by_role("button", name="Restyle", exact=True).click()
    expect(page.locator("#reshoot-told")).to_contain_text("There is no clip yet. Add one, or try the example.")


def test_a_preset_fills_the_form(page: Page) -> None:
    page.get_by_text("Advanced", exact=True).click()
    page.get_by_text("The file", exact=True).click()
    crf = page.get_by_role("spinbutton", name=re.compile(r"Compression \(CRF\)"))
    expect(crf).to_have_value("18")
    page.get_by_label("Quality", exact=True).check()
    expect(crf).to_have_value("14")


def test_everything_can_be_done_with_the_keyboard(page: Page, clip: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose clips").focus()
        page.keyboard.press("Enter")
    chooser.value.set_files(clip)
    expect(page.locator("reshoot-clips .clip.ready .estimates")).to_be_visible()
    reached = []
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.textContent.trim().slice(0, 40) || document.activeElement.value")
        )
        if reached[-1] == "Restyle":
            break
    assert "Restyle" in reached and "Preview" in reached, reached
    page.keyboard.press("Enter")
    expect(page.locator("reshoot-jobs [data-job].job").first).to_be_visible()
