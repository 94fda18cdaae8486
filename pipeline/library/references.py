"""Reference pictures, stored by the digest of their content, by which settings name them too.

references/<digest>.png             the uploaded file, unchanged; it is never served
           previews/<digest>.jpg    a small copy that a guarded child made of it
"""

import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.library import inspection
from utils.digest import digest_file
from utils.disk import sync
from utils.errors import PictureError, SettingsError
from utils.home import home

FOLDER = "references"
PREVIEWS, PART, GONE = "previews", ".part", ".gone"
KEPT_S = 7 * 24 * 3600.0
"""How long a picture is kept that no job uses."""
_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Picture:
    """A stored picture, with its size after rotation by EXIF."""

    digest: str
    width_px: int
    height_px: int


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


def stay(under: Path, name: object) -> bool:
    """Renew the time for which a picture is kept (its mtime); returns whether it is stored at all."""
    with suppress(FileNotFoundError):
        if place := find(under, name):
            os.utime(place)
            return True
    return False


def sweep(under: Path, used: Callable[[], Collection[str]], older_than_s: float = KEPT_S) -> int:
    """Delete pictures that no job uses and that were not added or requested lately; returns how many.

    A picture is renamed away before the final check whether it is needed. Whoever requested it before that has renewed
    its mtime, and whoever requests it afterwards does not find it, so nobody starts to use it in between.
    """
    folder, before, swept = under.absolute() / FOLDER, time.time() - older_than_s, 0
    _recover(folder, before)
    for place in [path for path in folder.glob("*.*") if _is_name(path.stem)]:
        if place.stat().st_mtime > before or place.stem in used():
            continue
        gone, needed = place.rename(place.with_name(f".{place.name}{GONE}")), True
        try:
            needed = gone.stat().st_mtime > before or place.stem in used()
        finally:
            if needed:
                gone.rename(place)
        if not needed:
            gone.unlink()
            preview(under, place.stem).unlink(missing_ok=True)
            swept += 1
    return swept


def _recover(folder: Path, before: float) -> None:
    """After a crash: restore pictures whose removal was interrupted, and delete old partial files."""
    for gone in folder.glob(f".*{GONE}"):
        gone.rename(folder / gone.name[1 : -len(GONE)])
    for part in folder.glob(f".*{PART}"):
        if part.stat().st_mtime < before:
            part.unlink()


def take(under: Path, file: Path) -> Picture:
    """Store a copy of a picture that stays where it is."""
    folder = under.absolute() / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{secrets.token_hex(12)}{PART}"
    try:
        shutil.copyfile(file, part)
        return keep(under, part)
    except OSError as error:
        raise PictureError(f"{str(file)!r} cannot be read: {error.strerror}.", "Check its path.") from error
    finally:
        part.unlink(missing_ok=True)


def portable(settings: Mapping[str, Any], pictures: Iterable[str]) -> dict[str, Any]:
    """Settings that can leave this machine: each picture by its digest, because paths are private and useless there.

    `pictures` are the names of the settings whose value is a picture.
    """
    result = dict(settings)
    for name in pictures:
        if picture := result.pop(name, None):
            with suppress(OSError):  # the file has been deleted
                result[name] = picture if _is_name(picture) else digest_file(Path(picture))
    return result


def find(under: Path, name: object) -> Path | None:
    """The path of the stored picture of this digest; None if it is not stored."""
    if not _is_name(name):
        return None
    paths = (under.absolute() / FOLDER).glob(f"{name}.*")
    return next((path for path in paths if path.suffix != PART), None)


def at_home(settings: Mapping[str, Any], pictures: Iterable[str], under: Path | None = None) -> dict[str, Any]:
    """Settings with digests of pictures replaced by paths in a home, by default the user's."""
    result = dict(settings)
    for name in filter(lambda name: _is_name(result[name]), pictures):
        path = find(under or home(), result[name])
        if path is None:
            raise SettingsError(
                "The reference picture of these settings is not on this machine.",
                "Add it to the form again, or give it with --reference.",
            )
        result[name] = str(path)
    return result


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None
