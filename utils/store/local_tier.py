"""Local tier of the cache: the folders on disk, in which finished entries appear and vanish atomically, by rename.

    entries/<key>/       manifest.json and the blobs, read-only
    work/<key>.<random>/ entries being made or removed; a flock on it means that somebody is at work there
    locks/<key>          lock file: one maker at a time
    pins/<key>           marks an entry that is never evicted
    ahead/<key>          marks an entry that was computed before anybody asked for it, until it is used
    quarantine/<key>.<n> damaged entries

All of them lie under one folder, so that a rename never crosses file systems.
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
from utils.store.entry import Entry, Origin, open_entry
from utils.store.lease import Lease, if_free, seize, share
from utils.store.manifest import Manifest

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Held:
    """An entry or quarantined folder: path, size, last use (ns since 1970), and whether it is pinned."""

    path: Path
    bytes: int
    used_ns: int
    pinned: bool


class LocalTier:
    """The folders of one cache."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries, self.work, self.locks = folder / "entries", folder / "work", folder / "locks"
        self.pins, self.quarantine, self.ahead = folder / "pins", folder / "quarantine", folder / "ahead"
        self._bytes: dict[tuple[str, int], int] = {}

    def prepare(self) -> None:
        """Create missing folders."""
        for folder in (self.entries, self.work, self.locks, self.pins, self.quarantine, self.ahead):
            folder.mkdir(parents=True, exist_ok=True)

    def lock(self, digest: str) -> Path:
        """The lock file of a key."""
        return self.locks / digest

    def find(self, digest: str, *, afresh: bool = False) -> Entry | None:
        """The verified entry of a key, marked as used now; None when there is none, Damage when verification fails."""
        entry = open_entry(self.entries / digest, afresh=afresh)
        if entry and not afresh:
            with _failures_logged(entry.folder, logging.DEBUG):
                mark_used(entry.lease)
        return entry

    def begin(self, digest: str) -> tuple[Path, Lease]:
        """A new empty work folder for making an entry, and the lock on it."""
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

    def publish(self, folder: Path, manifest: Manifest, lease: Lease, origin: Origin) -> Entry:
        """Move a finalized folder to its key, atomically and durably; the maker holds the key's lock."""
        target = self.entries / manifest.key.digest
        if os.path.lexists(target):
            log.warning("%s appeared while it was being computed and was quarantined.", target)
            self.set_aside(target.name)
        mark_used(lease)
        folder.rename(target)
        sync(self.entries)
        return Entry(target, manifest, lease, origin)

    def set_aside(self, digest: str) -> None:
        """Move the entry of a key to quarantine; the caller must hold the key's lock."""
        aside = self.quarantine / f"{digest[:64]}.{time.time_ns()}"
        try:
            (self.entries / digest).rename(aside)
        except FileNotFoundError:
            log.info("Entry %.12s was removed before it could be quarantined.", digest)

    def held(self) -> list[Held]:
        """All entries, the least recently used first.

        A last use in the future was recorded before the clock was set back, and so counts as older than all others.
        """
        pinned = {pin.name for pin in self.pins.iterdir()}
        held = [replace(item, pinned=item.path.name in pinned) for item in self._scan(self.entries)]
        now = time.time_ns()
        return sorted(held, key=lambda item: (item.used_ns <= now, item.used_ns))

    def quarantined(self) -> list[Held]:
        """All quarantined entries, the oldest first."""
        return sorted(self._scan(self.quarantine), key=lambda item: item.used_ns)

    def remove(self, path: Path, *, even_pinned: bool = False) -> bool:
        """Remove an entry or a quarantined one, unless it is in use, being made or pinned; True when it is gone."""
        pin = self.pins / path.name
        with if_free(self.lock(path.name)) as mine:
            if not mine or not self._discard(path, spared_by=None if even_pinned else pin):
                return False
            pin.unlink(missing_ok=True)
            return True

    def pin(self, digest: str) -> bool:
        """Protect an entry from eviction; False when there is no such entry."""
        if (lease := share(self.entries / digest)) is None:
            return False
        (self.pins / digest).touch()
        lease.close()
        return True

    def unpin(self, digest: str) -> None:
        """Allow an entry to be evicted again."""
        (self.pins / digest).unlink(missing_ok=True)

    def mark_ahead(self, digest: str) -> None:
        """Mark an entry as computed before anybody asked for it."""
        (self.ahead / digest).touch()

    def unmark_ahead(self, digest: str) -> bool:
        """Take that mark away; True for the one caller that did."""
        try:
            (self.ahead / digest).unlink()
        except FileNotFoundError:
            return False
        return True

    def sweep(self) -> None:
        """Remove what killed processes left behind: work folders and lock files that nobody holds."""
        for folder in self.work.iterdir():
            with _failures_logged(folder):
                self._discard(folder)
        for lock in self.locks.iterdir():
            with _failures_logged(lock):
                self._discard_lock(lock)

    def _discard(self, path: Path, spared_by: Path | None = None) -> bool:
        """Remove a folder that nobody holds: renamed away first, then deleted file by file; True when it is gone."""
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
        """Remove a lock file that nobody holds."""
        if lock.is_symlink():
            lock.unlink(missing_ok=True)
        else:
            with if_free(lock):
                return

    def _work_path(self, name: str) -> Path:
        """A new unique path in the work folder."""
        return self.work / f"{name[:16]}.{secrets.token_hex(8)}"

    def _scan(self, folder: Path) -> Iterator[Held]:
        """The contents of a folder with sizes; entries never change, so each size is computed once per process."""
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
    """Record the time of a use with nanoseconds, finer than the file system's own clock."""
    now = time.time_ns()
    os.utime(lease.fd, ns=(now, now))


def remove_tree(path: Path) -> None:
    """Remove a folder or a file; what cannot be removed is logged and left to the next sweep."""
    with _failures_logged(path):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def _failures_logged(path: Path, level: int = logging.WARNING) -> Iterator[None]:
    """Log a failure of housekeeping instead of raising it; the next process tries again."""
    try:
        yield
    except OSError as error:
        log.log(level, "The cache could not tidy %s: %s", path, error)


def size_of(path: Path) -> int:
    """Size in bytes of a file, or of all files in a folder."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    with os.scandir(path) as files:
        return sum(file.stat(follow_symlinks=False).st_size for file in files)
