"""The form in a real browser: presets, changed values, what survives a reload, several kinds, and what is sent."""

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, Route, expect

from pipeline.kinds import find_kind
from pipeline.settings import Settings, presets
from tests.e2e.test_page import PHONE, WIDER
from tests.e2e.test_studio import upload
from tests.studios import App
from ui.forms import form

pytestmark = pytest.mark.slow

RESTYLE = find_kind("restyle")


def opened(page: Page, *groups: str) -> None:
    """Open Advanced and groups in it."""
    page.get_by_text("Advanced", exact=True).click()
    for group in groups:
        page.locator("reshoot-form .advanced summary").filter(has_text=group).click()


def field(page: Page, name: str) -> Locator:
    return page.locator(f'reshoot-form [data-field="{name}"]')


def sent(page: Page) -> dict[str, Any]:
    """What is sent when the form is submitted; the server is not asked."""
    bodies: list[dict[str, Any]] = []

    def take(route: Route) -> None:
        bodies.append(json.loads(route.request.post_data or ""))
        route.fulfill(status=400, json={"problem": "Taken.", "remedy": ""})

    page.route("**/studio/jobs", take)
    page.locator("reshoot-form [data-do=submit]").click()
    expect(page.locator("#reshoot-told")).to_contain_text("Taken.")
    page.unroute("**/studio/jobs")
    return bodies[0]


@pytest.mark.parametrize("preset", presets())
def test_an_untouched_form_says_nothing_beyond_its_preset(page: Page, clip: Path, preset: str) -> None:
    upload(page, clip)
    page.get_by_label(preset.capitalize(), exact=True).check()
    said = sent(page)
    assert said == {"kind": "restyle", "clips": said["clips"], "preset": preset, "settings": {}}
    assert len(said["clips"]) == 1


def test_a_preset_takes_nothing_back_that_was_chosen(page: Page) -> None:
    overlap = page.get_by_label("Overlap (frames)", exact=True)
    page.get_by_label("Noir", exact=True).check()
    page.route("**/studio/**", lambda route: route.abort())  # the server is not asked, so no answer can come late
    opened(page, "Segments")
    for preset, frames in {"Fast": "3", "Quality": "9", "Balanced": "5"}.items():
        page.get_by_label(preset, exact=True).check()
        expect(overlap).to_have_value(frames)
        expect(page.get_by_label("Overlap (frames), slider")).to_have_value(frames)
        expect(page.get_by_label("Noir", exact=True)).to_be_checked()


def test_every_control_sends_what_is_chosen_in_its_own_type(page: Page, clip: Path) -> None:
    upload(page, clip)
    opened(page, "Calming the camera", "What is made", "Feet", "The file")
    page.get_by_role("group", name="Segments").get_by_label("5", exact=True).check()
    page.get_by_label("Optimal", exact=True).check()
    page.get_by_label("Smoothing time (s)", exact=True).fill("2.5")
    page.get_by_label("Seed", exact=True).fill("4294967295")
    page.get_by_label("Largest correction (% of the leg), slider").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_label("Encoder effort (x264)", exact=True).select_option("Veryslow")
    asked = sent(page)["settings"]
    assert asked == {"segments.count": 5, "stabilise.method": "optimal", "stabilise.window_s": 2.5,
                     "generate.seed": 2**32 - 1, "foot_lock.limit_percent": 15.1,
                     "encode.x264_preset": "veryslow"}  # fmt: skip
    Settings.load("balanced", asked)


def test_a_changed_value_is_marked_and_can_be_set_back(page: Page) -> None:
    opened(page, "The file")
    crf = field(page, "encode.crf")
    number = crf.get_by_role("spinbutton")
    back = crf.get_by_role("button", name="Back to 18: Compression (CRF) was changed")
    expect(crf).not_to_have_class(re.compile("changed"))
    expect(back).to_be_hidden()
    number.fill("20")
    expect(crf).to_have_class(re.compile("changed"))
    expect(page.locator("reshoot-form .advanced > summary")).to_contain_text("1 changed")
    page.get_by_label("Quality", exact=True).check()
    expect(number).to_have_value("14")
    number.fill("18")
    back = crf.get_by_role("button", name="Back to 14")
    back.focus()
    page.keyboard.press("Enter")
    expect(number).to_have_value("14")
    expect(number).to_be_focused()
    expect(crf).not_to_have_class(re.compile("changed"))
    expect(page.locator("reshoot-form .advanced > summary")).not_to_contain_text("changed")


