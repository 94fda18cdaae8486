"""Reference pictures of settings that came with a result: named by content, found where a home keeps them."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.references import FOLDER, PART, at_home, find, portable
from tests.journeys import filmed
from utils.digest import digest_file
from utils.errors import SettingsError
from utils.walker import Shot
from utils.xmp import read_settings

HOUSE = Path(__file__).resolve().parents[1]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "sea.png"
    cv2.imwrite(str(path), np.full((8, 8, 3), (200, 120, 30), np.uint8))
    return path


def keep(picture: Path, home: Path) -> Path:
    folder = home / FOLDER
    folder.mkdir(parents=True)
    kept = folder / f"{digest_file(picture)}.png"
    kept.write_bytes(picture.read_bytes())
    return kept


def test_a_result_names_the_picture_by_its_content_and_tells_no_path(picture: Path) -> None:
    told = portable({"generate.reference": str(picture), "generate.look": "ink"})
    assert told == {"generate.reference": digest_file(picture), "generate.look": "ink"}


def test_settings_without_a_picture_or_with_one_that_is_gone_name_none(tmp_path: Path) -> None:
    assert portable({"generate.reference": None}) == {}
    assert portable({"generate.reference": str(tmp_path / "gone.png")}) == {}


def test_the_home_that_keeps_the_picture_finds_it(picture: Path, tmp_path: Path) -> None:
    kept = keep(picture, tmp_path / "home")
    settings = at_home(portable({"generate.reference": str(picture)}), tmp_path / "home")
    assert settings == {"generate.reference": str(kept)}


@pytest.mark.parametrize("name", ["*", "../" + 61 * "a", 64 * "*", None, 3, 63 * "a"])
def test_nothing_else_is_found_by_a_strange_name(picture: Path, tmp_path: Path, name: object) -> None:
    keep(picture, tmp_path / "home")
    assert find(tmp_path / "home", name) is None


def test_a_picture_that_is_still_being_copied_is_not_there_yet(picture: Path, tmp_path: Path) -> None:
    kept = keep(picture, tmp_path / "home")
    kept.rename(kept.with_suffix(PART))
    assert find(tmp_path / "home", digest_file(picture)) is None


def test_elsewhere_it_is_asked_for(picture: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not on this machine"):
        at_home(portable({"generate.reference": str(picture)}), tmp_path / "home")


def test_a_run_with_the_settings_of_a_result_takes_the_same_picture(picture: Path, tmp_path: Path) -> None:
    clip = filmed(tmp_path, Shot(size=(160, 96), frames=8))
    home = tmp_path / "home"

    def run(out: str, *said: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pipeline", "generate", str(clip), "-o", str(tmp_path / out), "--home", home]
        return subprocess.run([*map(str, command), *said], cwd=HOUSE, capture_output=True, text=True)

    first = run("first.mp4", "--preset", "fast", "--reference", str(picture))
    assert first.returncode == 0, first.stderr
    told = read_settings(tmp_path / "first.mp4") or {}
    assert str(picture.parent) not in json.dumps(told)
    missing = run("second.mp4", "--settings", str(tmp_path / "first.mp4"))
    assert missing.returncode == 1 and "--reference" in missing.stderr
    keep(picture, home)
    again = run("second.mp4", "--settings", str(tmp_path / "first.mp4"))
    assert again.returncode == 0, again.stderr
    assert (read_settings(tmp_path / "second.mp4") or {})["settings"] == told["settings"]
