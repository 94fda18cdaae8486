"""The folder for caches, jobs and model weights: RESHOOT_HOME, or ~/.reshoot."""

import os
from pathlib import Path


def home() -> Path:
    """Path of Reshoot's home folder; it is not created."""
    return Path(os.environ.get("RESHOOT_HOME") or "~/.reshoot").expanduser()


def cache_folder(under: Path | None = None) -> Path:
    """Path of the cache inside a home folder, by default this user's."""
    return (under or home()) / "cache"
