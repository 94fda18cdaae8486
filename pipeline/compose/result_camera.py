"""The result's camera: the source's own or, on request, only a part of its movement."""

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
STEPS = 24


@dataclass(frozen=True)
class ResultCamera:
    """How each source frame is moved into the result: not at all, when all of the movement is put back."""

    matrices: Matrix | None = None
    """n x 3 x 3, frame -> result; None leaves frames as they are."""
    zoom: float = 1.0

    @classmethod
    def of(cls, stable: CameraPath, strength: float) -> "ResultCamera":
        """A share of the way from the calm camera (0) to the source's own (1), enlarged until no edge shows."""
        if strength == 1:
            return cls()
        calm = shift(*((np.array(stable.size) - np.array(stable.canvas)) / 2)) @ stable.matrices
        between = normal(strength * np.eye(3) + (1 - strength) * calm)
        zoom = _enough(between, stable.size)
        return cls(normal(_about_middle(zoom, stable.size) @ between), zoom)

    @property
    def kept_share(self) -> float:
        """Of the picture's area that is left after enlarging."""
        return 1 / self.zoom**2

    def shown(self, frame: Frame, matte: Mask) -> tuple[Frame, Mask]:
        """A frame and its matte as the result's camera sees them."""
        if self.matrices is None:
            return frame, matte
        size, into = Size.of(frame.rgb), self.matrices[frame.index]
        moved_matte = np.asarray(cv2.warpPerspective(matte, into, size, flags=cv2.INTER_LINEAR))
        return Frame(frame.index, frame.pts, warped(frame.rgb, into, size)), moved_matte

    def to_frame(self, index: int) -> Matrix:
        """Result -> source frame."""
        return np.eye(3) if self.matrices is None else inverse(self.matrices[index])


def _about_middle(zoom: float, size: Size) -> Matrix:
    middle = (np.array(size) - 1) / 2
    return np.asarray(shift(*middle) @ np.diag([zoom, zoom, 1.0]) @ shift(*-middle))


def _enough(matrices: Matrix, size: Size) -> float:
    """The least enlargement with which no frame shows its edge, up to a limit."""
    least, most = 1.0, MOST_ZOOM
    if _covered(matrices, size, least):
        return least
    for _ in range(STEPS):
        zoom = (least + most) / 2
        least, most = (least, zoom) if _covered(matrices, size, zoom) else (zoom, most)
    return most


def _covered(matrices: Matrix, size: Size, zoom: float) -> bool:
    back = inverse(_about_middle(zoom, size) @ matrices)
    seen = np.array([moved(each, corners(size)) for each in back])
    return bool((seen >= -0.5).all() and (seen <= np.array(size) - 0.5).all())
