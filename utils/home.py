"""The folder for caches, jobs and model weights: RESHOOT_HOME, or ~/.reshoot."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "RESHOOT_HOME"
SHARED = "RESHOOT_SHARED"
"""Names the cache that several homes share; utils/store/shared reads it."""


def home() -> Path:
    """Path of Reshoot's home folder; it is not created."""
    return Path(os.environ.get(VARIABLE) or "~/.reshoot").expanduser()


def use_home(path: Path) -> None:
    """Let this be the home folder from now on, for this process and those that it starts."""
    os.environ[VARIABLE] = str(path)


@contextmanager
def home_at(path: Path | None) -> Iterator[None]:
    """Let this be the home folder for a while; None changes nothing."""
    before = os.environ.get(VARIABLE)
    if path is not None:
        use_home(path)
    try:
        yield
    finally:
        if before is not None:
            os.environ[VARIABLE] = before
        elif path is not None:
            del os.environ[VARIABLE]


def cache_folder(under: Path | None = None) -> Path:
    """Path of the cache inside a home folder, by default this user's."""
    return (under or home()) / "cache"
