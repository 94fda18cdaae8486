"""Mattes and brush strokes that people give: checked by a guarded child, and stored by their digest."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.library import inspection
from pipeline.library.given import FOLDERS, arriving, find, moved_in
from utils.atomic_file import write_atomically
from utils.digest import digest_bytes
from utils.errors import ClipError
from utils.size import Size


@dataclass(frozen=True)
class StoredMatte:
    """A stored matte: its digest, and for how many frames of which size it is."""

    digest: str
    frames: int
    width_px: int
    height_px: int

    def to_json(self) -> dict[str, str | int]:
        """The matte as the page is told of it."""
        return {"digest": self.digest, "frames": self.frames, "width_px": self.width_px, "height_px": self.height_px}


def keep(under: Path, part: Path) -> StoredMatte:
    """Store a matte: a guarded child reads it, then the file is moved in. ClipError if it is no matte.

    `part` must lie on the same file system as the home.
    """
    folder = under.absolute() / FOLDERS["matte"]
    folder.mkdir(parents=True, exist_ok=True)
    answer = inspection.matte(part)
    if "problem" in answer:
        raise ClipError(answer["problem"], answer["remedy"])
    return StoredMatte(moved_in(under, "matte", part, ".matte"), answer["frames"], answer["width"], answer["height"])


def take(under: Path, file: Path) -> StoredMatte:
    """Store a copy of a matte that stays where it is."""
    try:
        with arriving(under, "matte") as part:
            shutil.copyfile(file, part)
            return keep(under, part)
    except OSError as error:
        raise ClipError(
            f"{str(file)!r} cannot be read: {error.strerror}.", "Give a video, or a zip of PNGs."
        ) from error


def check_strokes(under: Path, digest: str, clip: str, facts: Mapping[str, Any]) -> None:
    """Refuse stored strokes that were painted on another clip than the one with this digest and these facts."""
    from utils.people.strokes import Strokes

    path = find(under, "strokes", digest)
    if path is None:
        raise ClipError("The brush strokes are not on this machine any more.", "Paint again, or clear them.")
    Strokes.of_file(path).check(clip, Size(facts["width"], facts["height"]), facts["frames"])


def keep_strokes(under: Path, content: bytes) -> str:
    """Store brush strokes; returns their digest. ClipError if they are none."""
    from utils.people.strokes import Strokes

    content = Strokes.read(content).to_json()
    digest = digest_bytes(content)
    folder = under.absolute() / FOLDERS["strokes"]
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / f"{digest}.json", content)
    return digest
