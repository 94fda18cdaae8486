"""The search for optical flow between two frames (OpenCV's DIS), and the forward-backward check."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.flow.field import Flags, Flow, Vectors, fetched, inside
from utils.size import Size

Grey = NDArray[np.uint8]

BACKEND = f"OpenCV {cv2.__version__} DIS"
_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}
AGREE_SHARE, AGREE_PX = 0.03, 0.5
"""Tolerance of the forward-backward check: share of the displacement, plus px at the reduced scale of the flow."""
LEAST_PX = 16
"""DIS needs pictures of at least this size."""


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
    agree = agreeing_on_half if search.shrink == 1 else agreeing
    forward = Flow(there, agree(there, back), indices[0], indices[1])
    backward = Flow(back, agree(back, there), indices[1], indices[0])
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
    return Flow(vectors, inside(vectors), indices[0], indices[1]).resized(Size.of(source))


def agreeing(there: Vectors, back: Vectors) -> Flags:
    """Forward-backward check: where `there` ends inside the picture and `back` leads from that point to the start."""
    returned = fetched(back, there)
    miss = cv2.magnitude(*cv2.split(cv2.add(there, returned)))
    allowed = AGREE_SHARE * (cv2.magnitude(*cv2.split(there)) + cv2.magnitude(*cv2.split(returned))) / 2 + AGREE_PX
    result: Flags = (miss <= allowed) & inside(there)
    return result


def agreeing_on_half(there: Vectors, back: Vectors) -> Flags:
    """As `agreeing`, at half the size and a quarter of the cost; no preset of DIS finds vectors on a finer grid."""
    height, width = there.shape[:2]
    half = [np.multiply(each[::2, ::2], np.float32(0.5)) for each in (there, back)]
    return np.repeat(np.repeat(agreeing(*half), 2, axis=0), 2, axis=1)[:height, :width]


def _compute(source: Grey, target: Grey, search: Search) -> Vectors:
    """Flow at the reduced size."""
    if source.shape != target.shape:
        raise ValueError(f"flow between {source.shape} and {target.shape}")
    small = Size(*(max(LEAST_PX, round(side / search.shrink)) for side in source.shape[::-1]))
    pair = [cv2.resize(grey, small, interpolation=cv2.INTER_AREA) for grey in (source, target)]
    vectors: Vectors = _searcher(search).calc(pair[0], pair[1], None)
    return vectors


def _searcher(search: Search) -> cv2.DISOpticalFlow:
    """A new search. One that was used before would be a tenth faster, but what it finds depends on what it saw then."""
    return cv2.DISOpticalFlow.create(_PRESETS[search.preset])
