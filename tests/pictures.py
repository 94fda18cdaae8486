"""Picture files for tests: of every kind that people bring, and those that are made to do harm."""

import io
import zlib
from typing import Any

import numpy as np
from PIL import Image

from utils.image import RGB

WIDE, HIGH = 60, 40


def sunset() -> RGB:
    """A picture whose corners differ, so that it can be told which way up it is."""
    picture = np.zeros((HIGH, WIDE, 3), np.uint8)
    picture[:] = (200, 120, 40)
    picture[: HIGH // 2, : WIDE // 2] = (40, 60, 220)
    return picture


def coded(picture: Any, kind: str, **more: Any) -> bytes:
    """A file of an array, or of a picture of Pillow's."""
    file = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(file, kind, **more)
    return file.getvalue()


def turned(orientation: int) -> bytes:
    """The sunset in a JPEG that says in its EXIF data how it is to be turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return coded(sunset(), "JPEG", exif=exif, quality=95)


def png(width: int, height: int, *chunks: tuple[bytes, bytes], pixels: bytes = b"") -> bytes:
    """A grey PNG that claims to be so large, whatever is in it."""
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big") for kind, data in parts
    )


NOTE = b"BMW: the mirror is 12 cm wide.\nThe password of the cellar is swordfish.\n" * 40
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'
BOMB = png(20_000, 20_000)
"""A megabyte or less as a file, and 400 million pixels."""
TEXT_BOMB = png(4, 4, (b"zTXt", b"note\0\0" + zlib.compress(b"x" * (80 << 20))), pixels=bytes(20))
"""A small picture with a note that becomes 80 MB."""
