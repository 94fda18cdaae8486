"""The result's camera: the source's own or, on request, one with only a part of its movement.

`frame_to_result` and `result_to_frame` lead between the coordinate frames that `compositor.py` lists.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.plan.stable_picture import warped
from utils.camera.path import CameraPath
from utils.camera.tracking import Mask
from utils.image import Size
from utils.image.geometry import Matrix, corners, inverse, moved, normal, shift
from utils.media.video import Frame

MOST_ZOOM = 1.5
"""The picture is never enlarged by more than this, even if an edge shows."""
STEPS = 24
"""Bisections in which the zoom is found."""


@dataclass(frozen=True)
class ResultCamera:
    """How each source frame is moved into the result: not at all, when all of the movement is put back."""

    frame_to_result: Matrix | None = None
    """Homographies, n x 3 x 3, source frame -> result; None leaves frames as they are."""
    zoom: float = 1.0

    @classmethod
    def of(cls, stable: CameraPath, strength: float) -> "ResultCamera":
        """The camera a share of the way from the calm one (0) to the source's own (1), enlarged until no edge shows."""
        if strength == 1:
            return cls()
        canvas_to_middle = shift(*((np.array(stable.size) - np.array(stable.canvas)) / 2))
        frame_to_calm = canvas_to_middle @ stable.matrices
        frame_to_blend = normal(strength * np.eye(3) + (1 - strength) * frame_to_calm)
        zoom = _least_zoom(frame_to_blend, stable.size)
        return cls(normal(_zoom_about_middle(zoom, stable.size) @ frame_to_blend), zoom)

    @property
    def kept_share(self) -> float:
        """The share of the picture's area that is left after enlarging."""
        return 1 / self.zoom**2

    def shown(self, frame: Frame, matte: Mask) -> tuple[Frame, Mask]:
        """A frame and its matte as the result's camera sees them."""
        if self.frame_to_result is None:
            return frame, matte
        size, to_result = Size.of(frame.rgb), self.frame_to_result[frame.index]
        moved_matte = np.asarray(cv2.warpPerspective(matte, to_result, size, flags=cv2.INTER_LINEAR))
        return Frame(frame.index, frame.pts, warped(frame.rgb, to_result, size)), moved_matte

    def result_to_frame(self, index: int) -> Matrix:
        """The homography from the result to the source frame."""
        return np.eye(3) if self.frame_to_result is None else inverse(self.frame_to_result[index])


def _zoom_about_middle(zoom: float, size: Size) -> Matrix:
    """The enlargement that leaves the middle of the picture where it is."""
    middle = (np.array(size) - 1) / 2
    return np.asarray(shift(*middle) @ np.diag([zoom, zoom, 1.0]) @ shift(*-middle))


def _least_zoom(frame_to_blend: Matrix, size: Size) -> float:
    """The least enlargement with which no frame shows its edge, at most MOST_ZOOM, found by bisection."""
    least, most = 1.0, MOST_ZOOM
    if _is_covered(frame_to_blend, size, least):
        return least
    for _ in range(STEPS):
        zoom = (least + most) / 2
        least, most = (least, zoom) if _is_covered(frame_to_blend, size, zoom) else (zoom, most)
    return most


def _is_covered(frame_to_blend: Matrix, size: Size, zoom: float) -> bool:
    """Whether every corner of the enlarged result lies inside its source frame."""
    result_to_frame = inverse(_zoom_about_middle(zoom, size) @ frame_to_blend)
    in_frame = np.array([moved(matrix, corners(size)) for matrix in result_to_frame])
    return bool((in_frame >= -0.5).all() and (in_frame <= np.array(size) - 0.5).all())
