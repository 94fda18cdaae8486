"""JPEG: pictures for people to look at."""

from pathlib import Path

import cv2

from utils.image.arrays import RGB


def jpeg(rgb: RGB, quality: int) -> bytes:
    """A picture as the bytes of a JPEG; quality 1 to 100."""
    return bytes(cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def write_jpeg(path: Path, rgb: RGB, quality: int = 92) -> None:
    """A picture as a file; the caller owns the path and its atomicity."""
    path.write_bytes(jpeg(rgb, quality))
