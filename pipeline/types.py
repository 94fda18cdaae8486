"""Small types that several stages and the report share: events, reference picture, finished stages."""

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
    """Something the user should know: what was done differently than requested, and why."""

    stage: str
    sentence: str
    level: Level = "note"


@dataclass(frozen=True)
class Reference:
    """The reference picture that the result takes its colours from."""

    path: Path

    @classmethod
    def of(cls, path: str | None) -> "Reference | None":
        """The picture of a setting; read at once, so that a bad file is reported before anything is computed."""
        if not path:
            return None
        reference = cls(Path(path))
        _ = reference.digest
        return reference

    @cached_property
    def digest(self) -> str:
        """Digest of the decoded pixels, so that a decoder that reads the file differently changes the cache key."""
        pixels = self.read()
        return digest_bytes(canonical_json(list(pixels.shape)) + pixels.tobytes())

    def read(self) -> RGB:
        """The decoded pixels."""
        return read_picture(self.path)


@dataclass(frozen=True)
class Done:
    """A finished stage of a run, for the report."""

    name: str
    seconds: float
    hit: bool
    bytes: int

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "name": self.name,
            "seconds": round(self.seconds, 4),
            "cache": "hit" if self.hit else "miss",
            "bytes": self.bytes,
        }
