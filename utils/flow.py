"""Dense optical flow (OpenCV's DIS) with a forward-backward check that marks the pixels visible in both frames."""

from dataclasses import dataclass
from typing import Literal, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.size import Size

Vectors = NDArray[np.float32]
"""h x w x 2: displacement (right, down) in px from a pixel of one frame to the same surface in another."""
Flags = NDArray[np.bool_]
Grey = NDArray[np.uint8]
_Values = TypeVar("_Values", NDArray[np.uint8], NDArray[np.float32])
"""h x w, or h x w x channels."""

BACKEND = f"OpenCV {cv2.__version__} DIS"
_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}
AGREE_SHARE, AGREE_PX = 0.03, 0.5
"""Tolerance of the forward-backward check: share of the displacement, plus px at the reduced scale of the flow."""
STEPS_PER_PX = 16
"""Resolution of packed flow, which reaches displacements of 2047 px."""
LEAST_PX = 16
"""DIS needs pictures of at least this size."""


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


@dataclass(frozen=True)
class Search:
    """How flow is computed: DIS preset, and the factor by which pictures are reduced first."""

    preset: Literal["ultrafast", "fast", "medium"] = "medium"
    shrink: int = 2

    @property
    def backend(self) -> str:
        """Description for the provenance of a result."""
        return f"{BACKEND} {self.preset}, 1/{self.shrink}"


def flow_pair(
    before: Grey, after: Grey, indices: tuple[int, int] = (0, 1), search: Search | None = None
) -> tuple[Flow, Flow]:
    """Flow from one frame to another and back, at full size. `indices` are the frame numbers."""
    search = search or Search()
    there, back = _compute(before, after, search), _compute(after, before, search)
    forward = Flow(there, agreeing(there, back), indices[0], indices[1])
    backward = Flow(back, agreeing(back, there), indices[1], indices[0])
    size = Size.of(before)
    return forward.resized(size), backward.resized(size)


def flow_checked(source: Grey, target: Grey, indices: tuple[int, int] = (0, 1), search: Search | None = None) -> Flow:
    """The first of a `flow_pair`, without the check of the second."""
    search = search or Search()
    there, back = _compute(source, target, search), _compute(target, source, search)
    return Flow(there, agreeing(there, back), indices[0], indices[1]).resized(Size.of(source))


def flow_one_way(source: Grey, target: Grey, indices: tuple[int, int] = (0, 1), search: Search | None = None) -> Flow:
    """Flow in one direction, at half the cost: `valid` only says that a displacement ends inside the picture."""
    vectors = _compute(source, target, search or Search())
    return Flow(vectors, _inside(vectors), indices[0], indices[1]).resized(Size.of(source))


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


def agreeing(there: Vectors, back: Vectors) -> Flags:
    """Forward-backward check: where `there` ends inside the picture and `back` leads from that point to the start."""
    returned = fetched(back, there)
    miss = cv2.magnitude(*cv2.split(cv2.add(there, returned)))
    allowed = AGREE_SHARE * (cv2.magnitude(*cv2.split(there)) + cv2.magnitude(*cv2.split(returned))) / 2 + AGREE_PX
    result: Flags = (miss <= allowed) & _inside(there)
    return result


def packed(vectors: Vectors) -> NDArray[np.int16]:
    """Flow as int16 in 1/16 px: half the bytes and much better to compress. Larger displacements are clipped."""
    limits = np.iinfo(np.int16)
    steps: NDArray[np.int16] = np.clip(np.rint(vectors * STEPS_PER_PX), limits.min, limits.max).astype(np.int16)
    return steps


def unpacked(steps: NDArray[np.int16]) -> Vectors:
    """The inverse of `packed`, to within 1/32 px."""
    vectors: Vectors = steps.astype(np.float32) / STEPS_PER_PX
    return vectors


def _compute(source: Grey, target: Grey, search: Search) -> Vectors:
    """Flow at the reduced size."""
    if source.shape != target.shape:
        raise ValueError(f"flow between {source.shape} and {target.shape}")
    small = Size(*(max(LEAST_PX, round(side / search.shrink)) for side in source.shape[::-1]))
    pair = [cv2.resize(grey, small, interpolation=cv2.INTER_AREA) for grey in (source, target)]
    vectors: Vectors = cv2.DISOpticalFlow.create(_PRESETS[search.preset]).calc(pair[0], pair[1], None)
    return vectors


def _inside(vectors: Vectors) -> Flags:
    """Marks displacements that end inside the picture."""
    height, width = vectors.shape[:2]
    row = np.arange(height, dtype=np.float32)[:, None] + vectors[..., 1]
    column = np.arange(width, dtype=np.float32) + vectors[..., 0]
    result: Flags = (row > -0.5) & (row < height - 0.5) & (column > -0.5) & (column < width - 0.5)
    return result


def scaled(vectors: Vectors, size: Size) -> Vectors:
    """Displacements scaled to pictures of another size. They are scaled in rows, which takes a third of the time."""
    height, width = vectors.shape[:2]
    result: Vectors = cv2.resize(vectors, size, interpolation=cv2.INTER_LINEAR)
    rows = result.reshape(size.height_px, -1)
    rows *= np.tile(np.array([size.width_px / width, size.height_px / height], np.float32), size.width_px)
    return result
