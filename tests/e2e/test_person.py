"""The person of a clip in a real browser: seen, clicked on, painted, kept with the clip, replaced by a matte."""

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, Request, Route, expect

from tests.e2e.test_page import PHONE
from tests.e2e.test_studio import upload
from tests.e2e.waiting import resting
from tests.journeys import filmed
from tests.studios import App
from utils.people.matte_exchange import MatteFile, write_matte
from utils.walker import Shot

pytestmark = pytest.mark.slow

FORM = "document.querySelector('reshoot-form')"


@pytest.fixture(scope="session")
def other_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filmed(tmp_path_factory.mktemp("other"), Shot(size=(320, 180), frames=40, seed=2))


@pytest.fixture
def person(page: Page, studio: App, clip: Path) -> Locator:
    """The panel with a clip in it, opened."""
    upload(page, clip)
    panel = page.locator("reshoot-person")
    panel.locator("summary").click()
    expect(panel.locator(".shown img")).to_be_visible()
    return panel


def stroke(page: Page, person: Locator, *points: tuple[float, float]) -> None:
    """Paint along points of the picture, in shares of its sides."""
    expect(page.locator("reshoot-look")).to_have_attribute("aria-busy", "false")  # a preview that comes moves the panel
    box = resting(page, person.locator("canvas"))
    for number, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=1 if not number else 6)
        if not number:
            page.mouse.down()
    page.mouse.up()


def chosen(page: Page) -> dict[str, Any]:
    """The settings of the form that differ from the preset."""
    return dict(page.evaluate(f"{FORM}.values.changed()"))


def saved(page: Page, but: str = "") -> str:
    """The digest of the strokes in the form, once they are stored and others than before."""
    stored = f"(({FORM}.values.get('analysis.strokes') ?? '').match(/^[0-9a-f]{{64}}$/) ?? [''])[0]"
    page.wait_for_function(f"{stored} && {stored} !== '{but}'")
    return str(page.evaluate(stored))


def painted(page: Page, person: Locator) -> str:
    """Paint one stroke; returns the digest under which it is stored."""
    person.get_by_label("Add", exact=True).check()
    stroke(page, person, (0.1, 0.8), (0.25, 0.8))
    return saved(page)


def pointed(page: Page, person: Locator) -> float:
    """Click on the person; returns how far from the left that is."""
    person.get_by_label("Who is meant", exact=True).check()
    stroke(page, person, (0.5, 0.6))
    page.wait_for_function(f"{FORM}.values.get('analysis.subject') === 'pointed'")
    return float(chosen(page)["analysis.point_x"])


def use(page: Page, settings: dict[str, Any]) -> None:
    """Let the form use settings again, as a result or a preset has them."""
    detail = {"form": "restyle", "settings": settings}
    page.evaluate("detail => { window.dispatchEvent(new CustomEvent('reshoot:use', { detail })) }", detail)


def started(page: Page) -> list[dict[str, Any]]:
    """What is sent when the form is submitted; the server is not asked."""
    bodies: list[dict[str, Any]] = []

    def take(route: Route) -> None:
        bodies.append(json.loads(route.request.post_data or ""))
        route.fulfill(status=400, json={"problem": "Taken.", "remedy": ""})

    page.route("**/studio/jobs", take)
    page.get_by_role("button", name="Restyle", exact=True).click()
    expect(page.locator("#reshoot-told")).to_contain_text("Taken.")
    return bodies


def test_a_click_says_who_is_meant(page: Page, person: Locator) -> None:
    with page.expect_response(
        lambda answer: answer.url.endswith("/look") and "pointed" in (answer.request.post_data or "")
    ):
        stroke(page, person, (0.5, 0.6))
    settings = chosen(page)
    assert settings["analysis.subject"] == "pointed" and abs(settings["analysis.point_x"] - 160) < 2
    assert abs(settings["analysis.point_y"] - 108) < 2
    person.get_by_role("button", name="The largest person again").click()
    assert "analysis.subject" not in chosen(page)


