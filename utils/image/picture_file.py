"""Pictures that people bring, as RGB: what a file claims to be is checked in its header before anything is decoded.

    rgb = read_picture(Path("sunset.jpg"))        # upright, 8 bits a channel; PictureError where that cannot be

The same reader serves the command line, the worker, and the guarded child of the app (`pipeline.library.inspection`).
"""

import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, Image, ImageOps, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin  # noqa: F401

from utils.errors import PictureError
from utils.image import RGB

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
"""What is read; Pillow knows them by the plugins imported above."""
SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "MPO": ".jpg", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp"}
"""What files of each format are called. MPO is what Pillow calls a JPEG with more pictures behind the first."""
MOST_PIXELS, MOST_SIDE_PX = 50_000_000, 16_384
"""How large a picture may be. Decoding takes up to about twelve bytes a pixel."""
OPAQUE = 128
_UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, struct.error)
"""What Pillow raises where a file is not as its format wants it; which of them depends on the format and the place."""

Image.MAX_IMAGE_PIXELS = None  # its limit is another one than ours, and knows a warning between yes and no


def read_picture(path: Path, title: str = "") -> RGB:
    """The first picture of a file; what is transparent takes the mean of the rest. `title` names it in sentences."""
    title = title or repr(path.name)
    try:
        with path.open("rb") as file, Image.open(file, formats=FORMATS) as picture:
            _refuse_size(picture, title)
            picture.load()
            return _rgb(_upright(picture))
    except _UNREADABLE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise PictureError(f"{title} could not be read: {error.strerror}.", "Choose another file.") from error
        remedy = "Choose a PNG or JPEG file; if it is one, it is damaged."
        raise PictureError(f"{title} is not a picture that can be read.", remedy) from error


def suffix_of(path: Path) -> str:
    """What a file that `read_picture` reads would be called by its content: '.png', '.jpg'..."""
    with Image.open(path, formats=FORMATS) as picture:
        return SUFFIXES[str(picture.format)]


def write_preview(path: Path, rgb: RGB, longest_px: int) -> None:
    """A small JPEG of a picture."""
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


def _upright(picture: Image.Image) -> Image.Image:
    """Turned as its EXIF data say, where those can be read."""
    with suppress(*_UNREADABLE):
        return ImageOps.exif_transpose(picture)
    return picture


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
    """Grey of 16 bits, or of floats from 0 to 1."""
    if np.issubdtype(levels.dtype, np.floating):
        return np.asarray(np.clip(np.nan_to_num(levels), 0, 1) * 255, np.uint8)
    return np.asarray(np.clip(levels // 257, 0, 255), np.uint8)
