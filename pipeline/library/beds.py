"""Music that films of a home may have: that of its last films, what was added lately, and a folder of music."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.library.films import Films
from pipeline.library.given import FOLDERS, PART, find
from utils.digest import digest_bytes

RECENT_S = 7 * 24 * 3600.0
"""A sound that was added longer ago, and is in no film, is left alone."""
MOST_FILMS, MOST_OF_FOLDER = 8, 100
SUFFIXES = {".mp3", ".wav", ".flac", ".m4a", ".aac", ".ogg", ".opus", ".aif", ".aiff"}


@dataclass(frozen=True)
class Bed:
    """A file with music; `version` is another one where a file of the same name was replaced."""

    path: Path
    version: float = 0.0

    @property
    def id(self) -> str:
        """What it is known by here: files of a home by their digests, others by where they lie."""
        return digest_bytes(str(self.path).encode())


def beds(home: Path, folder: Path | None = None) -> list[Bed]:
    """All of it, each once; what the last films have comes first."""
    found = [*_of_films(home), *_added(home), *(_of_folder(folder) if folder else ())]
    return list(dict.fromkeys(found))


def _of_films(home: Path) -> Iterator[Bed]:
    for digest in Films(home).music(MOST_FILMS):
        if path := find(home, "sound", digest) or find(home, "clip", digest):
            yield Bed(path)


def _added(home: Path) -> list[Bed]:
    """Sounds that were added lately, the last one first."""
    since, timed = time.time() - RECENT_S, list[tuple[float, Path]]()
    for path in (home.absolute() / FOLDERS["sound"]).glob("[0-9a-f]*.*"):
        with suppress(FileNotFoundError):
            timed.append((path.stat().st_mtime, path))
    return [Bed(path) for at, path in sorted(timed, reverse=True) if at > since and path.suffix != PART]


def _of_folder(folder: Path) -> list[Bed]:
    with suppress(OSError):  # it is not there today
        paths = sorted(path for path in folder.absolute().rglob("*") if path.suffix.lower() in SUFFIXES)
        return [Bed(path, path.stat().st_mtime) for path in paths[:MOST_OF_FOLDER] if path.is_file()]
    return []
