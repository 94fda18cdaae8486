"""Painted frames that people give: packed into one file, checked by a guarded child, and stored by its digest."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.library import inspection
from pipeline.library.given import FOLDERS, arriving, moved_in
from utils.errors import PictureError

ROLE = "keys"


@dataclass(frozen=True)
class StoredKeys:
    """Stored painted frames: their digest, and how many pictures there are."""

    digest: str
    pictures: int

    def to_json(self) -> dict[str, str | int]:
        """What the page is told of them."""
        return {"digest": self.digest, "pictures": self.pictures}


def keep(under: Path, part: Path) -> StoredKeys:
    """Store painted frames: a guarded child reads all of them, then the file is moved in.

    `part` must lie on the same file system as the home. PictureError if it holds no pictures that can be read.
    """
    (under.absolute() / FOLDERS[ROLE]).mkdir(parents=True, exist_ok=True)
    answer = inspection.keys(part)
    if "problem" in answer:
        raise PictureError(answer["problem"], answer["remedy"])
    return StoredKeys(moved_in(under, ROLE, part, ".zip"), answer["pictures"])


def take(under: Path, given: Path) -> StoredKeys:
    """Store a copy of a folder, a zip or a picture that stays where it is."""
    from utils.paintings.painted import Painted

    try:
        with arriving(under, ROLE) as part:
            Painted(given).pack(part)
            return keep(under, part)
    except OSError as error:
        raise PictureError(f"{str(given)!r} cannot be kept: {error.strerror}.", "Make room, and try again.") from error
