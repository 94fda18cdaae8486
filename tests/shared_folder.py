"""A folder that all processes of one run of the tests share: what takes long to make is made once, and only read."""

import fcntl
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

VARIABLE = "RESHOOT_TESTS_SHARED"
"""Where the folder is; the process that began the run sets it for the others."""


@cache
def _own() -> "tempfile.TemporaryDirectory[str]":
    """A folder that goes with this process."""
    return tempfile.TemporaryDirectory(prefix="reshoot-tests-")


def shared_folder() -> Path:
    """The folder of the run, or of this process where it belongs to no run."""
    return Path(os.environ.get(VARIABLE) or _own().name)


def once(name: str, make: Callable[[Path], object]) -> Path:
    """A file or folder of this name, made by the first process that wants it while the others wait."""
    place = shared_folder() / name
    with place.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            with tempfile.TemporaryDirectory(dir=shared_folder()) as work:
                made = Path(work) / name
                make(made)
                made.rename(place)
    return place
