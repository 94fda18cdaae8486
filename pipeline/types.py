"""Small types and values that several stages share: events, reference pictures, finished stages, a guide's grey."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from utils.digest import canonical_json, digest_bytes

if TYPE_CHECKING:
    from utils.image import RGB

Level = Literal["note", "warning"]
REFERENCES = ("generate.reference", "generate.reference_2", "generate.reference_3", "generate.reference_4")
"""The settings that name reference pictures, in their order."""
NO_CONTROL = 128
"""Every channel of a guide's picture where nothing guides."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something the user should know: what was done differently than requested, and why."""

    stage: str
    sentence: str
    level: Level = "note"


@dataclass(frozen=True)
class Reference:
    """A picture that the result takes after."""

    path: Path

    @cached_property
    def digest(self) -> str:
        """Digest of the decoded pixels, so that a decoder that reads the file differently changes the cache key."""
        pixels = self.read()
        return digest_bytes(canonical_json(list(pixels.shape)) + pixels.tobytes())

    def read(self) -> RGB:
        """The decoded pixels."""
        from utils.image.picture_file import read_picture  # the web page reads this file, and no pictures

        return read_picture(self.path)


@dataclass(frozen=True)
class References:
    """The reference pictures that an engine takes, in their order, and how many more were given."""

    pictures: tuple[Reference, ...] = ()
    unused: int = 0

    @classmethod
    def of(cls, settings: Mapping[str, Any], most: int) -> References:
        """Those of the settings; read at once, so that a bad file is reported before anything is computed."""
        pictures = tuple(Reference(Path(settings[name])) for name in REFERENCES if settings.get(name))
        references = cls(pictures[:most], len(pictures[most:]))
        _ = references.digest
        return references

    @property
    def digest(self) -> str:
        """Digest of the pictures in their order."""
        return digest_bytes(canonical_json([picture.digest for picture in self.pictures]))

    def read(self) -> tuple[RGB, ...]:
        """The decoded pixels of each."""
        return tuple(picture.read() for picture in self.pictures)

    def note(self, engine: str) -> str:
        """A sentence about pictures that this engine has no use for; empty if there are none."""
        if not self.unused:
            return ""
        taken = len(self.pictures)
        if not taken:
            return f"{engine} does not use reference pictures."
        what = "the first reference picture only" if taken == 1 else f"{taken} reference pictures"
        return f"{engine} takes {what}; {self.unused} more {'is' if self.unused == 1 else 'are'} not used."


@dataclass(frozen=True)
class Done:
    """A finished stage of a run, for the report."""

    name: str
    seconds: float
    hit: bool
    bytes: int
    made_s: float = 0.0
    """What computing this very result took, now or when it was computed."""

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "name": self.name,
            "seconds": round(self.seconds, 4),
            "cache": "hit" if self.hit else "miss",
            "bytes": self.bytes,
        }
