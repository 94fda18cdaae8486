"""The Finish tab in a real browser: a clip is looked into, its film edited by words and layers, kept, and finished."""

import json
import random
import re
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from pipeline.finish.film.built import timeline_of
from pipeline.finish.film.plan import plan_of
from pipeline.jobs.results import Results
from pipeline.result.names import CLIP
from tests.e2e.film_desk import FILM, RATE, Desk, opened
from tests.e2e.test_page import PHONE
from tests.e2e.test_studio import state
from tests.e2e.waiting import resting
from tests.espeak_child import RATE_HZ
from tests.films import clip, numbers
from tests.sound import sounding
from tests.studios import App
from tests.test_finish_draft import TALK, heard
from utils.film.timeline import Timeline
from utils.media.clip import Clip
from utils.speech.subtitles import as_srt

pytestmark = pytest.mark.slow


def test_a_film_is_edited_by_its_words_kept_and_finished(desk: Desk, talk: Clip) -> None:
    page, tab = desk.page, desk.tab
    silences = sum(why == "silence" for _, _, why in desk.cuts())
    assert silences == 6
    length = str(tab.locator(".length b").text_content())

    desk.word(3).click()
    expect(tab.get_by_role("slider", name="Play head")).to_have_attribute("aria-valuenow", "1.84")
    expect(desk.word(3)).to_have_class(re.compile("now"))
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Delete")
    expect(desk.word(4)).to_have_attribute("aria-label", "this, cut, struck out")
    assert (1.799, 2.197, "struck out: to this") in desk.cuts()
    expect(tab.locator(".length b")).not_to_have_text(length)
    page.keyboard.press("Control+z")
    expect(tab.locator(".length b")).to_have_text(length)
    page.keyboard.press("Control+Shift+z")
    expect(desk.word(3)).to_have_class(re.compile("gone"))

    expect(desk.word(18)).to_have_attribute("title", "Cut: filler: Um,")
    desk.word(18).click()
    tab.get_by_role("button", name="Put back").click()
    expect(desk.word(18)).to_have_attribute("aria-label", "Um,")
    desk.word(19).dblclick()
    page.keyboard.press("Control+a")
    page.keyboard.type("tea")
    page.keyboard.press("Enter")
    expect(desk.word(19)).to_have_text("tea")
    kept = desk.saved()
    cue = next(each for each in json.loads(kept["plan"]["subtitles"]["cues"])["cues"] if each["start_ms"] == 9500)
    assert cue["text"] == "Um, tea is good, too." and cue["words"][1] == {
        "text": "tea", "start_ms": 10120, "end_ms": 10464, "probability": 0.9,
    }  # fmt: skip
    assert [(each["was"], each.get("struck"), each.get("kept")) for each in kept["changes"]["words"]] == [
        ("to", True, None), ("this", True, None), ("Um,", None, True), ("coffee", False, None),
    ]  # fmt: skip

    page.reload()
    expect(desk.word(19)).to_have_attribute("aria-label", "tea, corrected, was coffee")
    tab.get_by_role("button", name="Look into it again").click()
    tab.get_by_label("Cut pauses").uncheck()
    desk.look(FILM, "Look into it again")
    expect(desk.word(4)).to_have_attribute("aria-label", "this, cut, struck out")
    expect(desk.word(19)).to_have_text("tea")
    assert (1.799, 2.197, "struck out: to this") in desk.cuts(), "as it is proposed for a struck word"
    assert {why.partition(":")[0] for _, _, why in desk.cuts()} == {"said again", "struck out"}
    expect(desk.word(18)).to_have_attribute("aria-label", "Um,")

    tab.get_by_role("checkbox", name="Zoom in the film").uncheck()
    tab.get_by_role("button", name=re.compile("^Subtitles")).click()
    tab.get_by_label("Place", exact=True).select_option("top")
    plan = plan_of(desk.saved()["plan"])
    tab.get_by_role("button", name="Finish", exact=True).click()
    card = page.locator("reshoot-jobs [data-job].job").filter(has_text="finish").first
    state(card, "Done")
    place = Results.of(desk.studio.home).place(str(card.get_attribute("data-job")))
    shown = [each for piece in timeline_of(plan, talk).pieces for each in piece]
    assert numbers(place / CLIP) == shown
    card.get_by_role("button", name="Show result").click()
    page.get_by_role("button", name="Go on with the film").click()
    expect(desk.word(19)).to_have_text("tea")
    said = (place / "result.srt").read_text()
    assert "Hello and welcome short talk." in said and "Um, tea is good, too." in said


