"""Where Reshoot keeps what outlives a run: the folder RESHOOT_HOME names, else ~/.reshoot."""

import os
from pathlib import Path


def home() -> Path:
    """The folder of caches, jobs and weights; nothing is created by asking."""
    return Path(os.environ.get("RESHOOT_HOME") or "~/.reshoot").expanduser()


def cache_folder(under: Path | None = None) -> Path:
    """The cache inside a home, by default this user's."""
    return (under or home()) / "cache"
