"""The check of the home folder: whether it can be written safely, and how much room is free."""

import os
import shutil
import tempfile
from pathlib import Path

from pipeline.doctor.finding import Finding
from pipeline.doctor.surroundings import Surroundings
from utils.atomic_file import write_atomically

GIB = 1 << 30
LEAST_FREE_BYTES = 2 * GIB
"""Below this a single clip may not fit."""
AMPLE_FREE_BYTES = 20 * GIB
"""Below this the cache will soon have to drop what a second run could use."""

_NAME = "Home folder"


def home_folder(where: Surroundings, least: int = LEAST_FREE_BYTES, ample: int = AMPLE_FREE_BYTES) -> Finding:
    """Write, sync and rename a file where cache and jobs will live; the home folder itself is not created."""
    elsewhere = "Choose a folder on a disk of your own with RESHOOT_HOME or --home."
    folder = _nearest_folder(where.home)
    if not folder.is_dir():
        return Finding(_NAME, "problem", f"{where.home} cannot be a folder: {folder} is a file.", elsewhere)
    try:
        _write_and_rename(folder)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding(
            _NAME,
            "problem",
            f"{where.home} will not do: {folder} cannot be written ({error.strerror or error}).",
            elsewhere,
        )
    says = f"{where.home}{'' if folder == where.home else ' (not made yet)'}, {free / GIB:.1f} GiB free"
    clear = "`python -m pipeline cache` shows what can go; or choose a larger disk with RESHOOT_HOME."
    if free < least:
        return Finding(
            _NAME, "problem", f"{says}: too little for one run, which takes up to {least / GIB:g} GiB.", clear
        )
    if free < ample:
        return Finding(_NAME, "note", f"{says}: enough for one run, but little will stay in the cache.", clear)
    return Finding(_NAME, "ok", f"{says}; a file was written, synced and renamed.")


def _nearest_folder(home: Path) -> Path:
    """The home folder, or the nearest parent that exists."""
    return next(path for path in (home.absolute(), *home.absolute().parents) if _exists(path))


def _exists(path: Path) -> bool:
    """Whether a path exists, a broken link included; False where that cannot be seen."""
    try:
        path.lstat()
    except OSError:
        return False
    return True


def _write_and_rename(folder: Path) -> None:
    """Write a file as the cache does for every entry, so that a network disk that fails at it fails here first."""
    with tempfile.TemporaryDirectory(prefix=".reshoot-doctor-", dir=folder) as scratch:
        data = os.urandom(1 << 16)
        final = Path(scratch, "final")
        write_atomically(final, data)
        if final.read_bytes() != data:
            raise OSError("what is read back is not what was written")
