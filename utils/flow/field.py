"""Flow: where the surface seen at each pixel of one frame lies in another frame, and how pictures are warped by it."""

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.size import Size

Vectors = NDArray[np.float32]
"""h x w x 2: displacement (right, down) in px from a pixel of one frame to the same surface in another."""
Flags = NDArray[np.bool_]
_Values = TypeVar("_Values", NDArray[np.uint8], NDArray[np.float32])
"""h x w, or h x w x channels."""


@dataclass(frozen=True)
class Flow:
    """Flow from frame `source` to frame `target`; `valid` (h x w) marks pixels whose surface is visible in both."""

    vectors: Vectors
    valid: Flags
    source: int
    target: int

    def __post_init__(self) -> None:
        if self.vectors.ndim != 3 or self.vectors.shape[2] != 2 or self.vectors.dtype != np.float32:
            raise ValueError(f"flow of {self.vectors.shape} {self.vectors.dtype}")
        if self.valid.shape != self.vectors.shape[:2] or self.valid.dtype != np.bool_:
            raise ValueError(f"flow of {self.vectors.shape} with {self.valid.shape} {self.valid.dtype} flags")

    @property
    def size(self) -> Size:
        return Size.of(self.vectors)

    def resized(self, size: Size) -> "Flow":
        """The flow scaled to pictures of another size."""
        if size == self.size:
            return self
        valid = cv2.resize(self.valid.astype(np.uint8) * 255, size, interpolation=cv2.INTER_LINEAR) > 127
        return Flow(scaled(self.vectors, size), valid, self.source, self.target)


def warped(picture: _Values, flow: Flow, *, sharp: bool = False) -> _Values:
    """Warp a picture of frame `flow.target` to frame `flow.source`.

    Outside the picture the nearest edge is repeated; `flow.valid` is not set there.
    """
    return fetched(picture, flow.vectors, sharp=sharp)


def fetched(picture: _Values, vectors: Vectors, *, sharp: bool = False) -> _Values:
    """output(p) = picture(p + vectors(p)); `sharp` interpolates cubically, which overshoots a little."""
    kind = cv2.INTER_CUBIC if sharp else cv2.INTER_LINEAR
    result: _Values = cv2.remap(picture, vectors, None, kind | cv2.WARP_RELATIVE_MAP, borderMode=cv2.BORDER_REPLICATE)
    return result


def scaled(vectors: Vectors, size: Size) -> Vectors:
    """Displacements scaled to pictures of another size. They are scaled in rows, which takes a third of the time."""
    height, width = vectors.shape[:2]
    result: Vectors = cv2.resize(vectors, size, interpolation=cv2.INTER_LINEAR)
    rows = result.reshape(size.height_px, -1)
    rows *= np.tile(np.array([size.width_px / width, size.height_px / height], np.float32), size.width_px)
    return result


def inside(vectors: Vectors) -> Flags:
    """Marks displacements that end inside the picture."""
    height, width = vectors.shape[:2]
    row = np.arange(height, dtype=np.float32)[:, None] + vectors[..., 1]
    column = np.arange(width, dtype=np.float32) + vectors[..., 0]
    result: Flags = (row > -0.5) & (row < height - 0.5) & (column > -0.5) & (column < width - 0.5)
    return result
