"""SHA-256 and git's SHA-1 of files. Those of files that were brought are remembered by size and time of change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from utils.atomic_file import write_atomically
from utils.untrusted_json import UntrustedJson, read_object

REMEMBERED = "checksums.json"
MOST_BYTES = 8 << 20
CHUNK_BYTES = 4 << 20

Told = Callable[[int], None]
"""Told of every piece that was read, with its size in bytes."""


def sha256_of(path: Path, told: Told | None = None) -> str:
    """The SHA-256 of a file."""
    return _hexdigest(hashlib.sha256(), path, told)


def checksum_of(path: Path, like: str, told: Told | None = None) -> str:
    """The checksum of a file in the form of another one: SHA-256 (64 digits), or the SHA-1 of a git blob (40)."""
    if len(like) == 64:
        return sha256_of(path, told)
    return _hexdigest(hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False), path, told)


class Checksums:
    """SHA-256s of files that do not change, each computed once and remembered in a folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / REMEMBERED

    def sha256(self, path: Path) -> str:
        """The SHA-256 of a file; computed again when its size or time has changed."""
        real = path.resolve()
        facts = real.stat()
        stamp = [facts.st_size, facts.st_mtime_ns]
        known = self._read()
        if (entry := known.get(str(real))) and entry[:2] == stamp and isinstance(entry[-1], str):
            return entry[-1]
        digest = sha256_of(real)
        with suppress(OSError):  # a home that cannot be written only means that it is computed again
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, json.dumps({**self._read(), str(real): [*stamp, digest]}, indent=0))
        return digest

    def _read(self) -> dict[str, list[object]]:
        try:
            known = read_object(self._path.read_bytes(), MOST_BYTES)
        except (OSError, UntrustedJson):
            return {}
        return {path: entry for path, entry in known.items() if isinstance(entry, list) and len(entry) == 3}


def _hexdigest(hasher: hashlib._Hash, path: Path, told: Told | None) -> str:
    buffer = memoryview(bytearray(CHUNK_BYTES))
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(buffer):
            hasher.update(buffer[:size])
            if told:
                told(size)
    return hasher.hexdigest()
