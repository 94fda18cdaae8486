"""What a new home shows before the first clip: the example, ready at once, and its loop before and after."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.library import showcase
from pipeline.library.clips import EXAMPLE_TITLE, Clips
from tests.journeys import filmed, pictures
from ui.routes import clips
from ui.studio import Studio
from utils.media.probe import Limits, scan
from utils.walker import Shot

pytestmark = pytest.mark.slow

SHOT = Shot(size=(320, 180), frames=24)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as set-up leaves it, with a shorter walk."""
    folder = tmp_path_factory.mktemp("ready")
    filmed(folder, SHOT).rename(folder / EXAMPLE_TITLE)
    showcase.make(folder)
    return folder


def test_the_loop_is_the_clip_on_the_left_and_its_result_on_the_right(ready: Path) -> None:
    loop, source = scan(ready / showcase.LOOP, Limits()), scan(ready / EXAMPLE_TITLE, Limits())
    assert len(loop) == len(source) == SHOT.frames and loop.codec == "h264" and loop.pixel_format == "yuv420p"
    shown, before = next(iter(pictures(loop))), next(iter(pictures(source)))
    away, middle = np.abs(shown.astype(int) - before).mean(axis=2), SHOT.size[0] // 2
    assert away[:, : middle - 4].mean() < 6
    assert np.percentile(away[:, middle + 4 :], 99) > 40, "the half of the person in ink"
    assert shown[:, middle].mean() > 200, "the divider"


def test_a_home_takes_what_set_up_made(ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showcase, "READY_MADE", ready)
    monkeypatch.setattr("pipeline.library.inspection.film_example", lambda file: pytest.fail("it was rendered again"))
    showcase.prepare(tmp_path)
    kept = Clips(tmp_path)
    example = kept.get(kept.example_id())
    assert example.title == EXAMPLE_TITLE and example.state == "ready"
    assert showcase.loop_of(tmp_path) == ready / showcase.LOOP


def test_a_home_makes_the_loop_itself_where_set_up_did_not(
    ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_clip = tmp_path / "ready"
    only_clip.mkdir()
    (only_clip / EXAMPLE_TITLE).write_bytes((ready / EXAMPLE_TITLE).read_bytes())
    monkeypatch.setattr(showcase, "READY_MADE", only_clip)
    home = tmp_path / "home"
    assert showcase.loop_of(home) is None
    showcase.prepare(home)
    assert showcase.loop_of(home) == home / "showcase" / showcase.LOOP
    assert (home / "showcase" / showcase.LOOP).read_bytes() == (ready / showcase.LOOP).read_bytes()


def test_what_is_there_is_not_made_again(ready: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in ready.iterdir()}
    showcase.make(ready)
    assert {path: path.stat().st_mtime_ns for path in ready.iterdir()} == before


def test_the_page_is_told_of_the_loop_once_it_is_there(
    ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Ledger(database_url(tmp_path))) as ledger:
        page = FastAPI()
        page.include_router(clips.routes(Studio(tmp_path, ledger)), prefix="/studio")
        browser = TestClient(page)
        monkeypatch.setattr(showcase, "READY_MADE", tmp_path / "nothing")
        assert browser.get("/studio/clips/example/loop").json() == {"url": None}
        monkeypatch.setattr(showcase, "READY_MADE", ready)
        film = browser.get(browser.get("/studio/clips/example/loop").json()["url"], headers={"Range": "bytes=0-99"})
    assert film.status_code == 206 and film.headers["content-type"] == "video/mp4"
    assert film.content == (ready / showcase.LOOP).read_bytes()[:100]