def test_a_value_out_of_its_range_is_told_at_its_field_and_stays_as_typed(page: Page, clip: Path) -> None:
    upload(page, clip)
    opened(page, "Segments")
    overlap = page.get_by_label("Overlap (frames)", exact=True)
    overlap.fill("99")
    page.locator("reshoot-form .advanced > summary").click()
    page.get_by_role("button", name="Restyle", exact=True).click()
    wrong = field(page, "segments.overlap_frames").locator(".wrong")
    expect(wrong).to_have_text(
        "“Overlap” cannot be 99: it takes a whole number from 1 to 33 frames. It is 5 now; leave it out to keep that."
    )
    expect(wrong).to_be_in_viewport()
    expect(overlap).to_be_focused()
    expect(overlap).to_have_value("99")
    expect(overlap).to_have_attribute("aria-invalid", "true")
    expect(overlap).to_have_accessible_description(re.compile("raise it when a join shows. “Overlap”"))
    overlap.fill("")
    expect(wrong).to_be_hidden()
    page.get_by_role("button", name="Preview", exact=True).click()
    expect(wrong).to_contain_text("cannot be nothing")
    overlap.fill("7")
    expect(overlap).not_to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Restyle", exact=True).click()
    expect(page.locator("#reshoot-told")).to_contain_text("in line")


def test_settings_that_do_not_go_together_are_told_at_one_of_them(page: Page, clip: Path) -> None:
    upload(page, clip)
    opened(page, "Feet")
    page.get_by_label("Planted below (leg lengths/s)", exact=True).fill("1.5")
    page.get_by_role("button", name="Restyle", exact=True).click()
    expect(field(page, "foot_lock.lift_leg_per_s").locator(".wrong")).to_contain_text("is below")


def test_what_is_chosen_survives_a_reload(page: Page) -> None:
    page.get_by_label("Fast", exact=True).check()
    page.get_by_label("Ink", exact=True).check()
    opened(page, "The file")
    page.get_by_label("Compression (CRF)", exact=True).fill("30")
    page.reload()
    expect(page.get_by_label("Fast", exact=True)).to_be_checked()
    expect(page.get_by_label("Ink", exact=True)).to_be_checked()
    expect(page.get_by_label("Compression (CRF)", exact=True)).to_have_value("30")
    expect(page.get_by_label("Overlap (frames)", exact=True)).to_have_value("3")


@pytest.mark.parametrize(
    ("kept", "look"),
    [
        ({"version": 1, "kind": "gone", "chosen": {"restyle": {"preset": "gone", "settings": {
            "generate.look": "ink", "no.such": 1, "segments.count": 4,
            "encode.crf": {"path": "/etc/passwd"}}}}}, "Ink"),
        ({"version": 0, "chosen": {"restyle": {"preset": "fast", "settings": {"generate.look": "ink"}}}}, "Paint"),
        ("huh", "Paint"), ([1], "Paint"), ({"version": 1, "chosen": {"restyle": 3}}, "Paint"),
    ],
)  # fmt: skip
def test_what_is_no_longer_a_setting_is_forgotten(page: Page, clip: Path, kept: object, look: str) -> None:
    page.get_by_role("button", name="Restyle", exact=True).wait_for()  # from then on the form keeps what is in it
    page.evaluate("(kept) => localStorage.setItem('reshoot.form', JSON.stringify(kept))", kept)
    page.reload()
    expect(page.get_by_label(look, exact=True)).to_be_checked()
    expect(page.get_by_label("Balanced", exact=True)).to_be_checked()
    upload(page, clip)
    assert sent(page)["settings"] == ({"generate.look": "ink"} if look == "Ink" else {})


def test_a_kept_picture_that_is_gone_is_told_and_no_longer_asked_for(page: Page) -> None:
    page.get_by_role("button", name="Restyle", exact=True).wait_for()  # from then on the form keeps what is in it
    kept = {"version": 1, "chosen": {"restyle": {"settings": {"generate.reference": "0" * 64}}}}
    page.evaluate("(kept) => localStorage.setItem('reshoot.form', JSON.stringify(kept))", kept)
    page.reload()
    expect(page.locator("reshoot-reference")).to_contain_text("not there any more")
    page.wait_for_function("!localStorage.getItem('reshoot.form').includes('0000')")


