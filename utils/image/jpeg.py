"""JPEG encoding, for pictures that people look at."""

from pathlib import Path

import cv2

from utils.image.arrays import RGB


def jpeg(rgb: RGB, quality: int) -> bytes:
    """Encode a picture as JPEG; quality 1 to 100."""
    return bytes(cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def write_jpeg(path: Path, rgb: RGB, quality: int = 92) -> None:
    """Write a picture as a JPEG file; atomic replacement is up to the caller."""
    path.write_bytes(jpeg(rgb, quality))
