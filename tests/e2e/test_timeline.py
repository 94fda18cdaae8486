"""The timeline of a guide in a real browser: structure videos and pictures placed, previewed, made, and found again."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from pipeline.jobs.results import Results
from tests.e2e.test_studio import state, upload
from tests.e2e.waiting import resting
from tests.panned import panned
from tests.studios import App
from utils.size import Size

pytestmark = pytest.mark.slow


def test_structure_videos_and_a_picture_make_one_guide(page: Page, studio: App, tmp_path: Path) -> None:
    for name, step in (("first.mp4", (3, 0)), ("second.mp4", (0, -3))):
        upload(page, panned(tmp_path / name, Size(160, 96), [step] * 19).path)
    cv2.imwrite(str(tmp_path / "start.png"), np.full((96, 160, 3), 90, np.uint8))
    page.get_by_role("group", name="What to do").get_by_label("Guide", exact=True).check()
    timeline = page.locator("reshoot-timeline")
    expect(timeline).to_contain_text("Each clip leads a guide of its own.")
    timeline.get_by_role("button", name="Add a structure video").click()
    expect(timeline).to_contain_text("40 frames, 1.7 s")
    timeline.get_by_label("Pictures for the timeline").set_input_files(tmp_path / "start.png")
    expect(timeline.get_by_alt_text("The picture at frame 0")).to_be_visible()

    last = timeline.get_by_label("Leads frames: last of structure video 1")
    last.fill("25")
    last.press("Tab")
    expect(timeline.get_by_role("alert")).to_contain_text("Two structure videos lead the frames 20 to 25.")
    page.get_by_role("button", name="Guide", exact=True).click()
    expect(page.locator("#reshoot-told")).to_contain_text("They may meet, but not overlap.")
    last.fill("14")
    last.press("Tab")
    expect(timeline.get_by_role("img", name="nothing leads frames 15 to 19")).to_be_visible()
    box = resting(page, timeline.locator(".block[data-at='1']"))
    y, step_px = box["y"] + 20, box["width"] / 20
    page.mouse.move(box["x"] + 60, y)
    page.mouse.down()
    page.mouse.move(box["x"] + 60 - 2.0 * step_px, y, steps=4)
    page.mouse.up()
    expect(timeline.get_by_label("Leads frames: first of structure video 2")).to_have_value("18")
    timeline.get_by_label("Shows of structure video 2").select_option("edge")

    frame = timeline.locator("reshoot-guide-frame")
    frame.get_by_label("Frame").fill("16")
    expect(frame.get_by_role("status")).to_contain_text("Nothing leads this frame")
    expect(frame.get_by_alt_text("The picture of the guide.")).to_be_visible()
    page.reload()
    expect(timeline.get_by_role("img", name="nothing leads frames 15 to 17")).to_be_visible()

    page.get_by_role("button", name="Guide", exact=True).click()
    card = page.locator("reshoot-jobs [data-job].job").filter(has_text="first.mp4").first
    state(card, "Done")
    place = Results.of(studio.home).place(str(card.get_attribute("data-job")))
    guidance = json.loads((place / "guidance.json").read_text())["guidance"]
    assert [each["frames"] for each in guidance["guided"]] == [[0, 15], [18, 38], [0, 1]]
    assert guidance["unguided"] == [[15, 18]]
    assert (place / "carried.mp4").is_file()

    card.get_by_role("button", name=re.compile("^Edit and run again")).click()
    expect(timeline.get_by_role("img", name="nothing leads frames 15 to 17")).to_be_visible()
    timeline.get_by_role("button", name="Clear").click()
    expect(timeline.locator(".rows")).to_have_count(0)
