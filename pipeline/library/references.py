"""Reference pictures: a home keeps each under the digest of its content, and so do settings name it.

references/<digest>.png             what somebody added, as it came; it is never given out
           previews/<digest>.jpg    a small copy that a guarded child made of it
"""

import os
import re
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.library import inspection
from pipeline.settings import Settings
from utils.digest import digest_file
from utils.disk import sync
from utils.errors import PictureError, SettingsError
from utils.home import home

FOLDER = "references"
PICTURES = tuple(field.name for field in Settings.fields() if field.kind == "file")
"""Settings whose value is a picture."""
PREVIEWS, PART, GONE = "previews", ".part", ".gone"
KEPT_S = 7 * 24 * 3600.0
"""How long a picture that no job uses stays."""
_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Picture:
    """A picture that a home keeps, upright as it is read."""

    digest: str
    width_px: int
    height_px: int


def keep(under: Path, part: Path) -> Picture:
    """Take a file in by moving it, once a guarded child has decoded it; PictureError where it is no picture.

    `part` lies on the disk of the home.
    """
    folder, fresh = under.absolute() / FOLDER, part.with_name(f"{part.name}.preview{PART}")
    (folder / PREVIEWS).mkdir(parents=True, exist_ok=True)
    try:
        told = inspection.picture(part, fresh)
        if "problem" in told:
            raise PictureError(told["problem"], told["remedy"])
        digest = digest_file(part, afresh=True)
        sync(part)
        part.replace(folder / f"{digest}{told['suffix']}")
        fresh.replace(preview(under, digest))
        sync(folder)
    finally:
        fresh.unlink(missing_ok=True)
    return Picture(digest, told["width"], told["height"])


def preview(under: Path, digest: str) -> Path:
    """Where the small copy of a picture lies, if there is one."""
    return under.absolute() / FOLDER / PREVIEWS / f"{digest}.jpg"


def stay(under: Path, name: object) -> bool:
    """See to it that a picture stays as long as one that was just added; returns whether it is kept at all."""
    with suppress(FileNotFoundError):
        if place := find(under, name):
            os.utime(place)
            return True
    return False


def sweep(under: Path, used: Callable[[], Collection[str]], older_than_s: float = KEPT_S) -> int:
    """Forget pictures that no job uses and nobody added or asked for lately; returns how many went.

    One is taken out of sight before it is asked for the last time whether it is needed, so that nobody begins to use
    it in between: who asks for it before is seen by its time, who asks after finds none.
    """
    folder, before, swept = under.absolute() / FOLDER, time.time() - older_than_s, 0
    _settle(folder, before)
    for place in [each for each in folder.glob("*.*") if _is_name(each.stem)]:
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


def _settle(folder: Path, before: float) -> None:
    """What a death cut short: a picture that was to go comes back, half of one goes when it is old."""
    for gone in folder.glob(f".*{GONE}"):
        gone.rename(folder / gone.name[1 : -len(GONE)])
    for part in folder.glob(f".*{PART}"):
        if part.stat().st_mtime < before:
            part.unlink()


def portable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without paths, which mean nothing elsewhere and are nobody's business: each picture by its digest."""
    result = dict(settings)
    for name in PICTURES:
        if picture := result.pop(name, None):
            with suppress(OSError):  # it is gone meanwhile
                result[name] = picture if _is_name(picture) else digest_file(Path(picture))
    return result


def find(under: Path, name: object) -> Path | None:
    """Where a home keeps the picture of this digest."""
    if not _is_name(name):
        return None
    kept = (under.absolute() / FOLDER).glob(f"{name}.*")
    return next((path for path in kept if path.suffix != PART), None)


def at_home(settings: Mapping[str, Any], under: Path | None = None) -> dict[str, Any]:
    """Settings with their pictures where a home keeps them, by default this user's, instead of their digests."""
    result = dict(settings)
    for name in filter(lambda each: _is_name(result[each]), PICTURES):
        found = find(under or home(), result[name])
        if found is None:
            raise SettingsError(
                "The reference picture of these settings is not on this machine.",
                "Add it to the form again, or give it with --reference.",
            )
        result[name] = str(found)
    return result


def _is_name(said: object) -> bool:
    return isinstance(said, str) and _NAME.fullmatch(said) is not None