def test_strokes_are_painted_undone_and_part_of_the_job(page: Page, person: Locator, studio: App) -> None:
    before = person.locator(".shown img").get_attribute("src")
    person.get_by_text("Add", exact=True).click()
    stroke(page, person, (0.1, 0.8), (0.25, 0.8))
    expect(person.locator(".shown img")).not_to_have_attribute("src", before or "")
    expect(person.locator("summary")).to_contain_text("1 stroke")
    first = saved(page)
    person.get_by_text("Take away", exact=True).click()
    stroke(page, person, (0.5, 0.5))
    expect(person.locator("summary")).to_contain_text("2 strokes")
    page.wait_for_function(f"document.querySelector('reshoot-form').values.get('analysis.strokes') !== '{first}'")
    person.get_by_role("button", name="Undo").click()
    page.wait_for_function(f"document.querySelector('reshoot-form').values.get('analysis.strokes') === '{first}'")
    painted = studio.ask(f"/studio/strokes/{first}")
    assert [each["adds"] for each in painted["strokes"]] == [True] and painted["width_px"] == 320
    person.get_by_role("button", name="See it in the whole clip").click()
    expect(page.locator("#reshoot-told")).to_contain_text("The job is in line: see it under Jobs.")
    expect(page.get_by_role("tab", name="Create")).to_have_attribute("aria-selected", "true")
    expect(person.locator("summary")).to_contain_text("1 stroke")
    (matte,) = studio.until(lambda: [each for each in studio.home.glob("results/*/matte.mkv")
                                     if each.parent.suffix != ".part"], "result")  # fmt: skip
    mattes = list(MatteFile(matte).mattes())
    assert len(mattes) == 60 and sum((each[130:158, 30:80] > 127).mean() > 0.2 for each in mattes) > 50


def test_the_keyboard_paints_too(page: Page, person: Locator) -> None:
    person.get_by_label("Add", exact=True).check()
    person.locator("canvas").focus()
    for key in ("Shift+ArrowLeft", "Shift+ArrowLeft", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(person.locator("summary")).to_contain_text("1 stroke")
    person.get_by_role("button", name="Clear strokes").click()
    page.wait_for_function("!document.querySelector('reshoot-form').values.get('analysis.strokes')")


def test_a_matte_of_ones_own_is_used_if_it_fits(page: Page, person: Locator, clip: Path, tmp_path: Path) -> None:
    matte = np.zeros((180, 320), np.uint8)
    matte[40:140, 100:180] = 255
    for name, count in (("short.mkv", 59), ("right.mkv", 60)):
        write_matte(tmp_path / name, [matte] * count, Fraction(30))
    person.locator("input[type=file]").set_input_files(tmp_path / "short.mkv")
    expect(person.get_by_role("alert")).to_contain_text("short.mkv has 59 frames; this clip has 60")
    person.locator("input[type=file]").set_input_files(tmp_path / "right.mkv")
    expect(person.locator("summary")).to_contain_text("the matte right.mkv")
    assert len(chosen(page)["analysis.matte"]) == 64
    person.get_by_role("button", name="Remove the matte").click()
    assert "analysis.matte" not in chosen(page)
    page.get_by_text("Use only a part").click()
    page.get_by_label(re.compile("^To of .*")).first.fill("59")
    person.locator("input[type=file]").set_input_files(tmp_path / "short.mkv")
    expect(person.locator("summary")).to_contain_text("the matte short.mkv")


def test_what_is_set_for_a_clip_goes_and_comes_back_with_it(page: Page, person: Locator, other_clip: Path) -> None:
    digest, point = painted(page, person), pointed(page, person)
    page.locator("reshoot-clips input[type=file]").set_input_files(other_clip)
    which = page.get_by_label("Clip that is previewed")
    expect(which.locator("option")).to_have_count(2)
    expect(person).to_contain_text("What is set here belongs to walk.mp4 alone.")
    page.get_by_role("button", name="Restyle", exact=True).click()
    expect(page.locator("#reshoot-told")).to_contain_text("walk.mp4 has a clicked person, a matte or brush strokes")
    person.locator("summary").click()  # closed, it follows too
    which.select_option(index=1)
    page.wait_for_function(f"{FORM}.values.get('analysis.strokes') === null")
    assert not {"analysis.subject", "analysis.point_x", "analysis.strokes"} & chosen(page).keys()
    expect(person.locator("summary")).to_contain_text("Who is meant")
    which.select_option(index=0)
    expect(person.locator("summary")).to_contain_text("who was clicked on, 1 stroke")
    assert chosen(page)["analysis.strokes"] == digest and chosen(page)["analysis.point_x"] == point
    which.select_option(index=1)
    use(page, {"analysis.strokes": digest, "generate.seed": 7})
    expect(page.locator("#reshoot-told")).to_contain_text("not the brush strokes and what else belongs to another clip")
    page.locator("reshoot-clips .clip").first.get_by_role("button", name="Remove").click()
    expect(which).to_have_count(0)
    (told,) = started(page)
    assert not {"analysis.subject", "analysis.strokes"} & told["settings"].keys()


def test_a_clip_that_is_only_chosen_is_not_asked_about_with_strokes_of_another(
    page: Page, person: Locator, other_clip: Path
) -> None:
    digest = painted(page, person)
    page.locator("reshoot-clips input[type=file]").set_input_files(other_clip)
    which = page.get_by_label("Clip that is previewed")
    expect(which.locator("option")).to_have_count(2)
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if request.url.endswith("/look") else None)
    before = person.locator(".shown img").get_attribute("src")
    which.select_option(index=1)
    expect(person.locator(".shown img")).not_to_have_attribute("src", before or "")
    expect(person.get_by_role("alert")).to_have_count(0)
    assert asked and not any(digest in (request.post_data or "") for request in asked)


