"""Where weights lie: in Hugging Face's cache when they were fetched, in folders that people bring otherwise.

HF_HOME/hub/models--OWNER--REPOSITORY/     what is fetched from the hub, in the layout that all of its tools share
HOME/models/NAME/                          what is fetched from elsewhere, or brought
RESHOOT_MODELS/NAME/                       what is brought
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pipeline.models.family import Checkpoint
from utils.home import home as usual_home

LOCK = "reshoot.lock.json"
PART = ".reshoot-part"


@dataclass(frozen=True)
class Places:
    """The folders where weights are looked for and put."""

    home: Path
    hub: Path
    brought: Path | None = None

    @classmethod
    def usual(cls, home: Path | None = None, brought: Path | None = None) -> Places:
        """Those that the environment names."""
        named = os.environ.get("RESHOOT_MODELS")
        return cls(home or usual_home(), hub_cache(), brought or (Path(named).expanduser() if named else None))

    @property
    def models(self) -> Path:
        """The folder of models in the home."""
        return self.home / "models"

    def by_hand(self, checkpoint: Checkpoint) -> list[Path]:
        """The folders that hold a checkpoint if somebody brought it."""
        parents = [self.brought, self.models] if self.brought else [self.models]
        return [parent / name for parent in parents for name in checkpoint.folder_names]

    def fetched(self, checkpoint: Checkpoint) -> Landing:
        """Where a checkpoint is fetched to."""
        if checkpoint.repository is None:
            return Landing(self.models / checkpoint.name, LOCK, shared=False)
        folder = self.hub / f"models--{checkpoint.repository.replace('/', '--')}"
        return Landing(folder, f"{checkpoint.name}.{LOCK}", shared=True)


@dataclass(frozen=True)
class Landing:
    """The folder that a checkpoint is fetched to; shared ones have the layout of Hugging Face's cache."""

    folder: Path
    lock_name: str
    shared: bool

    @property
    def lock(self) -> Path:
        """The lock file, which says exactly what was fetched."""
        return self.folder / self.lock_name

    @property
    def busy(self) -> Path:
        """The file that one fetch at a time holds."""
        return self.folder / ".reshoot-fetching"

    def snapshot(self, commit: str) -> Path:
        """The folder that is loaded."""
        return self.folder / "snapshots" / commit if self.shared else self.folder

    def content(self, path: str, checksum: str) -> Path:
        """The file that holds the bytes; in a shared folder it is named by its checksum."""
        return self.folder / "blobs" / checksum if self.shared else self.folder / path

    def part(self, path: str, checksum: str) -> Path:
        """The file in which those bytes arrive."""
        content = self.content(path, checksum)
        return content.with_name(f"{content.name}{PART}")

    def parts(self) -> list[Path]:
        """Files of which only a part has arrived."""
        return sorted((self.folder / "blobs" if self.shared else self.folder).glob(f"*{PART}"))

    def commit_of(self, revision: str) -> str | None:
        """The commit that other tools noted for a branch, if it was fetched by them."""
        try:
            return (self.folder / "refs" / revision).read_text(encoding="ascii").strip() if self.shared else None
        except (OSError, UnicodeDecodeError):
            return None


def hub_cache() -> Path:
    """The folder of Hugging Face's cache, found as its library does, but without loading that."""
    told = os.environ
    cache = told.get("XDG_CACHE_HOME") or "~/.cache"
    home = told.get("HF_HOME") or f"{cache}/huggingface"
    hub = told.get("HF_HUB_CACHE") or told.get("HUGGINGFACE_HUB_CACHE") or f"{home}/hub"
    return Path(os.path.expandvars(hub)).expanduser()
