"""Faces in single pictures, by MediaPipe's short-range detector, which comes with the package.

It sees a picture at 128 x 128 and misses faces below a seventh of its width. Where the whole shows none, tiles are
looked at, and then smaller ones. It takes much for a face (motorcycles, galaxies, a cup), always unsurely; so each is
looked at twice more, from near and from further away, and counts where it is sure both times.
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from utils.image import RGB
from utils.people.model import quiet_start

SURE, SURE_AGAIN = 0.5, 0.8
"""Least score of a face, and when it is looked at again: photographs without faces reach 0.66 there, faces 0.92."""
SHARES, STEP = (1.0, 0.4, 0.22), 0.6
"""Sides of tiles as shares of the longer side of the picture, and how far apart they lie as a share of their side."""
NEAR, FAR = 2.5, 3.5
"""Sides of what is looked at again, as multiples of the face's."""
SAME = 0.3
"""Boxes that overlap by more than this share of their union, or of the smaller one's half, are one face."""


@dataclass(frozen=True, slots=True)
class Face:
    """A face: its box in px, which may reach a little out of the picture, and how sure it is, 0 to 1."""

    left: float
    top: float
    width: float
    height: float
    score: float

    @property
    def centre(self) -> tuple[float, float]:
        """x and y of the middle of the face's box."""
        return self.left + self.width / 2, self.top + self.height / 2

    @property
    def area(self) -> float:
        """The area of the face's box, in px²."""
        return self.width * self.height

    def scaled(self, factor: float, left: float = 0.0, top: float = 0.0) -> "Face":
        """This face in a picture that is larger by a factor, moved."""
        return Face(
            self.left * factor + left, self.top * factor + top, self.width * factor, self.height * factor, self.score
        )


class FaceModel:
    """Finds faces; the detector is loaded at first use, and freed by `close`."""

    def __init__(self) -> None:
        self._model: Any = None

    def find(self, rgb: RGB) -> tuple[Face, ...]:
        """The faces of a picture, the largest first; small ones only where there are no larger ones."""
        found: tuple[Face, ...] = ()
        for share in SHARES:
            taken = [
                face.scaled(1.0, left, top) for left, top, tile in tiles(rgb, share) for face in self._detect(tile)
            ]
            found = _distinct([sure for face in _distinct(taken) if (sure := self._again(rgb, face))])
            if found:
                break
        return found

    def close(self) -> None:
        """Free the detector."""
        if self._model is not None:
            self._model.close()
            self._model = None

    def _again(self, rgb: RGB, face: Face) -> Face | None:
        """The face as it is seen from further away, if it is sure from near, too."""
        seen = list[Face]()
        for reach in (NEAR, FAR):
            left, top, part = _around(rgb, face, reach)
            same = [each for each in (one.scaled(1.0, left, top) for one in self._detect(part)) if _overlap(each, face)]
            seen += sorted(same, key=lambda each: -each.score)[:1]
        sure = len(seen) == 2 and min(each.score for each in seen) >= SURE_AGAIN
        return seen[-1] if sure else None

    def _detect(self, rgb: RGB) -> Iterator[Face]:
        height, width = rgb.shape[:2]
        with nullcontext() if self._model is not None else quiet_start():
            found = self._loaded().process(np.ascontiguousarray(rgb))
        for each in found.detections or ():
            box = each.location_data.relative_bounding_box
            yield Face(
                box.xmin * width, box.ymin * height, box.width * width, box.height * height, float(each.score[0])
            )

    def _loaded(self) -> Any:
        if self._model is None:
            from utils.people.quick_mediapipe import FaceDetection

            self._model = FaceDetection(min_detection_confidence=SURE, model_selection=0)
        return self._model


def tiles(rgb: RGB, share: float) -> Iterator[tuple[int, int, RGB]]:
    """Tiles that overlap and cover a picture, square but where one side is shorter, with their left and top edges."""
    height, width = rgb.shape[:2]
    side = max(64, round(share * max(height, width)))
    for top in _starts(height, min(side, height)):
        for left in _starts(width, min(side, width)):
            yield left, top, rgb[top : top + side, left : left + side]


def _starts(length: int, side: int) -> list[int]:
    """Where tiles begin along one side, evenly."""
    count = 1 + ceil((length - side) / max(1, STEP * side))
    return [round(k * (length - side) / max(1, count - 1)) for k in range(count)]


def _around(rgb: RGB, face: Face, reach: float) -> tuple[int, int, RGB]:
    """A square around a face, inside of the picture, and its left and top edge."""
    height, width = rgb.shape[:2]
    side = max(32, round(reach * max(face.width, face.height)))
    x, y = face.centre
    left, top = (round(max(0.0, min(at - side / 2, length - side))) for at, length in ((x, width), (y, height)))
    return left, top, rgb[top : top + side, left : left + side]


def _distinct(faces: Sequence[Face]) -> tuple[Face, ...]:
    """Each face once, by the surest of its boxes, the largest face first."""
    kept = list[Face]()
    for face in sorted(faces, key=lambda each: -each.score):
        if all(_overlap(face, other) <= SAME for other in kept):
            kept.append(face)
    return tuple(sorted(kept, key=lambda each: -each.area))


def _overlap(one: Face, other: Face) -> float:
    """The share of the union that two boxes have in common; of the smaller one, if most of it lies in the other."""
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    common = max(0.0, width) * max(0.0, height)
    return max(common / max(1e-9, one.area + other.area - common), common / max(1e-9, 2 * min(one.area, other.area)))
