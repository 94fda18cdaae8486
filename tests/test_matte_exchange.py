"""Mattes as files: written and read without loss, taken from other programs, refused when they are none."""

import tracemalloc
import zipfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from tests.journeys import written
from utils.camera.tracking import Mask
from utils.errors import ClipError
from utils.image import Size
from utils.media.chunk import read_chunk
from utils.people.matte_exchange import MatteFile, write_matte

COUNT = 12


@pytest.fixture
def mattes() -> list[Mask]:
    """Soft disks that grow, in pictures of odd size."""
    rows, columns = np.mgrid[:61, :83]
    away = np.hypot(rows - 30, columns - 41)
    return [np.clip(255 * (5 + 2 * index - away) / 4 + 127, 0, 255).astype(np.uint8) for index in range(COUNT)]


def same(found: MatteFile, mattes: Sequence[Mask], tolerance: int = 12) -> bool:
    pairs = list(zip(found.mattes(), mattes, strict=True))
    return all(np.abs(one.astype(int) - other).max() <= tolerance for one, other in pairs)


@pytest.mark.parametrize("name", ["matte.mkv", "matte.zip"])
def test_a_matte_comes_back_as_it_was(tmp_path: Path, mattes: list[Mask], name: str) -> None:
    """But for values that are nearly black or white, which other programs' compression leaves."""
    write_matte(tmp_path / name, mattes, Fraction(30000, 1001))
    file = MatteFile(tmp_path / name)
    assert same(file, mattes)
    inner = [(matte > 12) & (matte < 243) for matte in mattes]
    for found, matte, sure in zip(file.mattes(), mattes, inner, strict=True):
        assert np.array_equal(found[sure], matte[sure]) and {*found[~sure].tolist()} == {0, 255}
    write_matte(tmp_path / f"again.{name}", mattes, Fraction(30000, 1001))
    assert MatteFile(tmp_path / f"again.{name}").digest == file.digest


def test_a_video_is_read_as_its_writer_meant_it(tmp_path: Path, mattes: list[Mask]) -> None:
    write_matte(tmp_path / "matte.mkv", mattes, Fraction(25))
    with av.open(str(tmp_path / "matte.mkv")) as file:
        frame = next(file.decode(video=0))
        assert frame.format.name == "gray" and file.streams.video[0].average_rate == 25
    assert np.array_equal(next(read_chunk(tmp_path / "matte.mkv", COUNT)), mattes[0])


def test_pictures_are_taken_in_the_order_of_their_numbers(tmp_path: Path, mattes: list[Mask]) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index, matte in enumerate(mattes):
        cv2.imwrite(str(folder / f"frame{index}.png"), matte)  # frame10.png comes after frame9.png
    (folder / ".hidden.png").write_bytes(b"x")
    (folder / "notes.txt").write_text("x")
    assert same(MatteFile(folder), mattes)
    before = MatteFile(folder).digest
    cv2.imwrite(str(folder / "frame3.png"), mattes[0])
    assert MatteFile(folder).digest != before


def test_transparency_is_the_matte_where_there_is_any(tmp_path: Path, mattes: list[Mask]) -> None:
    with zipfile.ZipFile(tmp_path / "cut.zip", "w") as file:
        for index, matte in enumerate(mattes):
            picture = np.dstack([np.full((*matte.shape, 3), 40, np.uint8), matte])
            file.writestr(f"cut/{index:03}.png", cv2.imencode(".png", picture)[1].tobytes())
    assert same(MatteFile(tmp_path / "cut.zip"), mattes)
    with av.open(str(tmp_path / "cut.mov"), "w") as movie:
        stream = movie.add_stream("png", rate=25, pix_fmt="rgba", width=83, height=61)
        for matte in mattes:
            picture = np.dstack([np.full((*matte.shape, 3), 40, np.uint8), matte])
            movie.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgba")))
        movie.mux(stream.encode(None))
    assert same(MatteFile(tmp_path / "cut.mov"), mattes)


def test_a_lossy_video_has_no_haze(tmp_path: Path, mattes: list[Mask]) -> None:
    pictures = [np.ascontiguousarray(np.repeat(matte[:60, :82, None], 3, axis=2)) for matte in mattes]
    file = MatteFile(written(tmp_path / "lossy.mp4", pictures))
    for found, matte in zip(file.mattes(), mattes, strict=True):
        assert (found[:15, :15] == 0).all()
        assert np.abs(found.astype(int) - matte[:60, :82]).mean() < 2


def test_16_bit_pictures_are_reduced(tmp_path: Path, mattes: list[Mask]) -> None:
    folder = tmp_path / "deep"
    folder.mkdir()
    cv2.imwrite(str(folder / "0.png"), mattes[5].astype(np.uint16) * 257)
    assert same(MatteFile(folder), mattes[5:6])


@pytest.mark.parametrize("bad", ["absent.mkv", "empty.zip", "words.zip", "torn.zip", "text.mkv"])
def test_what_is_no_matte_is_refused_in_a_sentence(tmp_path: Path, bad: str) -> None:
    path = tmp_path / bad
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with zipfile.ZipFile(tmp_path / "words.zip", "w") as file:
        file.writestr("0.png", b"not a picture")
    (tmp_path / "torn.zip").write_bytes((tmp_path / "words.zip").read_bytes()[:-9])
    (tmp_path / "text.mkv").write_bytes(b"no video at all")
    with pytest.raises(ClipError) as caught:
        list(MatteFile(path).mattes())
    assert caught.value.problem.endswith(".") and caught.value.remedy.endswith(".")


def test_no_picture_is_decoded_that_is_larger_than_the_clip(tmp_path: Path, mattes: list[Mask]) -> None:
    """A few kilobytes can hold a picture of gigabytes."""
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png", "PNG")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w") as file:
        file.write(tmp_path / "bomb.png", "0.png")
    with zipfile.ZipFile(tmp_path / "mixed.zip", "w") as file:
        for name, size in (("0.png", (83, 61)), ("1.png", (300, 200))):
            file.writestr(name, cv2.imencode(".png", np.zeros(size[::-1], np.uint8))[1].tobytes())
    write_matte(tmp_path / "matte.mkv", mattes, Fraction(25))
    tracemalloc.start()
    for name, expected, words in (
        ("bomb.zip", None, "20000x20000, which is too large"),
        ("bomb.zip", Size(83, 61), "20000x20000; this clip has 83x61"),
        ("mixed.zip", None, "300x200; the one before it has 83x61"),
        ("matte.mkv", Size(80, 60), "83x61; this clip has 80x60"),
    ):
        with pytest.raises(ClipError, match=words):
            list(MatteFile(tmp_path / name, expected).mattes())
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_a_stored_matte_is_not_called_by_its_digest(tmp_path: Path) -> None:
    (tmp_path / f"{'0' * 64}.matte").write_bytes(b"x")
    assert MatteFile(tmp_path / f"{'0' * 64}.matte").title == "The given matte"
    assert MatteFile(Path("mine.mkv")).title == "The matte 'mine.mkv'"
