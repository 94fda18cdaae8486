"""Reference pictures: checked by a guarded child, and stored with a small copy.

references/<digest>.png             the uploaded file, unchanged; it is never served
           previews/<digest>.jpg    a small copy that a guarded child made of it
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from pipeline.library import inspection
from pipeline.library.given import FOLDERS, PART, PREVIEWS, arriving
from utils.digest import digest_file
from utils.disk import sync
from utils.errors import PictureError

FOLDER = FOLDERS["reference"]


@dataclass(frozen=True)
class Picture:
    """A stored picture, with its size after rotation by EXIF."""

    digest: str
    width_px: int
    height_px: int

    def to_json(self) -> dict[str, str | int]:
        """The picture as the page is told of it."""
        return {"digest": self.digest, "width": self.width_px, "height": self.height_px}


def keep(under: Path, part: Path) -> Picture:
    """Store a picture: a guarded child decodes it, then the file is moved in. PictureError if it is no picture.

    `part` must lie on the same file system as the home.
    """
    folder, fresh = under.absolute() / FOLDER, part.with_name(f"{part.name}.preview{PART}")
    (folder / PREVIEWS).mkdir(parents=True, exist_ok=True)
    try:
        answer = inspection.picture(part, fresh)
        if "problem" in answer:
            raise PictureError(answer["problem"], answer["remedy"])
        digest = digest_file(part, afresh=True)
        sync(part)
        part.replace(folder / f"{digest}{answer['suffix']}")
        fresh.replace(preview(under, digest))
        sync(folder)
    finally:
        fresh.unlink(missing_ok=True)
    return Picture(digest, answer["width"], answer["height"])


def preview(under: Path, digest: str) -> Path:
    """The path of a picture's small copy, which may not exist."""
    return under.absolute() / FOLDER / PREVIEWS / f"{digest}.jpg"


def take(under: Path, file: Path) -> Picture:
    """Store a copy of a picture that stays where it is."""
    try:
        with arriving(under, "reference") as part:
            shutil.copyfile(file, part)
            return keep(under, part)
    except OSError as error:
        raise PictureError(f"{str(file)!r} cannot be read: {error.strerror}.", "Check its path.") from error
