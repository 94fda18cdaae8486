"""Reads picture files of users as RGB. Format and size are checked in the file's header before anything is decoded.

    rgb = read_picture(Path("sunset.jpg"))        # upright, 8 bits per channel; raises PictureError
    rgba = read_layer(io.BytesIO(content), "It")  # with its transparency, and the colours under that

The same reader serves the command line, the worker, and the guarded child of the app (`pipeline.library.inspection`).
"""

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, Image, ImageOps, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin  # noqa: F401

from utils.errors import PictureError
from utils.image import RGB

RGBA = NDArray[np.uint8]
"""H x W x 4, full range; the last channel is how opaque a pixel is."""

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
"""Accepted formats; the plugins imported above register them with Pillow."""
SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "MPO": ".jpg", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp"}
"""File suffix of each format. MPO is Pillow's name for a JPEG that holds several pictures."""
MOST_PIXELS, MOST_SIDE_PX = 50_000_000, 16_384
"""Limits on the size of a picture. Decoding takes up to about twelve bytes per pixel."""
LEAST_SIDE_PX = 2
"""A picture with fewer pixels on a side shows nothing to take after."""
OPAQUE = 128
_UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, struct.error)
"""Exceptions that Pillow raises for malformed files; which one depends on the format and on what is wrong."""

Image.MAX_IMAGE_PIXELS = None  # replaced by our own limits: Pillow's only warns at first


def read_picture(path: Path, title: str = "") -> RGB:
    """The first picture of a file; transparent pixels get the mean colour of the others. `title` names it in errors."""
    title = title or repr(path.name)
    with _explained(title), path.open("rb") as file:
        return _read(file, title, _rgb)


def read_layer(file: BinaryIO, title: str) -> RGBA:
    """The first picture of an open file with its transparency, not multiplied into its colours."""
    with _explained(title):
        return _read(file, title, _rgba)


def _read(file: BinaryIO, title: str, pixels: Callable[[Image.Image], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    with Image.open(file, formats=FORMATS) as picture:
        _refuse_size(picture, title)
        picture.load()
        return pixels(_upright(picture))


@contextmanager
def _explained(title: str) -> Iterator[None]:
    """Turn errors of reading a picture into a PictureError."""
    try:
        yield
    except _UNREADABLE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise PictureError(f"{title} could not be read: {error.strerror}.", "Choose another file.") from error
        remedy = "Choose a PNG or JPEG file; if it is one, it is damaged."
        raise PictureError(f"{title} is not a picture that can be read.", remedy) from error


def suffix_of(path: Path) -> str:
    """The suffix ('.png', '.jpg', ...) of a readable picture file, by its content."""
    with Image.open(path, formats=FORMATS) as picture:
        return SUFFIXES[str(picture.format)]


def write_preview(path: Path, rgb: RGB, longest_px: int) -> None:
    """Write a small JPEG of a picture."""
    small = Image.fromarray(rgb)
    small.thumbnail((longest_px, longest_px))
    small.save(path, "JPEG", quality=82)


def _refuse_size(picture: Image.Image, title: str) -> None:
    if max(picture.size) > MOST_SIDE_PX or picture.width * picture.height > MOST_PIXELS:
        most = f"{MOST_PIXELS // 1_000_000} megapixels, and {MOST_SIDE_PX} pixels a side, are the most that is read"
        raise PictureError(
            f"{title} has {picture.width} x {picture.height} pixels; {most}.",
            "Make it smaller: its colours stay what they are.",
        )
    if min(picture.size) < LEAST_SIDE_PX:
        raise PictureError(
            f"{title} has {picture.width} x {picture.height} pixels; {LEAST_SIDE_PX} on a side are the least.",
            "Choose a larger picture.",
        )


def _upright(picture: Image.Image) -> Image.Image:
    """The picture rotated according to its EXIF orientation, if that can be read."""
    with suppress(*_UNREADABLE):
        return ImageOps.exif_transpose(picture)
    return picture


def _rgba(picture: Image.Image) -> RGBA:
    if picture.mode.startswith("I") or picture.mode == "F":
        grey = _eight_bit(np.asarray(picture))
        return np.dstack([grey, grey, grey, np.full_like(grey, 255)])
    return np.array(picture.convert("RGBA"))


def _rgb(picture: Image.Image) -> RGB:
    if picture.mode.startswith("I") or picture.mode == "F":
        return np.repeat(_eight_bit(np.asarray(picture))[..., None], 3, axis=2)
    if not picture.has_transparency_data:
        return np.array(picture.convert("RGB"))
    pixels = np.asarray(picture.convert("RGBA"))
    colours, solid = pixels[..., :3].copy(), pixels[..., 3] >= OPAQUE
    if solid.any():
        colours[~solid] = np.rint(colours[solid].mean(axis=0))
    return colours


def _eight_bit(levels: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert grey levels of 16 bits, or floats from 0 to 1, to 8 bits."""
    if np.issubdtype(levels.dtype, np.floating):
        return np.asarray(np.clip(np.nan_to_num(levels), 0, 1) * 255, np.uint8)
    return np.asarray(np.clip(levels // 257, 0, 255), np.uint8)