def test_layers_are_placed_dragged_and_edited_on_the_timeline(desk: Desk, tmp_path: Path) -> None:
    page, tab = desk.page, desk.tab
    desk.word(11).click()
    tab.get_by_role("button", name="Add a title here").click()
    text = tab.get_by_label("Text", exact=True)
    expect(text).to_be_focused()
    text.fill("Water")
    title = desk.items("titles")
    expect(title).to_have_attribute("aria-label", "title, Water, 0:06.44 to 0:09.44")
    lane_px = tab.locator(".wave").evaluate("each => each.clientWidth")
    desk.drag(title, lane_px / TALK.ms * 1000)
    [moved] = desk.saved()["plan"]["titles"]
    assert abs(moved["from_s"] - 7.44) < 0.2 and round(moved["to_s"] - moved["from_s"], 3) == 3
    desk.drag(title, -lane_px / TALK.ms * 1000, at=0.99)
    [shorter] = desk.saved()["plan"]["titles"]
    assert shorter["from_s"] == moved["from_s"] and abs(shorter["to_s"] - moved["to_s"] + 1) < 0.2
    title.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Alt+ArrowLeft")
    [stepped] = desk.saved()["plan"]["titles"]
    assert round(stepped["from_s"] - shorter["from_s"], 3) == 1.04
    assert abs(stepped["to_s"] - shorter["to_s"] - 1) <= 0.02, "a frame on, a second on, and its end a frame back"
    expect(title).to_be_focused()
    tab.get_by_label("Colour", exact=True).fill("#ff8800")
    tab.get_by_label("Place", exact=True).select_option("top")

    cv2.imwrite(str(tmp_path / "logo.png"), np.full((40, 80, 3), 200, np.uint8))
    with page.expect_file_chooser() as chooser:
        tab.get_by_role("button", name="Add a picture here").click()
    chooser.value.set_files(tmp_path / "logo.png")
    expect(desk.items("pictures")).to_have_text("logo.png")
    opacity = tab.get_by_label("Opacity (%)")
    opacity.fill("50")
    opacity.press("Tab")
    tab.get_by_role("button", name="All of the film").click()
    tab.get_by_label("Zoom in the film").uncheck()
    desk.items("subtitles").nth(1).click()
    tab.get_by_label("Text", exact=True).fill("You should take some of it")
    page.keyboard.press("Tab")
    tab.get_by_role("button", name="Subtitles", exact=False).first.click()
    tab.get_by_role("checkbox", name="Mark each word while it is said").check()

    plan = desk.saved()["plan"]
    style = plan["titles"][0]["style"]
    assert (style["height"], style["place"], style["colour"]) == (0.09, "top", "#ff8800")
    assert [(each["from_s"], each["to_s"], each["opacity"]) for each in plan["pictures"]] == [(0, 86400, 0.5)]
    assert plan["zoom"]["on"] is False and plan["subtitles"]["karaoke"] is True
    assert json.loads(plan["subtitles"]["cues"])["cues"][1]["text"] == "You should take some of it"
    plan_of(plan)
    expect(tab.get_by_alt_text(FILM)).to_be_visible()
    desk.items("pictures").focus()
    page.keyboard.press("Delete")
    expect(desk.items("pictures")).to_have_count(0)
    less = tab.get_by_role("button", name="Show more time")
    expect(less).to_be_disabled()
    tab.locator(".wave").hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    expect(less).to_be_enabled()
    page.reload()
    expect(desk.items("titles")).to_have_attribute("title", "Water")
    expect(desk.items("pictures")).to_have_count(0)


def test_sound_and_b_roll_are_added_and_heard_of(desk: Desk, tmp_path: Path) -> None:
    page, tab = desk.page, desk.tab
    bed = sounding(tmp_path / "bed.mov", clip(tmp_path / "bed.mp4", 10, RATE), TALK.samples[:RATE_HZ], RATE_HZ)
    for button, path, row in (
        ("Choose music", bed.path, "music"),
        ("Add a sound here", bed.path, "effects"),
        ("Add b-roll here", clip(tmp_path / "hills.mp4", 40, RATE).path, "broll"),
    ):
        with page.expect_file_chooser() as chooser:
            tab.get_by_role("button", name=button).click()
        chooser.value.set_files(path)
        expect(desk.items(row)).to_have_attribute("title", path.name)
    plan = desk.saved()["plan"]
    assert plan["broll"][0]["seconds"] == 1.6 and re.fullmatch(r"[0-9a-f]{64}", plan["broll"][0]["file"])
    assert plan["music"]["file"] == plan["effects"][0]["file"] != plan["broll"][0]["file"]
    plan_of(plan)


