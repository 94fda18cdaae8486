"""Reading a reference picture: whatever a person hands over, as RGB."""

from pathlib import Path

import cv2
import numpy as np

from pipeline.engines.base import EngineError
from utils.image import RGB


def read_reference(path: Path) -> RGB:
    """A picture file of any size, grey, 16-bit or with alpha; what is transparent takes the mean of the rest."""
    try:
        stored = np.fromfile(path, np.uint8)
    except OSError as error:
        raise EngineError(
            f"The reference picture {path.name!r} could not be read: {error.strerror}.", "Choose another file."
        ) from error
    picture = cv2.imdecode(stored, cv2.IMREAD_UNCHANGED) if len(stored) else None
    if picture is None or picture.size == 0:
        raise EngineError(f"{path.name!r} is not a picture that can be read.", "Choose a PNG or JPEG file.")
    return _rgb(_eight_bit(picture))


def _eight_bit(picture: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    if picture.dtype == np.uint16:
        return np.asarray(picture // 257, np.uint8)
    if picture.dtype == np.uint8:
        return picture
    return np.asarray(np.clip(np.nan_to_num(picture), 0, 1) * 255, np.uint8)


def _rgb(picture: np.ndarray) -> RGB:  # type: ignore[type-arg]
    """From what OpenCV reads: grey, BGR or BGRA."""
    if picture.ndim == 2:
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB))
    if picture.shape[2] == 3:
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
    colours, solid = cv2.cvtColor(picture, cv2.COLOR_BGRA2RGB), picture[..., 3] > 127
    if solid.any():
        colours[~solid] = np.rint(colours[solid].mean(axis=0))
    return np.asarray(colours)
