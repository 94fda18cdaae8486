"""Shelf: the local tier, a folder of finished entries that appear and vanish whole.

    entries/<key>/       manifest.json and the blobs, read-only
    work/<key>.<random>/ what is being made or removed; the flock of whoever works on it tells living from left behind
    locks/<key>          one maker at a time
    pins/<key>           never removed to make room
    quarantine/<key>.<n> what was not what it should be

Every one of them lies under one folder, so that a rename never crosses disks.
"""

import logging
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from utils.disk import sync
from utils.store.entry import Entry, open_entry
from utils.store.lease import Lease, if_free, seize, share
from utils.store.manifest import Manifest

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Held:
    """Something that takes room: its path, size, last use (ns since 1970), and whether it is pinned."""

    path: Path
    bytes: int
    used_ns: int
    pinned: bool


class Shelf:
    """The folders of one cache on one disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries, self.work, self.locks = folder / "entries", folder / "work", folder / "locks"
        self.pins, self.quarantine = folder / "pins", folder / "quarantine"
        self._bytes: dict[tuple[str, int], int] = {}

    def prepare(self) -> None:
        """Make the folders that are not there."""
        for folder in (self.entries, self.work, self.locks, self.pins, self.quarantine):
            folder.mkdir(parents=True, exist_ok=True)

    def lock(self, digest: str) -> Path:
        """The lock file of a key."""
        return self.locks / digest

    def find(self, digest: str, *, afresh: bool = False) -> Entry | None:
        """The checked entry of a key, marked as used now; None when there is none, Damage when it cannot be trusted."""
        entry = open_entry(self.entries / digest, afresh=afresh)
        if entry and not afresh:
            with _said(entry.folder, logging.DEBUG):
                mark_used(entry.lease)
        return entry

    def begin(self, digest: str) -> tuple[Path, Lease]:
        """An empty folder to make an entry in, held from its birth."""
        while True:
            folder = self._work_path(digest)
            folder.mkdir()
            if lease := share(folder):
                return folder, lease

    def made_bytes(self) -> int:
        """What lies in the folders in which something is being made."""
        total = 0
        for folder in self.work.iterdir():
            with suppress(FileNotFoundError):  # it was finished or given up meanwhile
                total += size_of(folder)
        return total

    def publish(self, folder: Path, manifest: Manifest, lease: Lease) -> Entry:
        """Let a sealed folder appear under its key, at once and to stay; the maker holds the key's lock."""
        target = self.entries / manifest.key.digest
        if os.path.lexists(target):
            log.warning("%s appeared while it was being computed and was quarantined.", target)
            self.set_aside(target.name)
        mark_used(lease)
        folder.rename(target)
        sync(self.entries)
        return Entry(target, manifest, lease, hit=False)

    def set_aside(self, digest: str) -> None:
        """Quarantine what lies under a key; only the holder of the key's lock may."""
        aside = self.quarantine / f"{digest[:64]}.{time.time_ns()}"
        try:
            (self.entries / digest).rename(aside)
        except FileNotFoundError:
            log.info("Entry %.12s was removed before it could be quarantined.", digest)

    def held(self) -> list[Held]:
        """All entries, the least recently used first.

        A use in the future was stamped before the clock was set back, so before every use stamped since.
        """
        pinned = {pin.name for pin in self.pins.iterdir()}
        held = [replace(item, pinned=item.path.name in pinned) for item in self._scan(self.entries)]
        now = time.time_ns()
        return sorted(held, key=lambda item: (item.used_ns <= now, item.used_ns))

    def quarantined(self) -> list[Held]:
        """All that was set aside, the oldest first."""
        return sorted(self._scan(self.quarantine), key=lambda item: item.used_ns)

    def remove(self, path: Path, *, even_pinned: bool = False) -> bool:
        """Remove an entry or a quarantined one, unless it is in use, in the making or pinned; True when it is gone."""
        pin = self.pins / path.name
        with if_free(self.lock(path.name)) as mine:
            if not mine or not self._discard(path, spared_by=None if even_pinned else pin):
                return False
            pin.unlink(missing_ok=True)
            return True

    def pin(self, digest: str) -> bool:
        """Keep an entry from being removed to make room; False when there is none."""
        if (lease := share(self.entries / digest)) is None:
            return False
        (self.pins / digest).touch()
        lease.close()
        return True

    def unpin(self, digest: str) -> None:
        """Let an entry go when its time comes."""
        (self.pins / digest).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what the killed left behind: work that nobody does, locks that nobody holds."""
        for folder in self.work.iterdir():
            with _said(folder):
                self._discard(folder)
        for lock in self.locks.iterdir():
            with _said(lock):
                self._discard_lock(lock)

    def _discard(self, path: Path, spared_by: Path | None = None) -> bool:
        """Remove what nobody holds: out of sight at once, then file by file; True when it is gone."""
        if path.is_symlink():
            path.unlink(missing_ok=True)
            return True
        if (lease := seize(path)) is None:
            return not path.exists()
        if spared_by and spared_by.exists():
            lease.close()
            return False
        doomed = self._work_path(path.name)
        path.rename(doomed)
        remove_tree(doomed)
        lease.close()
        return True

    def _discard_lock(self, lock: Path) -> None:
        if lock.is_symlink():
            lock.unlink(missing_ok=True)
        else:
            with if_free(lock):
                return

    def _work_path(self, name: str) -> Path:
        return self.work / f"{name[:16]}.{secrets.token_hex(8)}"

    def _scan(self, folder: Path) -> Iterator[Held]:
        """What lies in a folder; entries never change, so their sizes are added up once per process."""
        with os.scandir(folder) as items:
            for item in items:
                try:
                    facts = item.stat(follow_symlinks=False)
                    known = (item.name, facts.st_ino)
                    if known not in self._bytes:
                        self._bytes[known] = size_of(Path(item.path))
                    yield Held(Path(item.path), self._bytes[known], facts.st_mtime_ns, pinned=False)
                except FileNotFoundError:
                    continue


def mark_used(lease: Lease) -> None:
    """Note the time of a use, finer than the tick of the file system's own clock."""
    now = time.time_ns()
    os.utime(lease.fd, ns=(now, now))


def remove_tree(path: Path) -> None:
    """Remove a folder or a file; what cannot be removed is said, and left to the next sweep."""
    with _said(path):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def _said(path: Path, level: int = logging.WARNING) -> Iterator[None]:
    """Housekeeping that fails is said and tried again by the next; it ends nobody's work."""
    try:
        yield
    except OSError as error:
        log.log(level, "The cache could not tidy %s: %s", path, error)


def size_of(path: Path) -> int:
    """The bytes of a folder's files, or of a file."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    with os.scandir(path) as files:
        return sum(file.stat(follow_symlinks=False).st_size for file in files)
