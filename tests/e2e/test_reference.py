"""The reference picture of the form, in a real browser: dropped, seen, removed, put back, and part of the job."""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, Locator, Page, Route, expect

from pipeline.engines.looks.styles import style_file
from tests.e2e.test_page import PHONE, WIDER
from tests.e2e.test_studio import upload
from tests.pictures import NOTE, coded, sunset
from tests.studios import App
from utils.digest import digest_bytes

pytestmark = pytest.mark.slow

PICTURE = coded(sunset(), "PNG")
DIGEST = digest_bytes(PICTURE)
DROP = """([content, name]) => {
  const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0)), transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name));
  const zone = document.querySelector('reshoot-reference .zone');
  for (const kind of ['dragenter', 'dragover', 'drop'])
    zone.dispatchEvent(new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));
}"""


@pytest.fixture
def control(page: Page) -> Locator:
    return page.locator("reshoot-reference")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "sunset.png"
    path.write_bytes(PICTURE)
    return path


def drop(page: Page, content: bytes, name: str) -> None:
    page.locator("reshoot-reference .zone").wait_for()
    page.evaluate(DROP, [base64.b64encode(content).decode(), name])


def shown(control: Locator, digest: str = DIGEST) -> Locator:
    """The small copy, once it is seen."""
    image = control.get_by_role("img")
    expect(image).to_have_attribute("src", f"/studio/references/{digest}")
    expect(image).to_be_visible()
    image.evaluate("(image) => image.decode()")
    assert image.evaluate("(image) => image.naturalWidth") == 60
    return image


def settings_of_newest(page: Page, studio: App) -> dict[str, Any]:
    """What the job was asked with that was put in line last."""
    job = page.locator("reshoot-jobs [data-job].job").first
    expect(job).to_be_visible()
    jobs = sorted(studio.ask("/studio/jobs")["jobs"], key=lambda each: each["created"])
    return dict(studio.ask(f"/studio/jobs/{jobs[-1]['id']}")["settings"])


def restyle(page: Page) -> None:
    page.get_by_role("button", name="Restyle", exact=True).click()
    expect(page.locator("#reshoot-told")).to_contain_text("in line")


def test_a_picture_is_dropped_seen_and_part_of_the_job(page: Page, studio: App, clip: Path, control: Locator) -> None:
    upload(page, clip)
    drop(page, PICTURE, "sunset.png")
    shown(control)
    expect(control).to_contain_text("sunset.png 60 × 40")
    expect(page.locator("reshoot-clips .clip")).to_have_count(1)  # it did not go to the clips
    restyle(page)
    assert settings_of_newest(page, studio)["generate.reference"] == DIGEST


def test_a_removed_picture_is_not_part_of_the_job(
    page: Page, studio: App, clip: Path, control: Locator, picture: Path
) -> None:
    """Chosen and removed with the keyboard alone."""
    upload(page, clip)
    with page.expect_file_chooser() as chooser:
        control.get_by_role("button", name="Choose a picture").focus()
        page.keyboard.press("Enter")
    chooser.value.set_files(picture)
    shown(control)
    control.get_by_role("button", name="Remove picture").focus()
    page.keyboard.press("Enter")
    expect(control.get_by_role("img")).to_have_count(0)
    expect(control.get_by_role("button", name="Choose a picture")).to_be_focused()
    restyle(page)
    assert "generate.reference" not in settings_of_newest(page, studio)


def test_a_picture_that_comes_along_is_taken_and_the_look_picture_takes_several(
    page: Page, studio: App, clip: Path, control: Locator
) -> None:
    upload(page, clip)
    page.get_by_label("Picture", exact=True).check()
    control.get_by_text("Pictures that come along").click()
    for count, name in enumerate(("woodcut", "glass"), start=1):
        control.get_by_role("button", name=name).click()
        expect(control.locator("li.kept")).to_have_count(count)
    expect(control).to_contain_text("woodcut.jpg 384 × 384")
    for look, unused in (("Ink", 1), ("Picture", 0)):
        page.get_by_label(look, exact=True).check()
        expect(control.locator("li.unused")).to_have_count(unused)
    restyle(page)
    settings = settings_of_newest(page, studio)
    assert settings["generate.reference"] == digest_bytes(style_file("woodcut").read_bytes())
    assert settings["generate.reference_2"] == digest_bytes(style_file("glass").read_bytes())


