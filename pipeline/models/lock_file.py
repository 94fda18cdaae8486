"""The lock file beside fetched weights: commit, and size and checksum of every file. What it names is what is meant."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from pipeline.models.family import Checksum, RelativePath, Sha256, Strict
from utils.atomic_file import write_atomically
from utils.digest import canonical_json, digest_bytes
from utils.errors import ModelError

MOST_BYTES = 1 << 22


class LockedFile(Strict):
    """One file as it was when it arrived."""

    path: RelativePath
    bytes: Annotated[int, Field(ge=0)]
    sha256: Sha256
    content: Checksum
    """The checksum by which the hub names it."""


class LockFile(Strict):
    """What was fetched under a checkpoint's name."""

    name: str
    source: str
    commit: Checksum
    """The commit of the repository; for a single file its SHA-256."""
    files: tuple[LockedFile, ...]

    @classmethod
    def read(cls, path: Path) -> LockFile | None:
        """The lock file at a path; None if there is none."""
        try:
            with path.open("rb") as file:
                return cls.model_validate_json(file.read(MOST_BYTES))
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise ModelError(
                f"The lock file {path} cannot be read.", "Delete it, and fetch the model again."
            ) from error

    def write(self, path: Path) -> None:
        """Write it in one step."""
        write_atomically(path, self.model_dump_json(indent=1))

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(file.bytes for file in self.files)

    @property
    def digest(self) -> str:
        """Digest of what the files contain, for cache keys."""
        return content_digest({file.path: file.sha256 for file in self.files})


def content_digest(sha256_by_path: dict[str, str]) -> str:
    """One digest of files, from their paths and SHA-256s."""
    return digest_bytes(canonical_json(sha256_by_path))
