"""CameraPath: how the camera of a clip moved, from frame to frame and within each place.

A path outlives a run: it is written to and read from JSON, and can be used on a copy of the clip with another size or
frame rate.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utils.errors import ClipError
from utils.image import Size
from utils.image.geometry import Matrix, inverse, normal, resize, steps

UNKNOWN: Matrix = np.zeros((0, 3, 3))
VERSION = 2
"""Version 1 had no steps and no places: every frame of a shot led into one picture."""
CONVENTION = (
    "3x3 row-major; column vectors (x, y, 1); pixel centres at whole numbers; "
    "matrices: frame -> shared picture of its place; steps: frame -> frame before"
)


@dataclass(frozen=True)
class CameraPath:
    """The motion of a clip of `size`, n homographies of each kind. Pixels are resampled once, at the end.

    `matrices` lead from a frame into a picture that all frames of one place share, without drift. `steps` lead from a
    frame to the one before, and hold wherever the camera travels; a shot begins with the identity. `breaks` are the
    frames that begin a new shot; shots have no known position relative to each other. `place_starts` are other
    frames that begin a new place.
    """

    matrices: Matrix
    confidence: NDArray[np.float64]
    pts: tuple[int, ...]
    time_base: Fraction
    size: Size
    canvas: Size
    breaks: tuple[int, ...] = ()
    place_starts: tuple[int, ...] = ()
    mistimed: tuple[int, ...] = ()
    """Frames whose time since the frame before is not what their timestamps say."""
    steps: Matrix = field(default_factory=lambda: UNKNOWN)
    """When they are not given, they follow from the matrices, which needs each shot to be one place."""

    def __post_init__(self) -> None:
        count = len(self.pts)
        if self.matrices.shape != (count, 3, 3) or self.confidence.shape != (count,):
            raise ValueError(
                f"{self.matrices.shape} matrices and {self.confidence.shape} confidences of {count} frames"
            )
        if not len(self.steps) and not self.place_starts:
            object.__setattr__(self, "steps", _steps_of_shots(self.matrices, self.shots))
        if self.steps.shape != (count, 3, 3):
            raise ValueError(f"{self.steps.shape} steps of {count} frames")
        if not (np.isfinite(self.matrices).all() and np.isfinite(self.steps).all()):
            raise ValueError("a camera path has a matrix for every frame")

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def shots(self) -> tuple[range, ...]:
        """The frames of each shot."""
        return self._between(self.breaks)

    @property
    def places(self) -> tuple[range, ...]:
        """The frames of each place, within a shot."""
        return self._between(self.breaks + self.place_starts)

    def _between(self, starts: Sequence[int]) -> tuple[range, ...]:
        edges = (0, *sorted({each for each in starts if 0 < each < len(self)}), len(self))
        return tuple(range(start, stop) for start, stop in pairwise(edges))

    def times_s(self) -> NDArray[np.float64]:
        """Time of each frame in seconds, counted from the first, as far as timestamps are believed."""
        stamped_s = self.stamped_s()
        if not self.mistimed:
            return stamped_s
        intervals_s, at = np.diff(stamped_s), np.array(self.mistimed) - 1
        believed_s = np.delete(intervals_s, at)
        intervals_s[at] = np.median(believed_s) if len(believed_s) > len(at) / 4 else intervals_s.mean()
        return np.concatenate([[0.0], np.cumsum(intervals_s)])

    def stamped_s(self) -> NDArray[np.float64]:
        """The timestamp of each frame in seconds, counted from the first."""
        return np.array([float((pts - self.pts[0]) * self.time_base) for pts in self.pts])

    @property
    def zooms(self) -> NDArray[np.float64]:
        """How many px of the shared picture a px of each frame is."""
        return np.asarray(np.sqrt(np.abs(np.linalg.det(self.matrices[:, :2, :2]))))

    def inverse(self) -> Matrix:
        """Shared picture -> frame, n x 3 x 3."""
        return inverse(self.matrices)

    def then(self, after: Matrix, canvas: Size) -> "CameraPath":
        """The path with one more move after each matrix (one for all, or one for each frame)."""
        return replace(self, matrices=normal(after @ self.matrices), canvas=canvas)

    def for_size(self, size: Size) -> "CameraPath":
        """The path for a copy of the clip in another size; the shared picture is scaled along with it."""
        x, y = size.width_px / self.size.width_px, size.height_px / self.size.height_px
        canvas = Size(round(self.canvas.width_px * x), round(self.canvas.height_px * y))
        bigger = resize(self.size, size)
        matrices, steps = (normal(bigger @ each @ inverse(bigger)) for each in (self.matrices, self.steps))
        return replace(self, matrices=matrices, steps=steps, size=size, canvas=canvas)

    def for_times(self, pts: Sequence[int], time_base: Fraction) -> "CameraPath":
        """The path interpolated at other times, for a copy of the clip with another rate; constant past its ends."""
        times_s = np.array([float((value - pts[0]) * time_base) for value in pts])
        own_times_s = self.stamped_s()
        after = np.clip(np.searchsorted(own_times_s, times_s), 1, max(1, len(self) - 1))
        before, after = after - 1, np.minimum(after, len(self) - 1)
        step = np.maximum(own_times_s[after] - own_times_s[before], 1e-9)
        share = np.clip((times_s - own_times_s[before]) / step, 0, 1)
        share = np.where(np.isin(after, self.breaks + self.place_starts), np.round(share), share)[:, None, None]
        matrices = (1 - share) * self.matrices[before] + share * self.matrices[after]
        nearest = np.where(share[:, 0, 0] < 0.5, before, after)
        breaks, place_starts = (
            tuple(int(np.argmax(nearest >= each)) for each in starts if (nearest >= each).any())
            for starts in (self.breaks, self.place_starts)
        )
        return replace(
            self,
            matrices=normal(matrices),
            confidence=self.confidence[nearest],
            pts=tuple(pts),
            time_base=time_base,
            breaks=breaks,
            place_starts=place_starts,
            mistimed=(),
            steps=self._steps_at(nearest, normal(matrices)),
        )

    def _steps_at(self, nearest: NDArray[np.int64], matrices: Matrix) -> Matrix:
        """The steps between other times: from the matrices within a place, else from the nearest frames."""
        result = np.broadcast_to(np.eye(3), (len(nearest), 3, 3)).copy()
        start_of = {index: place.start for place in self.places for index in place}
        for index, (before, after) in enumerate(pairwise(nearest.tolist()), 1):
            if start_of[before] == start_of[after]:
                result[index] = normal(inverse(matrices[index - 1]) @ matrices[index])
            elif not any(before < each <= after for each in self.breaks):
                result[index] = normal(reduce(np.matmul, self.steps[before + 1 : after + 1]))
        return result

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
                "place_starts": self.place_starts,
                "pts": self.pts,
                "mistimed": self.mistimed,
                "confidence": self.confidence.tolist(),
                "matrices": self.matrices.tolist(),
                "steps": self.steps.tolist(),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "CameraPath":
        """Parse what `to_json` wrote; ClipError when it is no camera path of this version."""
        try:
            data: dict[str, Any] = json.loads(text)
            if data["version"] not in (1, VERSION):
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
                place_starts=tuple(data.get("place_starts", ())),
                mistimed=tuple(data.get("mistimed", ())),
                steps=np.array(data.get("steps", []), float).reshape(-1, 3, 3),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ClipError("This file is no camera path.", "Give one that Reshoot wrote.") from error


def _steps_of_shots(matrices: Matrix, shots: Sequence[range]) -> Matrix:
    """Steps from frame to frame within shots that are one place each."""
    return np.concatenate([steps(matrices[shot.start : shot.stop]) for shot in shots if len(shot)] or [UNKNOWN])