def test_a_transcript_without_times_of_words_gives_cues_that_follow_the_words(
    page: Page, studio: App, talk: Clip, tmp_path: Path
) -> None:
    (tmp_path / "said.srt").write_text(as_srt(heard().cues))
    desk = opened(page, studio, talk)
    desk.tab.get_by_label("Transcript", exact=True).set_input_files(tmp_path / "said.srt")
    with page.expect_response(lambda each: each.url.endswith("/film") and each.request.method == "POST"):
        desk.tab.get_by_role("button", name="Look into it", exact=True).click()
    page.reload()  # it goes on
    expect(desk.word(0)).to_be_visible()
    cues = desk.items("subtitles")
    expect(cues).to_have_count(4)
    desk.word(12).click()
    page.keyboard.press("Delete")
    expect(cues.nth(1)).to_have_attribute("title", "You take some water with you")
    for index in range(7, 11):
        desk.word(index).click()
        desk.tab.get_by_role("button", name="Put back").click()
    expect(cues).to_have_count(5)
    expect(cues.nth(1)).to_have_attribute("title", "You should take some")
    desk.items("cut").last.focus()
    page.keyboard.press("Delete")
    assert desk.saved()["plan"]["cut"][-1]["to_s"] < 14
    cues.nth(1).focus()
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowUp")
    expect(cues.nth(2)).to_be_focused()
    said = json.loads(desk.saved()["plan"]["subtitles"]["cues"])["cues"]
    assert [(each["text"], each["start_ms"]) for each in said[1:3]] == [
        ("You should take some", 7280),
        ("You take some water with you", 6430),
    ], "one that was moved behind another one is still the same"


def test_a_transcript_of_another_clip_is_told_of_and_can_be_taken_away(
    page: Page, studio: App, talk: Clip, tmp_path: Path
) -> None:
    (tmp_path / "other.srt").write_text("1\n01:00:00,000 --> 01:00:02,000\nAn hour later\n")
    (tmp_path / "none.srt").write_text("nothing")
    desk = opened(page, studio, talk)
    transcript = desk.tab.get_by_label("Transcript", exact=True)
    transcript.set_input_files(tmp_path / "none.srt")
    expect(desk.tab.get_by_role("alert")).to_contain_text("none.srt")
    transcript.set_input_files(tmp_path / "other.srt")
    expect(desk.tab).to_contain_text("Transcript: other.srt")
    desk.tab.get_by_role("button", name="Look into it", exact=True).click()
    alert = desk.tab.get_by_role("alert")
    expect(alert).to_contain_text("other")
    page.reload()
    expect(alert).to_be_visible()
    desk.tab.get_by_role("button", name="Take it away").click()
    desk.tab.get_by_role("button", name="Look into it", exact=True).click()
    expect(desk.items("cut")).to_have_count(6)
    expect(desk.tab).to_contain_text("What is said is not written down.")


def test_looking_into_a_clip_is_told_of_and_can_be_stopped(page: Page, studio: App, tmp_path: Path) -> None:
    pictures = clip(tmp_path / "long.mp4", 1500, RATE)
    desk = opened(
        page, studio, sounding(tmp_path / "long.mov", pictures, np.resize(TALK.samples, 60 * RATE_HZ), RATE_HZ)
    )
    desk.tab.get_by_role("button", name="Look into it", exact=True).click()
    expect(desk.tab.get_by_role("progressbar")).to_have_attribute("aria-valuetext", re.compile(r"^\d+ %, \w"))
    desk.tab.get_by_role("button", name="Stop", exact=True).click()
    expect(desk.tab.get_by_role("alert")).to_have_text("It was stopped.")
    expect(desk.tab.get_by_role("button", name="Look into it", exact=True)).to_be_enabled()


WATCHED = """() => {
  const tab = document.querySelector("reshoot-film"), watched = (window.watched = []);
  const look = () => watched.push(
    tab.querySelector("[role=slider][aria-label='Play head']").getAttribute("aria-valuetext"),
    tab.querySelector(".screen .words").textContent);
  new MutationObserver(look).observe(tab, { subtree: true, childList: true, attributes: true, characterData: true });
}"""
"""All that the play head and the subtitles say from now on, though nobody looks at the right moment."""


def test_the_film_is_played_as_it_is_cut(desk: Desk) -> None:
    head = desk.tab.get_by_role("slider", name="Play head")
    desk.word(6).click()
    desk.page.evaluate(WATCHED)
    desk.page.keyboard.press("Space")
    expect(desk.tab.locator("video")).to_be_visible()
    desk.page.wait_for_function("window.watched.some((each) => /^0:0(6\\.[3-9]|7)/.test(each))")
    desk.page.wait_for_function("window.watched.includes('You should take some water with you')")
    desk.page.keyboard.press("Space")
    expect(desk.tab.locator("video")).to_be_hidden()
    expect(desk.tab.locator(".screen")).not_to_have_class(re.compile("old"))
    was = str(head.get_attribute("aria-valuenow"))
    desk.tab.get_by_role("button", name="One frame back").click()
    assert round(float(was) - float(str(head.get_attribute("aria-valuenow"))), 2) == 0.04