def test_a_reload_a_preset_and_another_kind_of_job_keep_them(page: Page, person: Locator) -> None:
    digest, point = painted(page, person), pointed(page, person)
    page.reload()
    summary = page.locator("reshoot-person summary")
    expect(summary).to_contain_text("who was clicked on, 1 stroke")
    use(page, {"generate.seed": 7})
    page.wait_for_function(f"{FORM}.values.get('generate.seed') === 7")
    assert chosen(page)["analysis.strokes"] == digest and chosen(page)["analysis.point_x"] == point
    page.get_by_label("Cut out", exact=True).check()
    expect(summary).to_contain_text("who was clicked on, 1 stroke")
    assert chosen(page)["analysis.strokes"] == digest and chosen(page)["analysis.subject"] == "pointed"


def test_people_paint_on_any_frame_of_what_is_cut_out(page: Page, person: Locator) -> None:
    page.get_by_label("Cut out", exact=True).check()
    expect(page.get_by_role("button", name="Compare all looks")).to_have_count(0)
    page.get_by_label("Moment", exact=True).fill("7")
    expect(person.locator(".shown img")).to_have_attribute("alt", re.compile("^Frame 7:"))


def test_a_part_is_looked_at_by_its_own_frames(page: Page, person: Locator) -> None:
    page.get_by_text("Use only a part").click()
    slow = page.get_by_role("button", name="Preview again")  # where one took long, the page does not ask by itself
    page.add_locator_handler(slow, lambda button: button.click(), no_wait_after=True)
    trim, moment = page.locator("reshoot-trim"), page.get_by_label("Moment", exact=True)
    trim.get_by_label(re.compile("^From .* in seconds")).fill("0.5")
    trim.get_by_label(re.compile("^To .* in seconds")).fill("1.0")
    expect(trim).to_contain_text("frames 15 to 29 of 60")
    expect(moment).to_have_attribute("min", "15")
    expect(moment).to_have_attribute("max", "29")
    for frame in ("29", "15", "21"):
        moment.fill(frame)
        expect(page.locator("reshoot-look [role=status]")).to_contain_text(re.compile(rf", frame {frame} .* made in"))
        expect(person.locator(".shown img")).to_have_attribute("alt", re.compile(f"^Frame {frame}:"))
    painted(page, person)
    (stroke,) = page.evaluate("[...document.querySelector('reshoot-person').paintings.values()][0].strokes")
    assert stroke["frame"] == 21


def test_an_outage_keeps_strokes_and_they_are_saved_when_it_ends(page: Page, person: Locator) -> None:
    first = painted(page, person)
    page.route("**/studio/strokes", lambda route: route.abort("connectionrefused"))
    stroke(page, person, (0.1, 0.3), (0.2, 0.3))
    expect(page.locator("#reshoot-told")).to_contain_text("The server does not answer.")
    stroke(page, person, (0.1, 0.5), (0.2, 0.5))
    expect(person.locator("summary")).to_contain_text("3 strokes")
    page.get_by_role("button", name="Restyle", exact=True).click()
    expect(page.locator("#reshoot-told")).to_contain_text("The brush strokes are still being saved.")
    page.unroute("**/studio/strokes")
    digest = saved(page, but=first)
    page.route("**/studio/strokes/*", lambda route: route.abort("connectionrefused"))
    page.reload()
    expect(page.locator("reshoot-person summary")).to_contain_text("brush strokes")
    page.unroute("**/studio/strokes/*")
    expect(page.locator("reshoot-person summary")).to_contain_text("3 strokes")
    assert chosen(page)["analysis.strokes"] == digest


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_it_fits_a_phone_and_everybody(page: Page, person: Locator) -> None:
    expect(person.locator(".busy")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    found = Axe().run(page, context="reshoot-person").response["violations"]
    assert not found, json.dumps(found, indent=1)[:2000]
