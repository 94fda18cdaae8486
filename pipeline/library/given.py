"""Files that people give beside a clip: pictures, mattes, brush strokes, transcripts, sounds, and further clips.

Each is stored by the digest of its content, by which settings name it too: FOLDER/<digest>.<suffix>. Clips are in
the library of clips (`pipeline.library.clips`).
"""

import os
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pipeline.library.clips import Clips, NoClip
from utils.digest import digest_file, is_digest
from utils.disk import sync
from utils.errors import SettingsError
from utils.home import home

CLIP = "clip"
FOLDERS = {
    "reference": "references",
    "anchor": "references",
    "matte": "mattes",
    "strokes": "strokes",
    "transcript": "transcripts",
    "changes": "changes",
    "sound": "sounds",
    "music": "sounds",
    "logo": "references",
    "keys": "keys",
}
"""Where the files of each role are; it is the key of the setting that names them, too."""
TITLES = {
    "reference": "reference picture",
    "anchor": "picture",
    "matte": "matte",
    "strokes": "file of brush strokes",
    "transcript": "transcript",
    "changes": "file of changes",
    "sound": "sound",
    "music": "music",
    "logo": "logo",
    "keys": "set of painted frames",
    CLIP: "structure video",
    "guide": "guide",
    "background": "background",
}
PREVIEWS, PART, GONE = "previews", ".part", ".gone"
KEPT_S = 7 * 24 * 3600.0
"""How long a file is kept that no job uses."""


def find(under: Path, role: str, digest: object) -> Path | None:
    """The path of the stored file of this role and digest; None if it is not stored."""
    if not is_digest(digest):
        return None
    if role not in FOLDERS:
        return _clip(under, str(digest))
    paths = _folder(under, role).glob(f"{digest}.*")
    return next((path for path in paths if path.suffix != PART), None)


def _clip(under: Path, digest: str) -> Path | None:
    """The path of a clip of the library that can be used."""
    with suppress(NoClip):
        clips = Clips(under)
        return None if clips.get(digest).state == "refused" else clips.path(digest)
    return None


@contextmanager
def arriving(under: Path, role: str) -> Iterator[Path]:
    """The path of a file of this role that is still being written; it is deleted afterwards unless it was moved in."""
    folder = _folder(under, role)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{secrets.token_hex(12)}{PART}"
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def moved_in(under: Path, role: str, part: Path, suffix: str) -> str:
    """Move a file that was checked to where those of its role lie; returns its digest. It survives a power cut."""
    folder, digest = _folder(under, role), digest_file(part, afresh=True)
    sync(part)
    folder.mkdir(parents=True, exist_ok=True)
    part.replace(folder / f"{digest}{suffix}")
    sync(folder)
    return digest


def known(under: Path, role: str, name: object) -> str | None:
    """The digest of the stored file that is named, which is kept for longer now; None for anything else.

    Orders of earlier versions name a file by its path, so a path is accepted too. It is only compared as text: no
    folder but that of stored files is ever read.
    """
    if not isinstance(name, str):
        return None
    path = Path(name)
    digest = path.stem if role in FOLDERS and path.parent == _folder(under, role) else name
    return digest if stay(under, role, digest) else None


def stay(under: Path, role: str, digest: object) -> bool:
    """Renew the time for which a file is kept (its mtime); returns whether it is stored at all."""
    with suppress(FileNotFoundError):
        if place := find(under, role, digest):
            if role in FOLDERS:
                os.utime(place)
            return True
    return False


def portable(settings: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Settings that can leave this machine: each file by its digest, because paths are private and useless there.

    `names` are the settings whose value is a file.
    """
    result = dict(settings)
    for name in names:
        if file := result.pop(name, None):
            with suppress(OSError):  # the file has been deleted
                result[name] = file if is_digest(file) else digest_file(Path(file))
    return result


def at_home(settings: Mapping[str, Any], names: Iterable[str], under: Path | None = None) -> dict[str, Any]:
    """Settings with digests of files replaced by paths in a home, by default the user's."""
    result = dict(settings)
    for name in filter(lambda name: is_digest(result[name]), names):
        role = role_of(name)
        path = find(under or home(), role, result[name])
        if path is None:
            raise SettingsError(
                f"The {TITLES[role]} of these settings is not on this machine.",
                f"Add it to the form again, or give it with --{role}.",
            )
        result[name] = str(path)
    return result


def role_of(setting: str) -> str:
    """The role of the file that a setting names: the same for `reference` and `reference_2`."""
    return setting.rpartition(".")[2].partition("_")[0]


def sweep(under: Path, used: Callable[[], Collection[str]], older_than_s: float = KEPT_S) -> int:
    """Delete files that no job uses and that were not added or requested lately; returns how many.

    A file is renamed away before the final check whether it is needed. Whoever requested it before that has renewed
    its mtime, and whoever requests it afterwards does not find it, so nobody starts to use it in between.
    """
    before, swept = time.time() - older_than_s, 0
    for folder in {_folder(under, role) for role in FOLDERS}:
        _recover(folder, before)
        for place in [path for path in folder.glob("*.*") if is_digest(path.stem)]:
            swept += _sweep(place, used, before)
    return swept


def _sweep(place: Path, used: Callable[[], Collection[str]], before: float) -> bool:
    """Delete a file if it is not needed; returns whether it is gone."""
    if place.stat().st_mtime > before or place.stem in used():
        return False
    gone, needed = place.rename(place.with_name(f".{place.name}{GONE}")), True
    try:
        needed = gone.stat().st_mtime > before or place.stem in used()
    finally:
        if needed:
            gone.rename(place)
    if not needed:
        gone.unlink()
        (place.parent / PREVIEWS / f"{place.stem}.jpg").unlink(missing_ok=True)
    return not needed


def _recover(folder: Path, before: float) -> None:
    """After a crash: restore files whose removal was interrupted, and delete old partial files."""
    for gone in folder.glob(f".*{GONE}"):
        gone.rename(folder / gone.name[1 : -len(GONE)])
    for part in folder.glob(f".*{PART}"):
        if part.stat().st_mtime < before:
            part.unlink()


def _folder(under: Path, role: str) -> Path:
    return under.absolute() / FOLDERS[role]
