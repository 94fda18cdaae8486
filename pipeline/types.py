"""The nouns that only the journey knows."""

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from utils.digest import canonical_json, digest_bytes
from utils.image import RGB, Box
from utils.image.picture_file import read_picture
from utils.media.timebase import Span

Level = Literal["note", "warning"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that its user should know: what was done otherwise than asked, and why."""

    stage: str
    sentence: str
    level: Level = "note"


@dataclass(frozen=True)
class WindowPlan:
    """One call of the engine: frames of one segment, a part of the stable picture, and what it shares with others.

    `overlap` are its first frames, which the window before it makes too.
    """

    index: int
    segment: str
    span: Span
    box: Box
    overlap: int

    @property
    def digest(self) -> str:
        """Of all that it says."""
        return digest_bytes(canonical_json({**asdict(self), "box": list(self.box)}))


@dataclass(frozen=True)
class Reference:
    """A picture that the result takes its colours from."""

    path: Path

    @cached_property
    def digest(self) -> str:
        """Of its pixels: where a file is read otherwise than before, it counts as another picture."""
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