def test_what_is_no_picture_is_told_and_the_one_before_stays(page: Page, control: Locator) -> None:
    drop(page, PICTURE, "sunset.png")
    shown(control)
    drop(page, NOTE, "note.bmp")
    expect(control.get_by_role("alert")).to_contain_text("note.bmp: The file is not a picture that can be read.")
    shown(control)
    assert control.evaluate("(control) => control.value") == [DIGEST]


def test_a_picture_is_brought_to_life(page: Page, studio: App, clip: Path, control: Locator) -> None:
    upload(page, clip)
    page.get_by_role("radio", name="Animate").check()
    button = page.get_by_role("button", name="Animate", exact=True)
    button.click()
    expect(page.locator('[data-field="animate.anchor"] .wrong')).to_contain_text("“Picture” is missing")
    drop(page, PICTURE, "sunset.png")
    shown(control)
    expect(control).to_contain_text("such as a painting of that frame")
    page.get_by_role("spinbutton", name="Frames", exact=True).fill("4")
    button.click()
    expect(page.locator("#reshoot-told")).to_contain_text("in line")
    assert settings_of_newest(page, studio) == {"animate.anchor": DIGEST, "guide.frames": 4}
    job = next(each for each in studio.ask("/studio/jobs")["jobs"] if each["kind"] == "animate")["id"]
    studio.until(lambda: studio.ask(f"/studio/jobs/{job}")["state"] == "done", "result")
    assert [each["label"] for each in studio.ask(f"/studio/results/{job}")["files"]] == ["Animated clip", "Settings"]


def test_settings_bring_their_picture_back_and_take_it_away(page: Page, clip: Path, studio: App) -> None:
    control = page.locator("reshoot-reference")
    drop(page, PICTURE, "sunset.png")
    shown(control)

    def use(settings: dict[str, Any]) -> None:
        detail = json.dumps({"preset": "fast", "settings": settings})
        page.evaluate(f"window.dispatchEvent(new CustomEvent('reshoot:use', {{detail: {detail}}}))")

    use({"generate.look": "ink"})
    expect(control.get_by_role("img")).to_have_count(0)
    use({"generate.reference": DIGEST})
    shown(control)
    upload(page, clip)
    restyle(page)
    assert settings_of_newest(page, studio)["generate.reference"] == DIGEST
    page.get_by_role("tab", name="Create").click()
    use({"generate.reference": "0" * 64})
    expect(page.locator("#reshoot-told")).to_contain_text("but not their reference picture")
    expect(control.get_by_role("img")).to_have_count(0)


def test_work_does_not_begin_without_a_picture_that_is_on_its_way(page: Page, clip: Path, control: Locator) -> None:
    waiting: list[Route] = []
    page.route("**/studio/references", lambda route: waiting.append(route))
    upload(page, clip)
    drop(page, PICTURE, "sunset.png")
    expect(control).to_contain_text("Sending")
    page.get_by_role("button", name="Restyle", exact=True).click()
    expect(page.locator("#reshoot-told")).to_contain_text("A picture is still on its way.")
    control.get_by_role("button", name="Stop").click()
    expect(control).not_to_contain_text("Sending")
    assert control.evaluate("(control) => control.value") == []
    for each in waiting:
        with suppress(Error):  # the page has given it up
            each.abort()


@pytest.fixture
def filled(page: Page, control: Locator) -> Iterator[Locator]:
    """With a picture of a long name, and a problem."""
    drop(page, PICTURE, f"{'sunset-over-the-sea-' * 6}.png")
    shown(control)
    drop(page, NOTE, f"{'note' * 40}.bmp")
    expect(control.get_by_role("alert")).to_be_visible()
    yield control


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_on_a_phone_it_fits(page: Page, filled: Locator) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(WIDER, "reshoot-reference") == []
    for button in filled.get_by_role("button").all():
        box = button.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["height"] >= 40


@pytest.mark.parametrize("page", [{"color_scheme": scheme} for scheme in ("light", "dark")], indirect=True)
def test_screen_readers_and_eyes_can_tell_what_it_is(page: Page, filled: Locator) -> None:
    group = page.get_by_role("group", name="Reference picture (optional)")
    expect(group).to_have_accessible_description(re.compile("colours, contrast and texture"))
    expect(group.get_by_role("img")).to_have_accessible_name(re.compile("The reference picture sunset-over-the-sea"))
    found = Axe().run(page, "reshoot-reference").response["violations"]
    assert not found, [(each["id"], each["nodes"][0]["html"]) for each in found]
