"""Reading pictures: every usual kind comes out upright in eight bits, the rest is refused in a sentence."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.pictures import HIGH, NOTE, SVG, TEXT_BOMB, WIDE, coded, png, sunset, turned
from utils.errors import PictureError
from utils.image import RGB
from utils.image.picture_file import MOST_PIXELS, MOST_SIDE_PX, read_picture, suffix_of, write_preview
from utils.project import PROJECT_ROOT


def read(folder: Path, content: bytes) -> RGB:
    (folder / "picture").write_bytes(content)
    return read_picture(folder / "picture")


def refusal(folder: Path, content: bytes) -> PictureError:
    with pytest.raises(PictureError) as caught:
        read(folder, content)
    return caught.value


@pytest.mark.parametrize(
    ("kind", "suffix", "most"),
    [("PNG", ".png", 0), ("JPEG", ".jpg", 3), ("WEBP", ".webp", 3), ("TIFF", ".tif", 0),
    ("BMP", ".bmp", 0), ("MPO", ".jpg", 3)],
)  # fmt: skip
def test_the_usual_kinds_are_read(tmp_path: Path, kind: str, suffix: str, most: int) -> None:
    content = coded(sunset(), kind, **({"quality": 95} if most else {}))
    assert np.abs(read(tmp_path, content).astype(int) - sunset()).mean() <= most
    assert suffix_of(tmp_path / "picture") == suffix


@pytest.mark.parametrize("name", ["grey.png", "alpha.png", "deep.png", "deep grey.png", "colour.jpg", "grey.tif"])
def test_pictures_of_all_depths_are_read(tmp_path: Path, name: str) -> None:
    stored = {
        "grey.png": np.full((3, 5), 77, np.uint8),
        "alpha.png": np.dstack([np.full((3, 5, 3), (10, 20, 200), np.uint8), np.eye(3, 5, dtype=np.uint8) * 255]),
        "deep.png": np.full((3, 5, 3), 40000, np.uint16),
        "deep grey.png": np.full((3, 5), 40000, np.uint16),
        "colour.jpg": np.full((3, 5, 3), 90, np.uint8),
        "grey.tif": np.full((3, 5), 0.3, np.float32),
    }[name]
    cv2.imwrite(str(tmp_path / name), stored)
    picture = read_picture(tmp_path / name)
    assert picture.shape == (3, 5, 3) and picture.dtype == np.uint8
    if name == "alpha.png":
        assert (picture == (200, 20, 10)).all(), "what is transparent has no say"
    else:
        level = {"grey.png": 77, "colour.jpg": 90, "grey.tif": 76}.get(name, 155)
        assert np.abs(picture.astype(int) - level).max() <= 1


def test_a_palette_with_a_transparent_colour_is_read(tmp_path: Path) -> None:
    picture = Image.fromarray(sunset()).quantize(4)
    content = coded(picture, "PNG", transparency=picture.getpixel((0, 0)))
    colours = np.unique(read(tmp_path, content).reshape(-1, 3), axis=0)
    assert len(colours) == 1 and np.abs(colours[0].astype(int) - (200, 120, 40)).max() <= 4


def test_a_picture_for_print_has_its_colours(tmp_path: Path) -> None:
    content = coded(Image.fromarray(sunset()).convert("CMYK"), "JPEG", quality=95)
    assert np.abs(read(tmp_path, content).astype(int) - sunset()).mean() < 4


def test_of_an_animation_the_first_picture_counts(tmp_path: Path) -> None:
    others = [Image.fromarray(np.full((HIGH, WIDE, 3), level, np.uint8)) for level in (0, 255)]
    for kind in ("WEBP", "PNG"):
        content = coded(
            sunset(), kind, save_all=True, append_images=others, **({"lossless": True} if kind == "WEBP" else {})
        )
        assert np.array_equal(read(tmp_path, content), sunset()), kind


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_turned_as_their_camera_says(tmp_path: Path, orientation: int) -> None:
    picture = read(tmp_path, turned(orientation))
    assert picture.shape[:2] == ((HIGH, WIDE) if orientation < 5 else (WIDE, HIGH))
    corners = picture[4, 4], picture[4, -4], picture[-4, -4], picture[-4, 4]
    blue = int(np.argmax([int(corner[2]) - int(corner[0]) for corner in corners]))
    assert blue == {1: 0, 2: 1, 3: 2, 4: 3, 5: 0, 6: 1, 7: 2, 8: 3}[orientation]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_photo_with_broken_facts_of_its_camera_is_read(tmp_path: Path) -> None:
    content = turned(6).replace(b"Exif\0\0MM\0*\0\0\0\x08", b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert content != turned(6)
    assert np.abs(read(tmp_path, content).astype(int) - sunset()).mean() < 4


@pytest.mark.parametrize(
    "content", [b"", b"not a picture", NOTE, SVG, b"RIFF\x08\0\0\0WAVE", b"MM\0*", b"GIF89a", b"BM"]
)
def test_what_is_no_picture_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    error = refusal(tmp_path, content)
    assert "'picture' is" in error.problem and "PNG or JPEG" in error.remedy


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_picture_that_ends_too_early_is_refused(tmp_path: Path, kind: str, share: float) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (50, 50, 3), dtype=np.uint8)
    content = coded(noise, kind)
    error = refusal(tmp_path, content[: int(share * len(content))])
    assert "'picture' is" in error.problem and "PNG or JPEG" in error.remedy


@pytest.mark.parametrize(
    "size", [(20_000, 20_000), (60_000, 60_000), (MOST_SIDE_PX + 1, 1), (1, MOST_SIDE_PX + 1), (7072, 7072)]
)
def test_what_is_too_large_is_refused_by_its_header(tmp_path: Path, size: tuple[int, int]) -> None:
    """Nothing was decoded: there are no pixels in the file."""
    assert f"{size[0]} x {size[1]} pixels; {MOST_PIXELS // 10**6} megapixels" in refusal(tmp_path, png(*size)).problem


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1)], ids=str)
def test_what_is_too_small_to_show_anything_is_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    assert f"{size[0]} x {size[1]} pixels; 2 on a side are the least" in refusal(tmp_path, png(*size)).problem


@pytest.mark.parametrize("size", [(MOST_SIDE_PX, 4), (4, MOST_SIDE_PX), (7000, 7000)])
def test_what_is_just_small_enough_is_read(tmp_path: Path, size: tuple[int, int]) -> None:
    pixels = bytes((size[0] + 1) * size[1])
    assert read(tmp_path, png(*size, pixels=pixels)).shape == (size[1], size[0], 3)


def test_a_note_that_grows_is_refused(tmp_path: Path) -> None:
    assert len(TEXT_BOMB) < 1 << 20
    refusal(tmp_path, TEXT_BOMB)


def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    """400 megapixels as a file of half a megabyte, read where there is room for less than that."""
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(png(20_000, 20_000, pixels=bytes(20_001 * 20_000)))
    assert bomb.stat().st_size < 1 << 20
    code = "import pathlib, resource, sys; from utils.image.picture_file import read_picture\n"
    code += "used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10\n"
    code += "resource.setrlimit(resource.RLIMIT_DATA, (used + (200 << 20),) * 2)\n"
    code += "read_picture(pathlib.Path(sys.argv[1]))"
    child = subprocess.run([sys.executable, "-c", code, str(bomb)], cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert "PictureError" in child.stderr and "20000 x 20000" in child.stderr, child.stderr


def test_files_that_cannot_be_opened_are_told(tmp_path: Path) -> None:
    for name in ("absent.png", "."):
        with pytest.raises(PictureError, match="could not be read: "):
            read_picture(tmp_path / name)


def test_sentences_may_call_it_otherwise(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(NOTE)
    with pytest.raises(PictureError, match=r"^The file is not a picture"):
        read_picture(tmp_path / "x", "The file")


def test_a_preview_is_small(tmp_path: Path) -> None:
    write_preview(tmp_path / "small.jpg", np.full((600, 900, 3), (200, 120, 40), np.uint8), 320)
    assert read_picture(tmp_path / "small.jpg").shape == (213, 320, 3)
