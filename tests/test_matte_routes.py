"""Mattes and brush strokes given to the app: stored by digest, refused in a sentence, of one clip alone."""

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.studios import App, app
from tests.test_strokes import strokes
from utils.people.matte_exchange import write_matte

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with app(tmp_path_factory.mktemp("mattes") / "home", "--no-worker") as studio:
        yield studio


def answered(studio: App, path: str, body: object) -> tuple[int, dict[str, Any]]:
    status, content = studio.answer(path, body, "POST")
    return status, json.loads(content)


def test_a_matte_is_stored_by_its_digest(studio: App, tmp_path: Path) -> None:
    write_matte(tmp_path / "matte.zip", [np.full((40, 60), 255, np.uint8)] * 3, Fraction(25))
    content = (tmp_path / "matte.zip").read_bytes()
    status, told = answered(studio, "/studio/mattes", content)
    assert status == 201 and (told["frames"], told["width_px"], told["height_px"]) == (3, 60, 40)
    assert [path.read_bytes() for path in (studio.home / "mattes").iterdir()] == [content]
    assert answered(studio, "/studio/mattes", content)[1]["digest"] == told["digest"]


def test_what_is_no_matte_is_refused_and_leaves_nothing(studio: App) -> None:
    before = sorted(studio.home.glob("mattes/*"))
    status, told = answered(studio, "/studio/mattes", b"no matte at all")
    assert status == 400 and told["problem"].endswith(".") and told["remedy"]
    assert sorted(studio.home.glob("mattes/*")) == before


def test_strokes_come_back_as_they_were(studio: App) -> None:
    digest = studio.ask("/studio/strokes", strokes())["digest"]
    assert studio.ask(f"/studio/strokes/{digest}") == {"clip": "", **strokes()}
    assert studio.status(f"/studio/strokes/{'0' * 64}") == 404
    assert studio.status("/studio/strokes/..%2f..%2fsecrets.json") == 404


@pytest.mark.parametrize("bad", [{}, {"strokes": []}, strokes(width_px="wide"), strokes(clip=3)], ids=json.dumps)
def test_no_strokes_are_refused(studio: App, bad: dict[str, Any]) -> None:
    status, told = answered(studio, "/studio/strokes", bad)
    assert status == 400 and "brush strokes" in told["problem"]


def test_strokes_are_for_one_clip_and_from_this_app(studio: App) -> None:
    digest = studio.ask("/studio/strokes", strokes())["digest"]
    for clips, settings, words in (
        (["0" * 64, "1" * 64], {"analysis.strokes": digest}, "belong to one clip, and 2 were chosen"),
        (["0" * 64, "1" * 64], {"analysis.subject": "pointed"}, "belong to one clip, and 2 were chosen"),
        (["0" * 64], {"analysis.strokes": "/etc/passwd"}, "not one that was added"),
        (["0" * 64], {"analysis.matte": digest}, "not one that was added"),
    ):
        status, told = answered(studio, "/studio/jobs", {"clips": clips, "settings": settings})
        assert status in (400, 403) and words in told["problem"], told
