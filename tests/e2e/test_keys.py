"""Frames to paint in a real browser: found, shown in order, added and left out, and downloaded."""

import base64
import io
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.e2e.test_page import PHONE
from tests.e2e.test_studio import PATIENCE_MS, upload

pytestmark = pytest.mark.slow

DROP = """(files) => {
  const transfer = new DataTransfer();
  const bytes = (content) => Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
  for (const [content, name] of files) transfer.items.add(new File([bytes(content)], name));
  const zone = document.querySelector('reshoot-keys .frames'), about = {dataTransfer: transfer, bubbles: true};
  for (const kind of ['dragover', 'drop']) zone.dispatchEvent(new DragEvent(kind, {...about, cancelable: true}));
}"""


def strip(page: Page, clip: Path) -> Locator:
    """The strip of a clip, with the engine chosen that goes between painted frames."""
    upload(page, clip)
    page.locator("label.option", has_text="Painted key frames").click()
    frames = page.get_by_role("list", name="Frames to paint, in order of time")
    expect(frames).to_be_visible(timeout=2 * PATIENCE_MS)
    return frames


def numbers(frames: Locator, names: str = ".head b") -> list[int]:
    """The frames that are shown, in their order."""
    return [int(re.findall(r"\d+", each)[0]) for each in frames.locator(names).all_inner_texts()]


def moved(page: Page, frame: int) -> None:
    page.get_by_label("Moment", exact=True).fill(str(frame))


def saved(page: Page, link: Locator) -> bytes:
    with page.expect_download() as download:
        link.click()
    return Path(download.value.path()).read_bytes()


def recoloured(content: bytes) -> bytes:
    """A picture of a frame, painted: red and blue changed, and paler."""
    pixels = np.array(Image.open(io.BytesIO(content)))
    pixels[..., :3] = pixels[..., 2::-1] // 8 * 6 + 30
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def given_out(page: Page) -> dict[str, bytes]:
    """The pictures of the strip, as they are downloaded."""
    content = saved(page, page.get_by_role("link", name=re.compile("Download all")))
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name: file.read(name) for name in file.namelist() if name.endswith(".png")}


def drop(page: Page, files: Mapping[str, bytes]) -> None:
    """Files dropped anywhere on the strip."""
    page.evaluate(DROP, [[base64.b64encode(content).decode(), name] for name, content in files.items()])


def test_frames_are_found_and_shown_in_order_of_time(page: Page, clip: Path) -> None:
    frames = strip(page, clip)
    shown = numbers(frames)
    assert shown == sorted(shown) and len(shown) >= 3
    first = frames.get_by_role("listitem").first
    expect(first).to_contain_text("Frame 0")
    expect(first).to_contain_text("The first frame of a shot with something to paint.")
    expect(first).to_contain_text(re.compile(r"Will make frames 0–\d+"))
    page.reload()
    expect(frames).to_be_hidden()  # the list of clips is empty again


def test_a_frame_is_added_at_the_slider_and_another_left_out(page: Page, clip: Path) -> None:
    frames = strip(page, clip)
    before = numbers(frames)
    own = next(frame for frame in range(1, 60) if frame not in before)
    moved(page, own)
    page.get_by_role("button", name=f"Add frame {own}, the one at the slider").click()
    expect(frames.locator("b", has_text=re.compile(rf"^Frame {own}$"))).to_be_visible()
    assert numbers(frames) == sorted([*before, own])
    frames.get_by_role("button", name=f"Leave frame {before[1]} out").click()
    expect(frames.get_by_role("listitem")).to_have_count(len(before))
    content = saved(page, page.get_by_role("link", name=f"Download all {len(before)}"))
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        listed = [key["frame"] for key in json.loads(file.read("keys.json"))["keys"]]
        assert listed == numbers(frames) and "README.txt" in file.namelist()
        picture = file.read(f"{own:06}.png")
    assert saved(page, frames.get_by_role("link", name=f"Download the picture of frame {own}")) == picture
    frames.get_by_role("button", name="Show frame 0 in the preview").click()
    expect(page.locator("reshoot-moment")).to_contain_text("Frame 0, at ")
    page.get_by_role("button", name=f"Put frame {before[1]} back").click()
    expect(frames.get_by_role("listitem")).to_have_count(len(before) + 1)
    page.get_by_role("button", name="The proposed frames again").click()
    expect(frames.get_by_role("listitem")).to_have_count(len(before))


