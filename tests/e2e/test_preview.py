"""The preview in a real browser: it follows what is chosen, or says that it shows something else."""

import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.test_page import PHONE
from tests.e2e.test_studio import PATIENCE_MS, upload
from tests.e2e.waiting import until
from tests.journeys import filmed
from tests.looks import HERE
from utils.walker import Shot

pytestmark = pytest.mark.slow

RETOLD = re.compile(r"made in \d")


@pytest.fixture(scope="session")
def other_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filmed(tmp_path_factory.mktemp("other"), Shot(size=(320, 180), frames=40, seed=2))


def shown(page: Page) -> Locator:
    """What the preview says of the picture that it shows."""
    return page.locator("reshoot-look [role=status]")


def previewed(page: Page, clip: Path) -> Locator:
    """The finished picture of a clip that was just added."""
    upload(page, clip)
    after = page.locator("reshoot-look .pictures img.after")
    expect(after).to_be_visible(timeout=2 * PATIENCE_MS)
    expect(shown(page)).to_contain_text(RETOLD)
    return after


def moved(page: Page, key: str = "PageDown") -> None:
    page.get_by_label("Moment", exact=True).focus()
    page.keyboard.press(key)


def test_it_follows_the_look(page: Page, clip: Path) -> None:
    after = previewed(page, clip)
    expect(shown(page)).to_contain_text("Paint, frame ")
    painted = after.get_attribute("src")
    page.get_by_label("Ink", exact=True).check()
    expect(shown(page)).to_contain_text(re.compile(r"^Person.*Ink, frame .* made in", re.S))
    expect(after).not_to_have_attribute("src", str(painted))
    page.get_by_label("Paint", exact=True).check()
    expect(after).to_have_attribute("src", str(painted))
    page.get_by_label("Strength", exact=True).first.fill("0.5")
    expect(after).not_to_have_attribute("src", str(painted))


def test_the_divider_goes_through_the_person_until_it_is_moved(page: Page, clip: Path) -> None:
    boxes: list[dict[str, Any]] = []
    page.on("response", lambda answer: boxes.append(answer.json()) if answer.url.endswith("/look") else None)
    previewed(page, clip)
    left, _, right, _ = boxes[0]["box"]
    divider = page.get_by_label("Divider between before and after").first
    expect(divider).to_have_value(str(round(50 * (left + right) / 320)))
    divider.fill("80")
    page.get_by_label("Ink", exact=True).check()
    expect(shown(page)).to_contain_text("Ink, frame ")
    expect(divider).to_have_value("80")


def test_while_it_shows_something_else_it_says_what(page: Page, clip: Path) -> None:
    previewed(page, clip)
    page.route("**/look", lambda route: route.fulfill(status=500, json={"problem": "No.", "remedy": "Wait."}))
    page.get_by_label("Ink", exact=True).check()
    expect(shown(page).locator(".stale")).to_contain_text(re.compile(r"This shows Paint, frame \d+ \(\d\.\d s\)\."))
    expect(page.locator("reshoot-look .pictures")).to_have_class(re.compile("old"))
    expect(page.locator("reshoot-look").get_by_role("alert")).to_have_text("No. Wait.")
    page.unroute("**/look")
    page.get_by_role("button", name="Preview again").click()
    expect(shown(page)).to_contain_text("Ink, frame ")
    expect(shown(page).locator(".stale")).to_have_count(0)
    expect(page.locator("reshoot-look .pictures")).not_to_have_class(re.compile("old"))


def test_what_was_stopped_is_told_to_be_of_before(page: Page, clip: Path) -> None:
    previewed(page, clip)
    held: list[Route] = []
    page.route("**/look", lambda route: held.append(route))
    page.get_by_label("Ink", exact=True).check()
    expect(shown(page)).to_contain_text("Still shown: Paint, frame ")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(shown(page).locator(".stale")).to_contain_text("This shows Paint")
    for each in held:
        each.abort()
    page.unroute("**/look")
    page.get_by_role("button", name="Preview again").click()
    expect(shown(page)).to_contain_text("Ink, frame ")


def test_a_job_without_previews_may_be_chosen_while_one_is_on_its_way(page: Page, clip: Path) -> None:
    """Its pictures are held back, so that its clock goes on while nothing of it is shown."""
    held: list[Route] = []
    page.route("**/studio/looks/**", lambda route: held.append(route))
    upload(page, clip)
    until(page, lambda: bool(held), "picture of the preview")
    page.get_by_label("Cut out", exact=True).check()
    expect(page.locator("reshoot-look .seconds")).to_have_count(0)
    page.wait_for_timeout(600)
    expect(page.locator("reshoot-look")).to_have_attribute("aria-busy", "true")
    for each in held:
        each.continue_()
    page.unroute("**/studio/looks/**")
    expect(page.locator("reshoot-look")).to_have_attribute("aria-busy", "false")


