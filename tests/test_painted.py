"""Painted frames as people give them: folders, zips and single pictures, and what of them is refused."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from utils.errors import PictureError
from utils.image.geometry import shift
from utils.paintings.key_set import Key, KeySet, file_of, rows_of, write_key_set
from utils.paintings.painted import Painted

RED_UNDER_NOTHING = np.array([[(200, 10, 20, 0), (1, 2, 3, 255)]] * 2, np.uint8)


def folder_of(path: Path) -> Path:
    """Pictures of several formats, and files that are none of them."""
    path.mkdir()
    Image.fromarray(RED_UNDER_NOTHING).save(path / "000020.png")
    Image.fromarray(np.full((8, 8, 3), 90, np.uint8)).save(path / "b.jpg")
    Image.fromarray(np.full((8, 8), 40_000, np.uint16)).save(path / "deep.tif")
    (path / ".hidden.png").write_bytes(b"nothing")
    (path / "notes.txt").write_text("nothing")
    return path


def test_a_folder_a_zip_and_a_packed_one_hold_the_same(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "folder")
    Painted(folder).pack(tmp_path / "packed.zip")
    with zipfile.ZipFile(tmp_path / "nested.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for path in folder.iterdir():
            file.write(path, f"my frames/{path.name}")
        file.writestr("__MACOSX/my frames/._000020.png", b"nothing")
    for given in (folder, tmp_path / "packed.zip", tmp_path / "nested.zip"):
        painted = Painted(given)
        assert [Path(name).name for name in painted.names] == ["000020.png", "b.jpg", "deep.tif"]
        pictures = [painted.picture(name) for name in painted.names]
        assert np.array_equal(pictures[0], RED_UNDER_NOTHING), "colours under what is transparent stay"
        assert pictures[1].shape == (8, 8, 4) and pictures[1][..., 3].min() == 255
        assert abs(int(pictures[2][0, 0, 0]) - 40_000 // 257) <= 1
        assert painted.check() == 3 and painted.keys is None
    single = Painted(folder / "b.jpg")
    assert single.names == ("b.jpg",) and single.check() == 1


def test_what_is_beyond_the_limits_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    painted = Painted(folder_of(tmp_path / "folder"))
    for name, value, problem in (
        ("MOST_PIXELS", 100, "too many large pictures"),
        ("MOST_PICTURE_BYTES", 50, "is too large"),
        ("MOST_KEYS", 2, "holds 3 pictures"),
    ):
        with monkeypatch.context() as changed, pytest.raises(PictureError, match=problem):
            changed.setattr(f"utils.paintings.painted.{name}", value)
            Painted(painted.path).check()


def test_a_key_set_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    key = Key(frame=7, file=file_of(7), to_picture=rows_of(shift(3.25, -1)), size=(2, 2), reason="why", reaches=(0, 9))
    keys = KeySet(clip="ab" * 32, size=(64, 36), canvas="as filmed", keys=(key,))
    for name in ("one.zip", "other.zip"):
        write_key_set(tmp_path / name, keys, [RED_UNDER_NOTHING])
    painted = Painted(tmp_path / "one.zip")
    assert painted.keys == keys and np.array_equal(painted.picture("000007.png"), RED_UNDER_NOTHING)
    assert painted.digest == Painted(tmp_path / "other.zip").digest, "the same bytes at any time"


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b'{"version": 2, "clip": "", "size": [4, 4], "keys": []}',
        b'{"version": 1, "clip": "", "size": [0, 4], "keys": []}',
        b'{"version": 1, "clip": "", "size": [4, 4], "keys": [{"frame": -1, "file": "a"}]}',
        b'{"version": 1, "clip": "", "size": [4, 4], "keys": [{"frame": 1, "file": "a", '
        b'"to_picture": [[0, 0, 0], [0, 0, 0], [0, 0, 1]]}]}',
        b'{"version": 1, "clip": "", "size": [4, 4], "keys": ' + b"[" * 5000,
    ],
)
def test_a_keys_file_that_makes_no_sense_is_refused(content: bytes) -> None:
    with pytest.raises(PictureError, match=r"keys\.json beside the painted frames cannot be read"):
        KeySet.read(content)