def test_another_window_is_not_overwritten_unasked(desk: Desk) -> None:
    other = desk.page.context.new_page()
    other.goto(f"{desk.studio.url}/#finish")
    beside = Desk(other, desk.studio, desk.clip)
    expect(beside.word(0)).to_be_visible()
    beside.word(0).click()
    other.keyboard.press("Delete")
    assert beside.saved()["changes"]["words"][0]["was"] == "Hello"
    desk.word(6).click()
    desk.page.keyboard.press("Delete")
    alert = desk.tab.locator(".top [role=alert]")
    expect(alert).to_be_visible()
    alert.get_by_role("button", name="Show the other one").click()
    expect(desk.word(0)).to_have_class(re.compile("gone"))
    expect(desk.word(6)).not_to_have_class(re.compile("gone"))


def test_what_was_not_sent_yet_survives_a_reload(desk: Desk) -> None:
    desk.saved()
    desk.page.route("**/film", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    desk.word(1).hover()
    desk.page.mouse.down()
    desk.word(2).hover()
    desk.page.mouse.up()
    desk.page.keyboard.press("Delete")
    expect(desk.word(2)).to_have_class(re.compile("gone"))
    desk.page.unroute_all(behavior="ignoreErrors")
    desk.page.reload()
    expect(desk.word(2)).to_have_class(re.compile("gone"))
    assert any(why == "struck out: and welcome" for _, _, why in desk.cuts())


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_on_a_phone_all_fits_and_can_be_touched(desk: Desk) -> None:
    page, tab = desk.page, desk.tab
    desk.items("punches").first.tap()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    small = """tab => [...tab.querySelectorAll("button:not(.item), select, input:not([type=checkbox])")]
      .filter(each => each.checkVisibility() && each.getBoundingClientRect().height < 44).map(each => each.outerHTML)"""
    assert tab.evaluate(small) == []
    less = tab.get_by_role("button", name="Show more time")
    expect(less).to_be_disabled()
    wave = tab.locator(".wave")
    wave.evaluate("each => each.scrollIntoView({block: 'end'})")
    box = resting(page, wave)
    fingers = page.context.new_cdp_session(page)
    for kind, apart in (("touchStart", 20), ("touchMove", 60), ("touchMove", 120), ("touchEnd", 0)):
        points = [{"x": 180 + side * apart, "y": box["y"] + 60, "id": side + 1} for side in (-1, 1) if apart]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(less).to_be_enabled()
    desk.word(4).tap()
    tab.get_by_role("button", name="One word more").tap()
    tab.get_by_role("button", name="Strike out").tap()
    expect(desk.word(5)).to_have_class(re.compile("gone"))


def test_nothing_is_wrong_for_a_screen_reader(desk: Desk) -> None:
    desk.items("cut").first.click()
    found = Axe().run(desk.page).response["violations"]
    ours = [each for each in found if any("reshoot-film" in str(node["target"]) for node in each["nodes"])]
    assert not ours, [(each["id"], each["nodes"][0]["html"]) for each in ours]


TIMES = """async ([cuts, rate, frames, moments]) => {
  const { FilmTime, rateOf } = await import("/studio/static/film-time.js");
  const time = new FilmTime(cuts, rateOf(rate), frames), shown = [];
  for (let index = 0; index < time.frames; index++) shown.push(Math.round(time.clipTime(index) * time.rate));
  return { shown, at: moments.map((each) => time.frameAt(each)) };
}"""


def test_the_browser_cuts_as_the_renderer_does(page: Page, tmp_path: Path) -> None:
    for rate, seed in ((Fraction(25), 1), (Fraction(30000, 1001), 2), (Fraction(24000, 1001), 3)):
        chance, length = random.Random(seed), 300
        end_s = float(length / rate)
        source = clip(tmp_path / f"{seed}.mp4", length, rate)
        edges = [round(chance.uniform(0, end_s), 3) for _ in range(24)]
        cuts = [{"from_s": start, "to_s": start + chance.choice((0.01, 0.2, 0.45))} for start in edges]
        timeline = Timeline.without(source, ((each["from_s"], each["to_s"]) for each in cuts))
        moments = [round(chance.uniform(0, end_s + 1), 3) for _ in range(50)]
        told = page.evaluate(TIMES, [cuts, str(rate), length, moments])
        assert told["shown"] == [each for piece in timeline.pieces for each in piece]
        assert told["at"] == [timeline.frame_at(each) for each in moments]