@pytest.mark.parametrize("page", [{"viewport": {"width": 1280, "height": 900}}, PHONE], indirect=True)
def test_everybody_can_use_it(page: Page, clip: Path) -> None:
    frames = strip(page, clip)
    frames.focus()
    page.keyboard.press("Tab")
    expect(frames.get_by_role("button").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(frames.get_by_role("button").first).to_have_attribute("aria-current", "true")
    found = Axe().run(page, "reshoot-keys").response["violations"]
    assert not found, [(each["id"], each["nodes"][0]["html"]) for each in found]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_painted_pictures_come_back_and_show_how_far_they_reach(page: Page, clip: Path) -> None:
    frames = strip(page, clip)
    pictures = given_out(page)
    bar, first, *others = page.locator("reshoot-keys .trust"), *sorted(pictures)
    expect(bar).to_contain_text("reached by no painted frame")
    painted = frames.locator("li.painted")
    drop(page, {"my own name.png": recoloured(pictures[first]), "notes.txt": b"?", others[0]: pictures[others[0]]})
    expect(painted).to_have_count(1, timeout=2 * PATIENCE_MS)
    expect(painted).to_contain_text("Frame 0")
    refused = page.locator("reshoot-keys").get_by_role("alert")
    expect(refused).to_contain_text("'notes.txt' is no picture.")
    expect(refused).to_contain_text(f"'{others[0]}' is as it was given out: nobody painted on it.")
    expect(bar).to_contain_text("made from painted frames farther off than proposed")
    files: list[FilePayload] = [
        {"name": name, "mimeType": "image/png", "buffer": recoloured(pictures[name])} for name in others
    ]
    page.locator("reshoot-keys input[type=file]").set_input_files(files)
    expect(painted).to_have_count(len(pictures), timeout=2 * PATIENCE_MS)
    expect(refused).to_have_count(0)
    expect(bar).not_to_contain_text("farther off")
    expect(bar.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile(f"^{len(pictures)} of {len(pictures)} frames")
    )
    found = Axe().run(page, "reshoot-keys").response["violations"]
    assert not found, [(each["id"], each["nodes"][0]["html"]) for each in found]
    frames.get_by_role("button", name="Show frame 0 in the preview").click()
    expect(page.get_by_role("button", name="Compare four seeds")).to_have_count(0)
    page.get_by_role("button", name="Preview between painted frames").click()
    between = page.get_by_role("list", name="Frames between the painted ones")
    expect(between.get_by_role("listitem")).to_have_count(3, timeout=2 * PATIENCE_MS)
    seen = numbers(between, "button")
    assert seen == sorted(seen) and numbers(frames)[0] < seen[0] and seen[-1] < numbers(frames)[1]
    between.get_by_role("button").last.click()
    expect(page.locator("reshoot-moment")).to_contain_text(f"Frame {seen[-1]}, at ")
    expect(between.get_by_role("button", pressed=True)).to_have_text(f"Frame {seen[-1]}")
    frames.get_by_role("button", name="Take the painting of frame 0 away").click()
    expect(painted).to_have_count(len(pictures) - 1)
    expect(frames.get_by_role("button", name="Leave frame 0 out")).to_be_focused()
    kept = page.evaluate("document.querySelector('reshoot-form').choice.settings['generate.keys']")
    page.reload()
    strip(page, clip)
    expect(painted).to_have_count(len(pictures) - 1)
    assert page.evaluate("document.querySelector('reshoot-form').choice.settings['generate.keys']") == kept
    page.locator("label.option", has_text="Restyle (CPU, no model)").click()
    assert not page.evaluate("'generate.keys' in document.querySelector('reshoot-form').choice.settings")


def test_trust_ends_at_cuts_and_where_a_proposed_frame_is_not_painted(page: Page) -> None:
    """Two shots, of which the second begins with nobody in sight; the first is long."""
    known = {
        "shots": [[0, 300], [300, 340]], "seen": [[0, 300], [310, 340]], "span": [0, 340], "most_apart": 240,
        "proposed": [0, 20, 40, 310, 330],
    }  # fmt: skip
    module = "async ([name, ...given]) => (await import('/studio/static/keys-trust.js'))[name](...given)"

    def trust(*painted: int) -> list[tuple[str, int, int]]:
        runs = page.evaluate(module, ["trust", known, painted])
        return [(each["state"], each["start"], each["stop"]) for each in runs]

    assert trust() == [("none", 0, 300), ("nobody", 300, 310), ("none", 310, 340)]
    assert trust(0, 21, 290)[:3] == [("near", 0, 22), ("none", 22, 290), ("near", 290, 300)]
    assert trust(0, 40)[:3] == [("near", 0, 1), ("far", 1, 40), ("near", 40, 300)]
    assert trust(310, 330)[1:] == [("nobody", 300, 310), ("near", 310, 340)]

    def between(frame: int, *painted: int) -> list[int]:
        return list(page.evaluate(module, ["framesBetween", known, painted, frame]))

    assert between(5, 0, 20) == between(0, 0, 20) == [5, 10, 15]
    assert between(320, 310) == [318, 325, 333] and between(305, 20) == [] and between(0, 0, 2) == [1]


def test_without_a_painted_frame_nothing_begins(page: Page, clip: Path) -> None:
    strip(page, clip)
    expect(page.locator("reshoot-look")).to_contain_text("No frame is painted yet.")
    page.get_by_role("button", name="Restyle", exact=True).click()
    expect(page.locator("#reshoot-told .told")).to_contain_text("Paint at least one of each shot.")
    page.locator("label.option", has_text="Restyle (CPU, no model)").click()
    expect(page.locator("reshoot-keys")).to_be_hidden()
