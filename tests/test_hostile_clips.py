"""Clips that are made to do harm, in the real app: each is told in a sentence, once, and the app goes on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys import filmed
from tests.studios import App, app
from utils.media.xmp import NAMESPACE, UUID
from utils.walker import Shot

pytestmark = pytest.mark.slow

CRASHES = """
import os, sys
if "walk.mp4" in sys.orig_argv:
    with open({log!r}, "a") as log:
        log.write(sys.orig_argv[3] + "\\n")
    os.abort()
"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with app(tmp_path_factory.mktemp("studio") / "home", "--no-worker") as studio:
        yield studio


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return filmed(tmp_path_factory.mktemp("film"), Shot(size=(96, 64), frames=6)).read_bytes()


def looked_at(studio: App, clip: str) -> dict[str, Any]:
    """What is told of a clip once it is known."""

    def known() -> Any:
        told = studio.ask(f"/studio/clips/{clip}")
        return told if told["state"] != "looking" else None

    return dict(studio.until(known, "end of the look"))


@pytest.mark.parametrize(
    "settings",
    ['{"a":' * 900 + "1" + "}" * 900, "[" * 100_000, '{"settings": {"encode.crf": 1e999}}', '{"preset": "\\ud800"}'],
    ids=["nested 900 deep", "nested without end", "an infinite number", "half a character"],
)
def test_settings_in_a_clip_that_cannot_be_used_are_left_out(
    studio: App, film: bytes, tmp_path: Path, settings: str
) -> None:
    packet = f'<x xmlns:r="{NAMESPACE}"><r:document>{settings}</r:document></x>'.encode()
    box = (24 + len(packet)).to_bytes(4, "big") + b"uuid" + UUID + packet
    (tmp_path / "walk.mp4").write_bytes(film + box)
    told = looked_at(studio, studio.upload(tmp_path / "walk.mp4"))
    assert told["state"] == "ready" and told["facts"]["frames"] == 6 and told["settings"] is None
    assert "Traceback" not in (studio.home / "app.log").read_text()


def test_a_clip_whose_reader_crashes_is_refused_after_one_look(film: bytes, tmp_path: Path) -> None:
    """Python runs `sitecustomize` at its start: here it crashes, and counts, every child that looks at this clip."""
    log, path = tmp_path / "looks", tmp_path / "walk.mp4"
    (tmp_path / "sitecustomize.py").write_text(CRASHES.format(log=str(log)))
    path.write_bytes(film)
    with app(tmp_path / "home", "--no-worker", PYTHONPATH=str(tmp_path)) as studio:
        clip = studio.upload(path)
        told = looked_at(studio, clip)
        assert told["state"] == "refused" and "'walk.mp4' could not be read safely" in told["problem"]
        assert all(studio.ask(f"/studio/clips/{clip}") == told for _ in range(5))
        studio.open()
        assert studio.ask(f"/studio/clips/{clip}") == told, "it is kept"
    assert log.read_text().split() == ["look"]
