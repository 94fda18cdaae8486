"""Reference pictures of settings that came with a result: named by content, found where a home keeps them."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.library.given import KEPT_S, PART, at_home, find, portable, stay, sweep
from pipeline.library.references import FOLDER, Picture, keep, preview
from pipeline.types import REFERENCES, References
from tests.journeys import filmed
from tests.orders import restyle_order
from tests.pictures import BOMB, HIGH, NOTE, SVG, TEXT_BOMB, WIDE, coded, png, sunset, turned
from ui.cleanup import run_cleanup
from ui.studio import Studio
from utils.digest import digest_file
from utils.errors import PictureError, SettingsError
from utils.image.picture_file import read_picture, suffix_of
from utils.media.xmp import read_settings
from utils.project import PROJECT_ROOT
from utils.walker import Shot

pytestmark = pytest.mark.slow

PICTURES = ("generate.reference",)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "sea.png"
    cv2.imwrite(str(path), np.full((8, 8, 3), (200, 120, 30), np.uint8))
    return path


def put(picture: Path, home: Path) -> Path:
    folder = home / FOLDER
    folder.mkdir(parents=True)
    kept = folder / f"{digest_file(picture)}.png"
    kept.write_bytes(picture.read_bytes())
    return kept


def test_a_result_names_the_picture_by_its_content_and_tells_no_path(picture: Path) -> None:
    told = portable({"generate.reference": str(picture), "generate.look": "ink"}, PICTURES)
    assert told == {"generate.reference": digest_file(picture), "generate.look": "ink"}


@pytest.mark.parametrize(
    ("most", "note"),
    [
        (0, "it does not use reference pictures."),
        (1, "it takes the first reference picture only; 2 more are not used."),
        (2, "it takes 2 reference pictures; 1 more is not used."),
        (3, ""),
    ],
)
def test_pictures_that_an_engine_has_no_use_for_are_told(picture: Path, most: int, note: str) -> None:
    given = References.of(dict.fromkeys(REFERENCES[:3], str(picture)), most)
    assert given.note("it") == note and len(given.read()) == most


def test_settings_without_a_picture_or_with_one_that_is_gone_name_none(tmp_path: Path) -> None:
    assert portable({"generate.reference": None}, PICTURES) == {}
    assert portable({"generate.reference": str(tmp_path / "gone.png")}, PICTURES) == {}


def test_the_home_that_keeps_the_picture_finds_it(picture: Path, tmp_path: Path) -> None:
    kept = put(picture, tmp_path / "home")
    settings = at_home(portable({"generate.reference": str(picture)}, PICTURES), PICTURES, tmp_path / "home")
    assert settings == {"generate.reference": str(kept)}


@pytest.mark.parametrize("name", ["*", "../" + 61 * "a", 64 * "*", None, 3, 63 * "a"])
def test_nothing_else_is_found_by_a_strange_name(picture: Path, tmp_path: Path, name: object) -> None:
    put(picture, tmp_path / "home")
    assert find(tmp_path / "home", "reference", name) is None


def test_a_picture_that_is_still_being_copied_is_not_there_yet(picture: Path, tmp_path: Path) -> None:
    kept = put(picture, tmp_path / "home")
    kept.rename(kept.with_suffix(PART))
    assert find(tmp_path / "home", "reference", digest_file(picture)) is None


def test_elsewhere_it_is_asked_for(picture: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not on this machine"):
        at_home(portable({"generate.reference": str(picture)}, PICTURES), PICTURES, tmp_path / "home")


def test_a_run_with_the_settings_of_a_result_takes_the_same_picture(picture: Path, tmp_path: Path) -> None:
    clip = filmed(tmp_path, Shot(size=(160, 96), frames=8))
    home = tmp_path / "home"

    def run(out: str, *said: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pipeline", "generate", str(clip), "-o", str(tmp_path / out), "--home", home]
        return subprocess.run([*map(str, command), *said], cwd=PROJECT_ROOT, capture_output=True, text=True)

    first = run("first.mp4", "--preset", "fast", "--reference", str(picture))
    assert first.returncode == 0, first.stderr
    told = read_settings(tmp_path / "first.mp4") or {}
    assert str(picture.parent) not in json.dumps(told)
    missing = run("second.mp4", "--settings", str(tmp_path / "first.mp4"))
    assert missing.returncode == 1 and "--reference" in missing.stderr
    put(picture, home)
    again = run("second.mp4", "--settings", str(tmp_path / "first.mp4"))
    assert again.returncode == 0, again.stderr
    assert (read_settings(tmp_path / "second.mp4") or {})["settings"] == told["settings"]


# what a home keeps


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def added(home: Path, content: bytes) -> Picture:
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    part = home / FOLDER / f".added{PART}"
    part.write_bytes(content)
    try:
        return keep(home, part)
    finally:
        part.unlink(missing_ok=True)


def names(home: Path) -> list[str]:
    return sorted(each.relative_to(home / FOLDER).as_posix() for each in (home / FOLDER).rglob("*") if each.is_file())


KINDS = {
    "deep.png": (coded(np.full((6, 9), 40000, np.uint16), "PNG"), (9, 6)),
    "grey.jpg": (coded(np.full((6, 9), 77, np.uint8), "JPEG"), (9, 6)),
    "print.jpg": (coded(Image.fromarray(sunset()).convert("CMYK"), "JPEG"), (WIDE, HIGH)),
    "turned.jpg": (turned(6), (HIGH, WIDE)),
    "moving.webp": (coded(sunset(), "WEBP", save_all=True, append_images=[Image.fromarray(sunset())]), (WIDE, HIGH)),
    "photo.tif": (coded(sunset(), "TIFF"), (WIDE, HIGH)),
    "drawn.bmp": (coded(sunset(), "BMP"), (WIDE, HIGH)),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_picture_is_kept_as_it_came_with_a_small_copy_of_our_own(home: Path, name: str) -> None:
    content, size = KINDS[name]
    told = added(home, content)
    place = home / FOLDER / f"{told.digest}{Path(name).suffix}"
    assert find(home, "reference", told.digest) == place and place.read_bytes() == content
    assert (told.width_px, told.height_px) == size and told.digest == digest_file(place)
    small = preview(home, told.digest)
    assert read_picture(small).shape[:2] == size[::-1] and suffix_of(small) == ".jpg"
    assert names(home) == sorted([place.name, f"previews/{told.digest}.jpg"])
    assert added(home, content) == told, "twice is once"
    assert len(names(home)) == 2


REFUSED = {
    "a note": NOTE,
    "a drawing that is a page": SVG,
    "nothing": b"",
    "half a picture": KINDS["photo.tif"][0][:400],
    "half a PNG": coded(sunset(), "PNG")[:-40],
    "a bomb": BOMB,
    "a bomb of text": TEXT_BOMB,
    "a clip": b"\0\0\0\x18ftypmp42",
}


@pytest.mark.parametrize("name", REFUSED)
def test_of_what_is_no_picture_nothing_is_kept(home: Path, name: str) -> None:
    with pytest.raises(PictureError) as caught:
        added(home, REFUSED[name])
    assert caught.value.problem.startswith("The file ") and caught.value.remedy
    assert names(home) == []


@pytest.mark.parametrize(
    "code",
    ["import os; os.abort()", "bytearray(1 << 60)", "print('[]')", "print('{}')", "print('[' * 9000)",
     "import json; print(json.dumps({'width': 1, 'height': 1, 'suffix': '/../../x'}))"],
)  # fmt: skip
def test_a_picture_that_gets_hold_of_its_reader_is_not_kept(
    home: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr("pipeline.library.inspection.command", lambda arguments: [sys.executable, "-c", code])
    with pytest.raises(PictureError, match="could not be read safely"):
        added(home, turned(1))
    assert names(home) == []


def test_a_picture_that_takes_too_much_memory_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is one on the whole process, whatever it is that takes the memory."""
    child = "import sys, pipeline.library.inspection as it; it.PICTURE_MEMORY_BYTES = 300 << 20; it.main()"
    monkeypatch.setattr(
        "pipeline.library.inspection.command", lambda arguments: [sys.executable, "-c", child, *arguments]
    )
    with pytest.raises(PictureError, match="could not be read safely"):
        added(home, png(7000, 7000, pixels=bytes(7001 * 7000)))
    assert names(home) == []


