"""Seeing a clip: cuts, faces, and where it is looked at, all from one decode at a reduced size."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.stage import Stage, Work
from utils.image import RGB, Size
from utils.image.focus import focal_point, smoothed
from utils.media.clip import Clip
from utils.media.video import ClipFrames
from utils.people.cuts import CutFinder
from utils.people.faces import Face, FaceModel
from utils.prefetch import prefetch
from utils.store import Entry

LONGEST_PX = 960
"""Longer side of what is looked at."""
CALM_S = 1.0
"""Standard deviation of the Gaussian that calms the focal point."""
BESIDE = 0.5
"""Faces of at least this share of the largest one's area are framed together with it."""
FILE = "seen.json"


@dataclass(frozen=True, slots=True)
class Look:
    """One frame that was looked at: its faces in px of the clip, and the focal point, from 0 to 1."""

    index: int
    faces: tuple[Face, ...]
    point: tuple[float, float]


@dataclass(frozen=True)
class Seen:
    """Cuts, faces and focal points, read from the cache."""

    entry: Entry
    clip: Clip

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def cuts(self) -> tuple[int, ...]:
        """The frames that begin a new shot."""
        return tuple(self._facts["cuts"])

    @cached_property
    def looks(self) -> tuple[Look, ...]:
        """The frames that were looked at."""
        return tuple(
            Look(index, tuple(Face(*face) for face in faces), (point[0], point[1]))
            for index, faces, point in self._facts["looks"]
        )

    @cached_property
    def with_faces(self) -> float:
        """The share of these frames that show a face."""
        return sum(bool(look.faces) for look in self.looks) / max(1, len(self.looks))

    def focus(self, cuts: Sequence[int]) -> NDArray[np.float64]:
        """Calm focal points, n x 3: time in s, x and y from 0 to 1; `cuts` are those that count."""
        times = [float(self.clip.time_s(look.index)) for look in self.looks]
        shots = np.searchsorted(cuts, [look.index for look in self.looks], side="right").tolist()
        calm = smoothed([look.point for look in self.looks], times, shots, CALM_S)
        return np.column_stack([times, calm]) if times else np.zeros((0, 3))

    @cached_property
    def _facts(self) -> Mapping[str, Any]:
        return dict(json.loads(self.entry.read_bytes(FILE)))


def _see(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    scale = min(1.0, LONGEST_PX / max(clip.size))
    every_s, due_s = Fraction(str(work.settings["seen.every_s"])), Fraction(-1)
    finder, model = CutFinder(), FaceModel()
    cuts, looks = list[int](), list[tuple[int, list[tuple[float, ...]], tuple[float, float]]]()
    try:
        for frame in prefetch(ClipFrames.of(clip, clip.size.scaled(scale))):
            is_cut = finder.is_cut(frame.rgb)
            if is_cut:
                cuts.append(frame.index)
            if is_cut or clip.time_s(frame.index) >= due_s:
                looks.append((frame.index, *_look(frame.rgb, model, clip.size)))
                due_s = clip.time_s(frame.index) + every_s
            work.report(frame.index + 1, len(clip))
    finally:
        model.close()
    (work.folder / FILE).write_text(json.dumps({"cuts": cuts, "looks": looks}))


def _look(rgb: RGB, model: FaceModel, size: Size) -> tuple[list[tuple[float, ...]], tuple[float, float]]:
    """Faces in px of the clip, and the focal point: of the faces, or of what stands out where there are none."""
    faces, seen = model.find(rgb), Size.of(rgb)
    point = _middle_of(faces, seen) if faces else focal_point(rgb)
    factor = size.width_px / seen.width_px
    full = [face.scaled(factor) for face in faces]
    rounded: list[tuple[float, ...]] = [
        (round(face.left, 1), round(face.top, 1), round(face.width, 1), round(face.height, 1), round(face.score, 3))
        for face in full
    ]
    return rounded, (round(point[0], 4), round(point[1], 4))


def _middle_of(faces: Sequence[Face], size: Size) -> tuple[float, float]:
    """The middle of the large faces, by their areas."""
    large = [face for face in faces if face.area >= BESIDE * faces[0].area]
    total = sum(face.area for face in large)
    x, y = (sum(face.centre[axis] * face.area for face in large) / total for axis in (0, 1))
    return min(1.0, max(0.0, x / size.width_px)), min(1.0, max(0.0, y / size.height_px))


SEEN = Stage(
    "seen",
    version=1,
    run=_see,
    settings=("seen.every_s",),
    tools=("mediapipe", "opencv-contrib-python", "av", "numpy"),
)
