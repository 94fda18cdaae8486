"""Locks between processes, made of flocks, which the kernel frees when the holder closes them or dies.

A reader holds a shared lock on an entry's folder, so that nobody removes it; removal needs the exclusive lock. Whoever
changes the entry of a key holds the key's lock file.
"""

import fcntl
import logging
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from utils.errors import StoreError
from utils.progress import Cancel

log = logging.getLogger(__name__)

POLL_S = 0.05
"""Time between two attempts to get a lock file."""


class Lease:
    """A flock that is held until it is closed, collected, or its process ends.

    It is freed by closing the descriptor and never by unlocking, which would also free it for the parent of a fork.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._finalizer = weakref.finalize(self, os.close, fd)

    @property
    def closed(self) -> bool:
        """Whether the lock was given back."""
        return not self._finalizer.alive

    def close(self) -> None:
        """Give the lock back; closing twice is allowed."""
        self._finalizer()


def share(folder: Path) -> Lease | None:
    """Shared lock on a folder, so that nobody removes it; None when it does not exist.

    Raises NotADirectoryError when the path is no folder.
    """
    return _lock(folder, os.O_DIRECTORY, fcntl.LOCK_SH)


def seize(path: Path) -> Lease | None:
    """Exclusive lock for removing what lies at a path; None when it is in use or gone."""
    return _lock(path, os.O_NONBLOCK, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def if_free(lock: Path) -> Iterator[bool]:
    """Try to hold a lock file and yield whether that worked; only the holder unlinks the file, at the end."""
    lease = _lock_file(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield lease is not None
    finally:
        if lease and not lease.closed:
            lock.unlink(missing_ok=True)
            lease.close()


@contextmanager
def only_one(lock: Path, cancel: Cancel) -> Iterator[None]:
    """Wait until nobody else holds the lock file, then hold it; `cancel` ends the wait."""
    waited = False
    while True:
        with if_free(lock) as mine:
            if mine:
                yield
                return
        if not waited:
            log.info("Waiting for the process that computes %.12s.", lock.name)
        waited = True
        cancel.wait(POLL_S)


@contextmanager
def briefly(lock: Path) -> Iterator[None]:
    """Hold a permanent lock file for a short critical section. The wait has no limit: other holders are brief too."""
    while (lease := _lock_file(lock, fcntl.LOCK_EX)) is None:
        continue
    try:
        yield
    finally:
        lease.close()


def _lock_file(lock: Path, operation: int) -> Lease | None:
    """Lock a file, created when missing, for this process alone and not for children that it forks."""
    lease = _lock(lock, os.O_RDWR | os.O_CREAT, operation)
    if lease:
        _not_inherited.add(lease)
    return lease


def _after_fork() -> None:
    """Close inherited locks in a forked child: it must not keep a key locked when its parent is killed."""
    for lease in list(_not_inherited):
        lease.close()


_not_inherited: "weakref.WeakSet[Lease]" = weakref.WeakSet()
os.register_at_fork(after_in_child=_after_fork)


def _lock(path: Path, flags: int, operation: int) -> Lease | None:
    """Open and lock a path, and make sure that the locked file is still the one at the path; None when it is not."""
    try:
        lease = Lease(os.open(path, flags | os.O_NOFOLLOW, 0o666))
    except FileNotFoundError:
        if flags & os.O_CREAT:
            raise
        return None
    try:
        fcntl.flock(lease.fd, operation)
    except BlockingIOError:
        lease.close()
        return None
    except OSError as error:
        raise StoreError(
            f"Files in {path.parent} cannot be locked ({error.strerror}).",
            "Put the cache on a disk of this machine: set RESHOOT_HOME to a folder there.",
        ) from error
    if _is_at(lease.fd, path):
        return lease
    lease.close()
    return None


def _is_at(fd: int, path: Path) -> bool:
    """Whether an open file is still the one that lies at a path."""
    try:
        return os.path.samestat(os.fstat(fd), path.lstat())
    except FileNotFoundError:
        return False