def aged(home: Path, digest: str) -> None:
    place = find(home, "reference", digest)
    assert place
    os.utime(place, (time.time() - KEPT_S - 60,) * 2)


def test_what_no_job_needs_and_nobody_asked_for_lately_goes(home: Path) -> None:
    greys = (coded(np.full((2, 2), level, np.uint8), "PNG") for level in range(4))
    used, unused, fresh, asked = (added(home, grey).digest for grey in greys)
    for digest in (used, unused, asked):
        aged(home, digest)
    assert (
        stay(home, "reference", asked)
        and not stay(home, "reference", "0" * 64)
        and not stay(home, "reference", "../x")
        and not stay(home, "reference", 3)
    )
    assert sweep(home, lambda: {used}) == 1
    assert [find(home, "reference", digest) is None for digest in (used, unused, fresh, asked)] == [
        False,
        True,
        False,
        False,
    ]
    assert not preview(home, unused).exists() and preview(home, used).exists()


def test_one_that_a_job_begins_to_need_while_it_is_swept_stays(home: Path) -> None:
    digest = added(home, turned(1)).digest
    aged(home, digest)
    answers = iter([set[str](), {digest}])
    assert sweep(home, lambda: next(answers)) == 0
    assert find(home, "reference", digest) and preview(home, digest).exists()


def test_what_a_death_left_half_done_is_settled(home: Path) -> None:
    digest = added(home, turned(1)).digest
    place = find(home, "reference", digest)
    assert place
    place.rename(place.with_name(f".{place.name}.gone"))
    old, new = home / FOLDER / f".old{PART}", home / FOLDER / f".new{PART}"
    for part in (old, new):
        part.touch()
    os.utime(old, (time.time() - KEPT_S - 60,) * 2)
    assert sweep(home, set) == 0
    assert find(home, "reference", digest) == place and not old.exists() and new.exists()


def test_settings_of_a_job_name_the_picture_by_its_digest_already() -> None:
    assert portable({"generate.reference": "ab" * 32}, PICTURES) == {"generate.reference": "ab" * 32}


def test_the_app_throws_away_what_no_job_names_by_digest_or_by_the_path_of_former_versions(home: Path) -> None:
    greys = (coded(np.full((2, 2), level, np.uint8), "PNG") for level in range(3))
    by_digest, by_path, unused = (added(home, grey).digest for grey in greys)
    ledger, over = Ledger(database_url(home)), threading.Event()
    for named in (by_digest, str(find(home, "reference", by_path))):
        ledger.submit(restyle_order("/clips/walk.mp4", "walk.mp4", {"generate.reference": named}))
    ledger.submit(restyle_order("/clips/walk.mp4", "walk.mp4", {"generate.reference": None}))
    for digest in (by_digest, by_path, unused):
        aged(home, digest)
    over.set()
    run_cleanup(Studio(home, ledger), over)
    ledger.close()
    assert [find(home, "reference", digest) is None for digest in (by_digest, by_path, unused)] == [False, False, True]
