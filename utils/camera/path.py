"""CameraPath: for each frame of a clip the homography into one picture that all frames share.

A path outlives a run: it is written to and read from JSON, and can be used on a copy of the clip with another size or
frame rate.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utils.errors import ClipError
from utils.image import Size
from utils.image.geometry import Matrix, inverse, normal, resize

VERSION = 1
CONVENTION = "3x3 row-major; column vectors (x, y, 1); pixel centres at whole numbers; frame -> shared picture"


@dataclass(frozen=True)
class CameraPath:
    """n homographies, frame -> shared picture, of a clip of `size`. Pixels are resampled once, at the end.

    `breaks` are the frames that begin a new shot; shots have no known position relative to each other.
    """

    matrices: Matrix
    confidence: NDArray[np.float64]
    pts: tuple[int, ...]
    time_base: Fraction
    size: Size
    canvas: Size
    breaks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.pts)
        if self.matrices.shape != (count, 3, 3) or self.confidence.shape != (count,):
            raise ValueError(
                f"{self.matrices.shape} matrices and {self.confidence.shape} confidences of {count} frames"
            )
        if not np.isfinite(self.matrices).all():
            raise ValueError("a camera path has a matrix for every frame")

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def shots(self) -> tuple[range, ...]:
        """The frames of each shot."""
        edges = (0, *(each for each in self.breaks if 0 < each < len(self)), len(self))
        return tuple(range(start, stop) for start, stop in pairwise(edges))

    def times_s(self) -> NDArray[np.float64]:
        """Time of each frame in seconds, counted from the first."""
        return np.array([float((pts - self.pts[0]) * self.time_base) for pts in self.pts])

    def inverse(self) -> Matrix:
        """Shared picture -> frame, n x 3 x 3."""
        return inverse(self.matrices)

    def then(self, after: Matrix, canvas: Size) -> "CameraPath":
        """The path followed by one more move (one matrix, or one for each frame), into another shared picture."""
        return replace(self, matrices=normal(after @ self.matrices), canvas=canvas)

    def for_size(self, size: Size) -> "CameraPath":
        """The path for a copy of the clip in another size; the shared picture is scaled along with it."""
        x, y = size.width_px / self.size.width_px, size.height_px / self.size.height_px
        canvas = Size(round(self.canvas.width_px * x), round(self.canvas.height_px * y))
        bigger = resize(self.size, size)
        return replace(self, matrices=normal(bigger @ self.matrices @ inverse(bigger)), size=size, canvas=canvas)

    def for_times(self, pts: Sequence[int], time_base: Fraction) -> "CameraPath":
        """The path interpolated at other times, for a copy of the clip with another rate; constant past its ends."""
        times_s = np.array([float((value - pts[0]) * time_base) for value in pts])
        own_times_s = self.times_s()
        after = np.clip(np.searchsorted(own_times_s, times_s), 1, max(1, len(self) - 1))
        before, after = after - 1, np.minimum(after, len(self) - 1)
        step = np.maximum(own_times_s[after] - own_times_s[before], 1e-9)
        share = np.clip((times_s - own_times_s[before]) / step, 0, 1)
        share = np.where(np.isin(after, self.breaks), np.round(share), share)[:, None, None]
        matrices = (1 - share) * self.matrices[before] + share * self.matrices[after]
        nearest = np.where(share[:, 0, 0] < 0.5, before, after)
        breaks = tuple(int(np.argmax(nearest >= each)) for each in self.breaks if (nearest >= each).any())
        return replace(
            self,
            matrices=normal(matrices),
            confidence=self.confidence[nearest],
            pts=tuple(pts),
            time_base=time_base,
            breaks=breaks,
        )

    def to_json(self) -> str:
        """Readable JSON; floats are written so that they are read back exactly."""
        return json.dumps(
            {
                "version": VERSION,
                "convention": CONVENTION,
                "size": self.size,
                "canvas": self.canvas,
                "time_base": str(self.time_base),
                "breaks": self.breaks,
                "pts": self.pts,
                "confidence": self.confidence.tolist(),
                "matrices": self.matrices.tolist(),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "CameraPath":
        """Parse what `to_json` wrote; ClipError when it is no camera path of this version."""
        try:
            data: dict[str, Any] = json.loads(text)
            if data["version"] != VERSION:
                raise ClipError(
                    f"This camera path is of version {data['version']}, not {VERSION}.",
                    "Make it again with this version of Reshoot.",
                )
            return cls(
                matrices=np.array(data["matrices"], float).reshape(-1, 3, 3),
                confidence=np.array(data["confidence"], float),
                pts=tuple(data["pts"]),
                time_base=Fraction(data["time_base"]),
                size=Size(*data["size"]),
                canvas=Size(*data["canvas"]),
                breaks=tuple(data["breaks"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ClipError("This file is no camera path.", "Give one that Reshoot wrote.") from error
