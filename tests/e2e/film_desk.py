"""The Finish tab as its tests use it: somebody talks over numbered frames, and a page in which that becomes a film."""

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.e2e.waiting import resting
from tests.espeak_child import RATE_HZ
from tests.films import clip
from tests.sound import sounding
from tests.studios import App
from tests.test_finish_draft import TALK, heard
from utils.media.clip import Clip

RATE = Fraction(25)
FILM = "The film at the play head"


def talking(folder: Path) -> Clip:
    """Somebody talks over frames that are numbered."""
    pictures = clip(folder / "pictures.mp4", int(TALK.ms * RATE // 1000), RATE)
    return sounding(folder / "talk.mov", pictures, TALK.samples, RATE_HZ)


@dataclass
class Desk:
    """The tab with the film of one clip in it."""

    page: Page
    studio: App
    clip: str

    @property
    def tab(self) -> Locator:
        return self.page.locator("reshoot-film")

    def word(self, index: int) -> Locator:
        return self.tab.locator(f"[data-word='{index}']")

    def items(self, row: str) -> Locator:
        return self.tab.locator(f".item[data-row='{row}']")

    def saved(self) -> dict[str, Any]:
        """What the server has, once everything is there."""
        expect(self.tab.locator(".saved")).to_have_text("Saved")
        told: dict[str, Any] = self.studio.ask(f"/studio/clips/{self.clip}/film")
        return told

    def cuts(self) -> list[tuple[float, float, str]]:
        return [(each["from_s"], each["to_s"], each["why"]) for each in self.saved()["plan"]["cut"]]

    def look(self, name: str, button: str = "Look into it") -> None:
        """Have the clip looked into, and wait for its words."""
        self.tab.get_by_role("button", name=button, exact=True).click()
        expect(self.word(0)).to_be_visible()
        expect(self.tab.get_by_alt_text(name)).to_be_visible()

    def drag(self, item: Locator, by_px: float, at: float = 0.5) -> None:
        """Drag an item by its middle, or by a place from 0 to 1 of its width."""
        box = resting(self.page, item)
        x, y = box["x"] + at * box["width"], box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + by_px / 2, y, steps=2)
        self.page.mouse.move(x + by_px, y, steps=2)
        self.page.mouse.up()


def opened(page: Page, studio: App, talk: Clip) -> Desk:
    """The tab with a clip that was added, which nobody has looked into in this browser."""
    id = studio.upload(talk.path)
    studio.until(lambda: studio.ask(f"/studio/clips/{id}")["state"] == "ready", "look at the clip")
    film = f"/studio/clips/{id}/film"
    studio.ask(film, {"version": studio.ask(film)["version"], "analysis": None, "plan": None, "changes": None})
    page.evaluate("each => localStorage.setItem('reshoot.clips', JSON.stringify([each]))", {"id": id, "title": "talk"})
    page.goto(f"{studio.url}/#finish")
    page.reload()
    return Desk(page, studio, id)


def looked_into(page: Page, studio: App, talk: Clip, folder: Path) -> Desk:
    """A clip that was looked into, with a transcript that has the times of words; its film is as it was proposed."""
    (folder / "said.json").write_text(json.dumps(heard().to_json()))
    desk = opened(page, studio, talk)
    desk.tab.get_by_label("Transcript", exact=True).set_input_files(folder / "said.json")
    expect(desk.tab).to_contain_text("Transcript: said.json")
    desk.look(FILM)
    return desk