def test_it_works_where_nothing_can_be_kept(page: Page, studio: App, clip: Path) -> None:
    """As in windows that forbid storage."""
    page.add_init_script("""for (const name of ["localStorage", "sessionStorage"])
        Object.defineProperty(window, name, {get() { throw new DOMException("no", "SecurityError"); }});""")
    page.reload()
    upload(page, clip)
    page.get_by_label("Ink", exact=True).check()
    assert sent(page)["settings"] == {"generate.look": "ink"}
    page.get_by_role("button", name="Light or dark").click()
    page.get_by_role("button", name="Restyle", exact=True).click()
    expect(page.locator("reshoot-jobs [data-job].job").first).to_be_visible()


def test_a_job_is_edited_and_run_again(page: Page, studio: App, clip: Path) -> None:
    job = studio.finished(studio.upload(clip), generate__look="clay", encode__crf=30)
    page.get_by_role("tab", name="Jobs").click()
    card = page.locator(f'[data-job="{job}"]')
    card.get_by_role("button", name="Edit and run again").click()
    expect(page.get_by_label("Clay", exact=True)).to_be_checked()
    expect(page.get_by_label("Fast", exact=True)).to_be_checked()
    expect(page.get_by_label("Compression (CRF)", exact=True)).to_have_value("30")
    expect(page.locator("reshoot-clips .clip.ready")).to_have_count(1)
    said = sent(page)
    assert said["preset"] == "fast" and said["settings"] == {"generate.look": "clay", "encode.crf": 30}


def test_a_server_that_is_away_takes_nothing_of_the_form(page: Page, studio: App, clip: Path) -> None:
    upload(page, clip)
    page.get_by_label("Cel", exact=True).check()
    studio.stop(signal.SIGKILL)
    page.get_by_role("button", name="Restyle", exact=True).click()
    expect(page.locator("#reshoot-told")).to_contain_text("The server does not answer.")
    studio.open()
    expect(page.get_by_label("Cel", exact=True)).to_be_checked()
    page.get_by_role("button", name="Restyle", exact=True).click()
    expect(page.locator("reshoot-jobs [data-job].job").filter(has_text=re.compile(r"\bcel\b")).first).to_be_visible()


def test_a_form_that_does_not_come_is_told_and_comes_later(page: Page) -> None:
    page.route("**/studio/forms", lambda route: route.abort("connectionrefused"))
    page.reload()
    expect(page.locator("reshoot-form").get_by_role("status")).to_contain_text("The server does not answer.")
    page.unroute("**/studio/forms")
    expect(page.get_by_label("Ink", exact=True)).to_be_visible()


def test_of_several_kinds_one_is_chosen_and_each_keeps_its_settings(page: Page, clip: Path) -> None:
    upload(page, clip)
    kind = page.get_by_role("group", name="What to do")
    expect(kind.get_by_label("Restyle", exact=True)).to_have_accessible_description(RESTYLE.about)
    page.get_by_label("Ink", exact=True).check()
    kind.get_by_label("Steady", exact=True).check()
    expect(page.get_by_role("group", name="Preset")).to_have_count(0)
    expect(page.get_by_role("button", name="Preview", exact=True)).to_have_count(0)
    expect(page.locator("reshoot-look")).to_be_hidden()
    expect(page.get_by_label("Ink", exact=True)).to_have_count(0)
    page.get_by_label("Smoothing time (s)", exact=True).fill("3")
    said = sent(page)
    assert said == {"kind": "steady", "clips": said["clips"], "settings": {"stabilise.window_s": 3}}
    page.reload()
    expect(kind.get_by_label("Steady", exact=True)).to_be_checked()
    expect(page.get_by_label("Smoothing time (s)", exact=True)).to_have_value("3")
    kind.get_by_label("Restyle", exact=True).check()
    expect(page.get_by_label("Ink", exact=True)).to_be_checked()
    expect(page.get_by_label("Smoothing time (s)", exact=True)).to_have_value("1")
    expect(page.locator("reshoot-look")).to_be_visible()


