"""Brush strokes by which people mend a matte: each adds to the person, or takes away, along a line in one frame."""

from collections.abc import Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from utils.digest import canonical_json, digest_bytes
from utils.errors import ClipError
from utils.image import Size
from utils.media.clip import Clip

Signed = NDArray[np.int8]
"""H x W: ADDED where strokes add to the person, REMOVED where they take away, 0 elsewhere; less sure in between."""

ADDED, REMOVED = 127, -127
MOST_STROKES, MOST_POINTS = 2000, 20_000
MOST_BYTES = 8_000_000
SUBPIXEL_BITS = 4

Coordinate = Annotated[float, Field(ge=-32768, le=32768)]


class _Values(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Stroke(_Values):
    """A round brush drawn along points of one frame, in px of the picture."""

    frame: int = Field(ge=0)
    adds: bool
    radius_px: float = Field(gt=0, le=2000)
    points: tuple[tuple[Coordinate, Coordinate], ...] = Field(min_length=1, max_length=MOST_POINTS)


class Strokes(_Values):
    """All strokes on a clip of this size, in the order in which they were drawn; a later one covers an earlier one."""

    clip: str = Field(default="", max_length=64)
    """The digest of the clip that they were drawn on, if it is known."""
    width_px: int = Field(gt=0)
    height_px: int = Field(gt=0)
    strokes: tuple[Stroke, ...] = Field(min_length=1, max_length=MOST_STROKES)

    @classmethod
    def read(cls, content: bytes) -> "Strokes":
        """Strokes from the bytes of a JSON file."""
        try:
            if len(content) > MOST_BYTES:
                raise ValueError("too large")
            return cls.model_validate_json(content)
        except (ValidationError, ValueError) as error:
            raise ClipError(
                "This is no file of brush strokes on a matte.", "Paint on a frame in the app, or leave the file out."
            ) from error

    @classmethod
    def of_file(cls, path: Path) -> "Strokes":
        """Strokes from a file."""
        try:
            with path.open("rb") as file:
                return cls.read(file.read(MOST_BYTES + 1))
        except OSError as error:
            raise ClipError(f"{str(path)!r} cannot be read: {error.strerror}.", "Check its path.") from error

    @cached_property
    def digest(self) -> str:
        return digest_bytes(self.to_json())

    @property
    def frames(self) -> list[int]:
        """The frames that are drawn on, ascending."""
        return sorted({stroke.frame for stroke in self.strokes})

    def to_json(self) -> bytes:
        """The bytes of a JSON file, the same for the same strokes."""
        return canonical_json(self.model_dump(mode="json"))

    def on(self, clip: Clip) -> "Strokes":
        """The strokes on a clip, or on a part of one, counted from its first frame.

        Strokes that were drawn on another clip are refused, and such that all lie outside the part that is used.
        """
        self.check(clip.of_file.digest, clip.size, len(clip.of_file))
        here = [stroke for stroke in self.strokes if stroke.frame - clip.start in clip.span]
        moved = tuple(stroke.model_copy(update={"frame": stroke.frame - clip.start}) for stroke in here)
        if not moved:
            part = f"frames {clip.start} to {clip.start + len(clip) - 1}"
            raise ClipError(
                f"All brush strokes are outside of the part of the clip that is used, {part}.",
                "Paint in a frame of that part, or clear the strokes.",
            )
        return self.model_copy(update={"strokes": moved, "clip": ""})

    def check(self, clip: str, size: Size, frames: int) -> None:
        """Refuse strokes that were not painted on the clip with this digest, size and number of frames."""
        if self.clip not in ("", clip):
            raise ClipError("The brush strokes were painted on another clip.", "Paint on this one, or leave them out.")
        if size != (self.width_px, self.height_px):
            raise ClipError(
                f"The brush strokes are for pictures of {self.width_px}x{self.height_px}; this clip has {size}.",
                "Draw them on this clip.",
            )
        if self.frames[-1] >= frames:
            problem = f"A brush stroke is in frame {self.frames[-1]}, but the clip's last one is {frames - 1}."
            raise ClipError(problem, "Draw it in another frame.")

    def painted(self, frame: int) -> Signed:
        """The strokes of a frame as a picture."""
        return painted(
            [stroke for stroke in self.strokes if stroke.frame == frame], Size(self.width_px, self.height_px)
        )


def painted(strokes: Sequence[Stroke], size: Size) -> Signed:
    """Strokes drawn one over the other."""
    result = np.zeros((size.height_px, size.width_px), np.int8)
    for adds, group in groupby(strokes, lambda stroke: stroke.adds):
        covered = np.zeros(result.shape, np.uint8)
        for stroke in group:
            _draw(covered, stroke)
        result[covered > 0] = ADDED if adds else REMOVED
    return result


def _draw(covered: NDArray[np.uint8], stroke: Stroke) -> None:
    """Mark what a stroke covers; a single point is a dot."""
    line = np.rint(np.array(stroke.points) * (1 << SUBPIXEL_BITS)).astype(np.int32)
    cv2.polylines(covered, [line], False, 255, max(1, round(2 * stroke.radius_px)), cv2.LINE_8, SUBPIXEL_BITS)
    for x, y in (line[0], line[-1]):
        radius = round(stroke.radius_px * (1 << SUBPIXEL_BITS))
        cv2.circle(covered, (int(x), int(y)), radius, 255, cv2.FILLED, cv2.LINE_8, SUBPIXEL_BITS)
