"""Motion from frames to a key frame: steps between neighbours are joined, and corrected against the key itself.

Joined steps alone drift by a fraction of a pixel each; flow between distant frames alone fails where much has moved.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.flow import LEAST_PX, Flags, Flow, Grey, Search, Vectors, fetched, flow_pair, packed, scaled, unpacked
from utils.size import Size

Floats = NDArray[np.float32]

MOST_AREA_PX = 640 * 360
"""Pictures are reduced to this area for the flow, which is found no better in larger ones."""
SEARCH = Search("medium", shrink=1)
NEAR_PX = 3.0
"""Radius within which pictures are compared."""
ALIKE_LEVELS = 9.0
"""Difference of two pictures, without that of their brightness, at which a match is half as sure."""
SAME_SHARE = 0.5
"""Difference at which two places are still of one surface, as a share of the contrast there: a stripe that is missed by
a part of a pixel differs a lot."""
LIGHT_SHARE = 0.05
"""Differences broader than this share of the height are those of light."""


@dataclass(frozen=True)
class Match:
    """Where each pixel of a frame lies in a key frame (displacements), and how sure that is, 0 to 1."""

    vectors: Vectors
    sure: Floats

    @property
    def size(self) -> Size:
        return Size.of(self.sure)

    def resized(self, size: Size) -> "Match":
        """The match scaled to pictures of another size."""
        if size == self.size:
            return self
        return Match(scaled(self.vectors, size), cv2.resize(self.sure, size, interpolation=cv2.INTER_LINEAR))


FlowBetween = Callable[[int, int], Flow]
"""The flow from a frame to a neighbour, both counted in the stretch, at any size."""


class Motion:
    """Motion between the frames of a stretch, whose flow between neighbours is kept unless it is `known` already."""

    def __init__(self, greys: Sequence[Grey], known: FlowBetween | None = None) -> None:
        size = flow_size(Size.of(greys[0]))
        self._greys = [cv2.resize(grey, size, interpolation=cv2.INTER_AREA) for grey in greys]
        self._known = known
        self._steps: dict[tuple[int, int], tuple[NDArray[np.int16], Flags]] = {}
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def __len__(self) -> int:
        return len(self._greys)

    @property
    def size(self) -> Size:
        """The size of the pictures that the flow is found in."""
        return Size.of(self._greys[0])

    def away(self, key: int, stop: int) -> Iterator[tuple[int, Match]]:
        """The frames from a key on, forwards or backwards, up to but not including `stop`, each with its match."""
        height, width = self._greys[key].shape
        vectors, valid = np.zeros((height, width, 2), np.float32), np.ones((height, width), np.float32)
        side = 1 if stop > key else -1
        for frame in range(key + side, stop, side):
            step = self._step(frame, frame - side)
            vectors = np.asarray(step.vectors + fetched(vectors, step.vectors), np.float32)
            valid = np.minimum(step.valid.astype(np.float32), fetched(valid, step.vectors))
            vectors, alike = self._corrected(vectors, frame, key)
            yield frame, Match(vectors, _soft(valid) * alike)

    def _corrected(self, vectors: Vectors, frame: int, key: int) -> tuple[Vectors, Floats]:
        """Vectors searched on from these, wherever that brings the two pictures closer; and how alike they are then."""
        here, there = self._greys[frame], self._greys[key]
        better = self._search.calc(here, there, vectors.copy())
        old, new = _difference(here, there, vectors), _difference(here, there, better)
        chosen = cv2.GaussianBlur((new < old).astype(np.float32), (0, 0), NEAR_PX)[..., None]
        mixed = np.asarray(vectors + chosen * (better - vectors), np.float32)
        return mixed, np.exp2(-np.square(_difference(here, there, mixed) / ALIKE_LEVELS))

    def _step(self, source: int, target: int) -> Flow:
        if self._known is not None:
            return self._known(source, target).resized(self.size)
        if (source, target) not in self._steps:
            pair = flow_pair(self._greys[source], self._greys[target], (source, target), SEARCH)
            for flow in pair:
                self._steps[flow.source, flow.target] = packed(flow.vectors), flow.valid
        steps, valid = self._steps[source, target]
        return Flow(unpacked(steps), valid, source, target)


def flow_size(size: Size) -> Size:
    """The size at which flow between pictures of a size is found."""
    return size.scaled(min(1.0, (MOST_AREA_PX / size.area_px) ** 0.5), LEAST_PX)


def _difference(here: Grey, there: Grey, vectors: Vectors) -> Floats:
    """How unlike two pictures are near each pixel, in levels, but for the brightness of broad parts."""
    change = cv2.subtract(fetched(there, vectors), here, dtype=cv2.CV_32F)
    light = cv2.GaussianBlur(change, (0, 0), max(1.0, LIGHT_SHARE * len(here)))
    return np.asarray(cv2.GaussianBlur(cv2.absdiff(change, light), (0, 0), NEAR_PX), np.float32)


def same_surface(here: Grey, there: Grey, vectors: Vectors) -> Flags:
    """Where two pictures show the same when one is brought onto the other, but for what a part of a pixel changes."""
    allowed = np.maximum(ALIKE_LEVELS, SAME_SHARE * _contrast(here))
    same: Flags = _difference(here, there, vectors) < allowed
    return same


def _contrast(grey: Grey) -> Floats:
    """The standard deviation of a picture near each pixel, in levels."""
    levels = grey.astype(np.float32)
    mean, square = (cv2.GaussianBlur(each, (0, 0), NEAR_PX) for each in (levels, levels * levels))
    return np.asarray(np.sqrt(np.maximum(square - mean * mean, 0)), np.float32)


def _soft(valid: Floats) -> Floats:
    """Validity that falls off towards what is not valid, where flow is least exact."""
    return np.asarray(np.minimum(valid, cv2.GaussianBlur(cv2.erode(valid, np.ones((3, 3))), (0, 0), 1.5)), np.float32)
