"""A key set: painted frames of a clip in one file, each with the frame that it shows and where it lies over it.

It is a zip without compression, of pictures and keys.json. People give the same pictures in a folder, with or without a
keys.json, or a single one; `utils.paintings.painted` reads all of these.
"""

import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from utils.errors import PictureError
from utils.image import Size
from utils.image.geometry import Matrix
from utils.image.picture_file import RGBA
from utils.untrusted_json import UntrustedJson, read_object

NAME = "keys.json"
MOST_KEYS, MOST_BYTES = 1000, 2_000_000
IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
STORED_AT = (1980, 1, 1, 0, 0, 0)
"""The time of all files in a zip, so that the same pictures make the same bytes."""

Canvas = Literal["stable", "as filmed"]
Element = Annotated[float, Field(ge=-1e6, le=1e6)]
Row = tuple[Element, Element, Element]
Side = Annotated[int, Field(ge=1, le=32768)]


class _Values(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Key(_Values):
    """A painted frame, or one to paint; frames count from the first one of the file."""

    frame: int = Field(ge=0)
    file: str = Field(max_length=200)
    to_picture: tuple[Row, Row, Row] = IDENTITY
    """The homography from the source's frame to the picture."""
    size: tuple[Side, Side] | None = None
    """The size of the picture as it was given out or stored."""
    given_out: str = Field(default="", max_length=64)
    """The digest of the file before anybody painted on it."""
    reason: str = Field(default="", max_length=400)
    reaches: tuple[int, int] | None = None
    """The first and the last frame that are made from it."""

    @field_validator("to_picture")
    @classmethod
    def _can_be_inverted(cls, rows: tuple[Row, Row, Row]) -> tuple[Row, Row, Row]:
        if abs(np.linalg.det(np.array(rows))) < 1e-9:
            raise ValueError("the matrix has no inverse")
        return rows

    @property
    def matrix(self) -> Matrix:
        """The homography as an array."""
        return np.array(self.to_picture, float)


class KeySet(_Values):
    """What keys.json says: the clip that the keys are of, and the keys in their order."""

    version: Literal[1] = 1
    clip: str = Field(max_length=64)
    size: tuple[Side, Side]
    canvas: Canvas = "stable"
    keys: tuple[Key, ...] = Field(max_length=MOST_KEYS)

    @classmethod
    def read(cls, content: bytes) -> "KeySet":
        """What a keys.json says; PictureError if it is none."""
        try:
            return cls.model_validate(read_object(content, MOST_BYTES))
        except (ValidationError, UntrustedJson) as error:
            raise PictureError(
                f"The {NAME} beside the painted frames cannot be read.",
                f"Take the one that `python -m pipeline keys` wrote, or leave {NAME} out.",
            ) from error

    def to_json(self) -> bytes:
        """The bytes of keys.json."""
        return json.dumps(self.model_dump(mode="json", exclude_none=True), indent=1).encode()

    def check(self, clip: str, size: Size, frames: int) -> None:
        """Refuse keys that are not of the clip with this digest, size and number of frames."""
        if self.clip != clip:
            problem = "The painted frames are of another clip."
            raise PictureError(problem, f"Give those of this clip, or leave {NAME} out if they are of this one.")
        if self.size != size:
            shown = Size(*self.size)
            raise PictureError(f"The painted frames are of a clip of {shown}; this one is {size}.", "Give its own.")
        beyond = [key.frame for key in self.keys if key.frame >= frames]
        if beyond:
            problem = f"Frame {beyond[0]} is painted, but the clip's last one is {frames - 1}."
            raise PictureError(problem, "Take that picture out.")


def rows_of(matrix: Matrix) -> tuple[Row, Row, Row]:
    """A homography as keys.json has it."""
    first, second, third = (tuple(float(each) for each in row) for row in matrix / matrix[2, 2])
    return first, second, third  # type: ignore[return-value]


def renumbered(keys: Iterable[Key], start: int, frames: int) -> list[Key]:
    """Keys counted from the first frame of a part of the clip; those outside of it are left out."""
    return [key.model_copy(update={"frame": key.frame - start}) for key in keys if start <= key.frame < start + frames]


def png(picture: RGBA) -> bytes:
    """A picture as PNG, which keeps the colours of transparent pixels too."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def file_of(frame: int) -> str:
    """The name of the picture of a frame."""
    return f"{frame:06}.png"


def write_key_set(path: Path, keys: KeySet, pictures: Iterable[RGBA]) -> None:
    """Write a key set as one file. Atomicity is up to the caller."""
    pack_key_set(path, keys, map(png, pictures))


def pack_key_set(path: Path, keys: KeySet, contents: Iterable[bytes]) -> None:
    """Write a key set as one file, of pictures that are PNG already. Atomicity is up to the caller."""
    named: Sequence[str] = [key.file for key in keys.keys]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        _add(file, NAME, keys.to_json())
        for name, content in zip(named, contents, strict=True):
            _add(file, name, content)


def _add(file: zipfile.ZipFile, name: str, content: bytes) -> None:
    file.writestr(zipfile.ZipInfo(name, STORED_AT), content)