def test_the_form_shows_what_the_chosen_engine_reads(page: Page, clip: Path) -> None:
    """And an engine that cannot run yet says so where it is chosen."""
    upload(page, clip)
    prompt, look = page.get_by_label("Prompt", exact=True), page.get_by_role("group", name="Look", exact=True)
    expect(look).to_be_visible()
    expect(prompt).to_be_hidden()
    page.get_by_label("Wan VACE", exact=False).check()
    expect(look).to_be_hidden()
    expect(field(page, "generate.engine")).to_contain_text("It cannot run here yet.")
    expect(field(page, "generate.engine")).to_contain_text("models fetch wan-vace-1.3b")
    page.get_by_text("Advanced", exact=True).click()
    card = page.get_by_text("The graphics card", exact=True)
    expect(card).to_be_visible()
    prompt.fill("a red raincoat\nin heavy rain")
    said = sent(page)["settings"]
    assert said == {"generate.engine": "vace", "generate.prompt": "a red raincoat\nin heavy rain"}
    page.reload()
    expect(prompt).to_have_value("a red raincoat\nin heavy rain")
    page.get_by_label("FLUX.2 klein", exact=False).check()
    expect(field(page, "generate.engine")).to_contain_text("models fetch flux2-klein-4b")
    expect(prompt).to_have_value("a red raincoat\nin heavy rain")
    page.get_by_label("Restyle (CPU, no model)", exact=True).check()
    expect(prompt).to_be_hidden()
    expect(card).to_be_hidden()
    expect(look).to_be_visible()
    expect(field(page, "generate.engine")).not_to_contain_text("It cannot run here yet.")


def test_with_one_kind_there_is_nothing_to_choose(page: Page) -> None:
    page.route("**/studio/forms", lambda route: route.fulfill(json={"forms": [form(RESTYLE)]}))
    page.reload()
    expect(page.get_by_label("Ink", exact=True)).to_be_visible()
    expect(page.get_by_role("group", name="What to do")).to_have_count(0)


def test_a_steady_clip_is_asked_for_and_its_settings_come_back(page: Page, clip: Path) -> None:
    """The second kind of job from the form to its result, and from there into the form again."""
    upload(page, clip)
    page.get_by_role("group", name="What to do").get_by_label("Steady", exact=True).check()
    page.get_by_label("Smoothing time (s)", exact=True).fill("0.5")
    page.get_by_role("button", name="Steady", exact=True).click()
    card = page.locator("reshoot-jobs [data-job].job").filter(has_text="gaussian, 0.5 s").first
    expect(card.get_by_role("button", name="Show result")).to_be_visible()
    card.get_by_role("button", name="Show result").click()
    result = page.locator("reshoot-result")
    expect(result).to_contain_text("Camera shake")
    expect(result.get_by_text("Report with plots")).to_have_count(0)
    page.get_by_role("tab", name="Create").click()
    page.get_by_role("group", name="What to do").get_by_label("Restyle", exact=True).check()
    page.get_by_role("tab", name="Result").click()
    result.get_by_role("button", name="Use these settings again").click()
    expect(page.get_by_label("Smoothing time (s)", exact=True)).to_have_value("0.5")


def unfold(page: Page) -> None:
    """Open all groups of settings, once they are there."""
    page.get_by_text("Advanced", exact=True).wait_for()
    page.evaluate("document.querySelectorAll('reshoot-form details').forEach((each) => { each.open = true; })")


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_on_a_phone_all_of_it_fits(page: Page) -> None:
    page.get_by_label("Ink", exact=True).check()
    unfold(page)
    page.get_by_label("Compression (CRF)", exact=True).fill("99")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(WIDER, "reshoot-form") == []
    expect(page.get_by_role("button", name="Restyle", exact=True)).to_be_in_viewport()


@pytest.mark.parametrize("page", [{"color_scheme": scheme} for scheme in ("light", "dark")], indirect=True)
def test_screen_readers_and_eyes_can_tell_all_of_it(page: Page, clip: Path) -> None:
    upload(page, clip)
    unfold(page)
    page.get_by_label("Overlap (frames)", exact=True).fill("99")
    page.get_by_role("button", name="Restyle", exact=True).click()
    expect(page.locator("reshoot-form .wrong:not([hidden])")).to_be_visible()
    for name in ("Look", "Made by", "Cut", "Preset"):
        expect(page.get_by_role("group", name=name, exact=True)).to_be_visible()
    expect(page.get_by_label("Overlap (frames)", exact=True)).to_have_accessible_description(re.compile("blend over"))
    found = Axe().run(page, "reshoot-form").response["violations"]
    assert not found, [(each["id"], each["nodes"][0]["html"]) for each in found]
