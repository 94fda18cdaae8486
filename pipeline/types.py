"""The nouns that only the journey knows."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from utils.digest import canonical_json, digest_bytes
from utils.image import RGB
from utils.image.picture_file import read_picture

Level = Literal["note", "warning"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that its user should know: what was done otherwise than asked, and why."""

    stage: str
    sentence: str
    level: Level = "note"


@dataclass(frozen=True)
class Reference:
    """A picture that the result takes its colours from."""

    path: Path

    @classmethod
    def of(cls, path: str | None) -> "Reference | None":
        """The picture of a setting; read once, so that what is wrong with it is said before anything is computed."""
        if not path:
            return None
        reference = cls(Path(path))
        _ = reference.digest
        return reference

    @cached_property
    def digest(self) -> str:
        """The digest of its pixels: where a file is read otherwise than before, it counts as another picture."""
        pixels = self.read()
        return digest_bytes(canonical_json(list(pixels.shape)) + pixels.tobytes())

    def read(self) -> RGB:
        """Its pixels."""
        return read_picture(self.path)


@dataclass(frozen=True)
class Done:
    """One stage of a run as the report tells it."""

    name: str
    seconds: float
    hit: bool
    bytes: int

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name,
            "seconds": round(self.seconds, 4),
            "cache": "hit" if self.hit else "miss",
            "bytes": self.bytes,
        }
