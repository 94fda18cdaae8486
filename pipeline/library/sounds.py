"""Music and sounds that people give: a guarded child reads each to its end, then it is stored by its digest."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from pipeline.library import inspection
from pipeline.library.given import FOLDERS, arriving, moved_in
from utils.errors import UnreadableClip


@dataclass(frozen=True)
class StoredSound:
    """A stored sound, and how long it is."""

    digest: str
    seconds: float

    def to_json(self) -> dict[str, str | float]:
        """The sound as the page is told of it."""
        return {"digest": self.digest, "seconds": self.seconds}


def keep(under: Path, part: Path) -> StoredSound:
    """Store a sound; UnreadableClip if the file has none. `part` must lie on the same file system as the home."""
    folder = under.absolute() / FOLDERS["sound"]
    folder.mkdir(parents=True, exist_ok=True)
    answer = inspection.sound(part)
    if "problem" in answer:
        raise UnreadableClip(answer["problem"], answer["remedy"])
    return StoredSound(moved_in(under, "sound", part, ".sound"), round(answer["seconds"], 3))


def take(under: Path, file: Path) -> StoredSound:
    """Store a copy of a sound that stays where it is."""
    try:
        with arriving(under, "sound") as part:
            shutil.copyfile(file, part)
            return keep(under, part)
    except OSError as error:
        raise UnreadableClip(f"{str(file)!r} cannot be read: {error.strerror}.", "Check its path.") from error
