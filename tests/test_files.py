"""Files of the page out of memory: what comes, how small, how long it is kept, and what cannot be asked for."""

import gzip
import os
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from ui.files import Files

SCRIPT = "export const told = 'said';\n" * 200


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "page" / "looks").mkdir(parents=True)
    (tmp_path / "page" / "page.js").write_text(SCRIPT)
    (tmp_path / "page" / "looks" / "ink.jpg").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "secrets.json").write_text("{}")
    return tmp_path / "page"


@pytest.fixture
def browser(folder: Path) -> TestClient:
    app = FastAPI()
    app.mount("/static", Files(folder))
    app.mount("/named", Files(folder, named_by_content=True))
    return TestClient(app)


def test_a_file_comes_whole_and_small(browser: TestClient) -> None:
    answer = browser.get("/static/page.js", headers={"accept-encoding": "gzip, br"})
    assert answer.text == SCRIPT and answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["content-encoding"] == "gzip" and int(answer.headers["content-length"]) < len(SCRIPT) / 10
    with browser.stream("GET", "/static/page.js", headers={"accept-encoding": "gzip"}) as raw:
        assert gzip.decompress(b"".join(raw.iter_raw())).decode() == SCRIPT


def test_who_cannot_unpack_gets_it_unpacked_and_pictures_are_never_packed(browser: TestClient, folder: Path) -> None:
    plain = browser.get("/static/page.js", headers={"accept-encoding": "identity"})
    assert plain.text == SCRIPT and "content-encoding" not in plain.headers
    picture = browser.get("/static/looks/ink.jpg")
    assert picture.content == (folder / "looks" / "ink.jpg").read_bytes() and "content-encoding" not in picture.headers
    assert picture.headers["content-type"] == "image/jpeg"


def test_what_a_browser_has_is_not_sent_again_until_it_changes(browser: TestClient, folder: Path) -> None:
    first = browser.get("/static/page.js")
    assert first.headers["cache-control"] == "no-cache"
    tag = {"if-none-match": first.headers["etag"]}
    again = browser.get("/static/page.js", headers=tag)
    assert again.status_code == 304 and not again.content and again.headers["etag"] == first.headers["etag"]
    (folder / "page.js").write_text("changed")
    os.utime(folder / "page.js", ns=(1, 1))
    changed = browser.get("/static/page.js", headers=tag)
    assert changed.status_code == 200 and changed.text == "changed"


def test_names_that_change_with_what_is_in_them_are_kept_for_good(browser: TestClient) -> None:
    assert "immutable" in browser.get("/named/page.js").headers["cache-control"]


def test_the_head_alone(browser: TestClient) -> None:
    head, whole = browser.head("/static/page.js"), browser.get("/static/page.js")
    assert not head.content and head.headers["content-length"] == whole.headers["content-length"]


@pytest.mark.parametrize("name", ["", "looks", "looks/", "../secrets.json", "..%2fsecrets.json", "%00", "x.js"])
def test_nothing_else_can_be_asked_for(browser: TestClient, name: str) -> None:
    assert browser.get(f"/static/{name}").status_code == 404


def test_it_is_only_read(browser: TestClient) -> None:
    assert browser.post("/static/page.js").status_code == 405


def test_a_file_that_went_away_is_not_there(browser: TestClient, folder: Path) -> None:
    (folder / "page.js").unlink()
    assert browser.get("/static/page.js").status_code == 404