def test_the_moment_is_chosen_with_a_slider_and_told_to_the_page(page: Page, clip: Path) -> None:
    page.evaluate(
        "window.moments = []; document.addEventListener('moment', ({ detail }) => window.moments.push(detail))"
    )
    after = previewed(page, clip)
    first, source = page.evaluate("window.moments[0].frame"), after.get_attribute("src")
    expect(page.locator("reshoot-moment")).to_contain_text(f"Frame {first}, at ")
    expect(page.locator("reshoot-moment")).to_contain_text("(the clearest)")
    expect(page.locator("reshoot-moment .tile")).to_be_visible()
    moved(page, "Home")
    expect(shown(page)).to_contain_text(re.compile(r"Paint, frame 0 \(0.0 s\), made"))
    expect(page.locator("reshoot-moment")).to_contain_text("Frame 0, at 0.0 s")
    expect(after).not_to_have_attribute("src", str(source))
    moments = page.evaluate("window.moments")
    assert moments[-1]["frame"] == 0 and len(moments[-1]["clip"]) == 64
    page.get_by_role("button", name="Clearest moment").click()
    expect(after).to_have_attribute("src", str(source))
    page.wait_for_function("first => window.moments.at(-1).frame === first", arg=first)


def test_the_slider_keeps_the_keyboard_while_previews_come_and_go(page: Page, clip: Path) -> None:
    previewed(page, clip)
    moved(page, "Home")
    expect(shown(page)).to_contain_text(re.compile(r"Paint, frame 0 \(0.0 s\), made"))
    expect(page.get_by_label("Moment", exact=True)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("reshoot-moment")).to_contain_text("Frame 1, at ")


def test_the_picture_of_the_slider_is_that_of_its_frame(page: Page, clip: Path) -> None:
    """Of 60 frames, in rows of twelve."""
    previewed(page, clip)
    tile = page.locator("reshoot-moment .tile")
    for key, place in {"Home": "0px 0px", "ArrowRight": "-160px 0px", "End": "-1760px -360px"}.items():
        moved(page, key)
        expect(tile).to_have_css("background-position", place)


def test_all_looks_stand_side_by_side_and_a_click_chooses_one(page: Page, clip: Path) -> None:
    after = previewed(page, clip)
    page.get_by_role("button", name="Compare all looks").click()
    looks = page.get_by_role("list", name="This frame in all looks")
    expect(looks.get_by_role("listitem")).to_have_count(1 + len(HERE), timeout=2 * PATIENCE_MS)
    expect(looks.get_by_role("button", pressed=True)).to_have_text("Paint")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/look") else None)
    painted = after.get_attribute("src")
    looks.get_by_role("button", name="Noir").click()
    expect(page.get_by_label("Noir", exact=True)).to_be_checked()
    expect(after).not_to_have_attribute("src", str(painted))
    expect(shown(page)).to_contain_text("Noir, frame ")
    assert not asked, "it is there already"
    moved(page, "Home")
    expect(looks).to_have_class(re.compile("old"))
    expect(page.locator("reshoot-look .compare")).to_contain_text(
        re.compile(r"Shown: frame \d+, as it was chosen before")
    )
    found = Axe().run(page, "reshoot-look").response["violations"]
    assert not found, [(each["id"], each["nodes"][0]["html"]) for each in found]


def test_of_several_clips_one_is_chosen(page: Page, clip: Path, other_clip: Path) -> None:
    previewed(page, clip)
    page.locator("reshoot-clips input[type=file]").set_input_files(other_clip)
    which = page.get_by_label("Clip that is previewed")
    first = page.locator("reshoot-look .pictures img").first.get_attribute("src")
    expect(which.locator("option")).to_have_count(2)
    which.select_option(index=1)
    expect(page.locator("reshoot-look .pictures img").first).not_to_have_attribute("src", str(first))
    expect(shown(page)).to_contain_text(RETOLD)
    page.get_by_role("button", name="Remove").last.click()
    expect(which).to_have_count(0)
    expect(page.locator("reshoot-look .pictures img").first).to_have_attribute("src", str(first))
    expect(page.locator("reshoot-moment")).to_contain_text("(the clearest)")


def test_a_notice_goes_when_its_cause_is_gone(page: Page, clip: Path) -> None:
    page.get_by_role("button", name="Restyle", exact=True).click()
    told = page.locator("#reshoot-told .told")
    expect(told).to_contain_text("There is no clip yet.")
    upload(page, clip)
    expect(told).to_have_count(0)


def test_a_server_that_is_back_takes_back_that_it_is_away(page: Page, clip: Path) -> None:
    upload(page, clip)
    page.route("**/studio/jobs", lambda route: route.abort("connectionrefused"))
    page.get_by_role("button", name="Restyle", exact=True).click()
    told = page.locator("#reshoot-told .told")
    expect(told).to_contain_text("The server does not answer.")
    page.unroute("**/studio/jobs")
    page.get_by_label("Ink", exact=True).check()  # a preview is asked for, and comes
    expect(told).to_have_count(0)


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_on_a_phone_no_notice_lies_over_what_is_tapped(page: Page) -> None:
    page.get_by_role("button", name="Restyle", exact=True).tap()
    expect(page.locator("#reshoot-told .told")).to_be_visible()
    for name in ("Jobs", "Result", "Create"):
        page.get_by_role("tab", name=name).tap(timeout=3000)
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
    page.get_by_role("button", name="Restyle", exact=True).tap(timeout=3000)
