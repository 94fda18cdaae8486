"""Who holds what, between processes: flocks, which the kernel frees when their holder closes, or dies.

A reader shares an entry's folder, so that nobody removes it; a remover seizes it. Whoever changes what lies under a key
holds the key's lock file.
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


class Lease:
    """A lock that lasts until it is closed, forgotten, or its process ends.

    It is freed by closing the descriptor and never by unlocking, which would free it for a forked child's parent too.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._finalizer = weakref.finalize(self, os.close, fd)

    @property
    def closed(self) -> bool:
        """Whether nothing is held any more."""
        return not self._finalizer.alive

    def close(self) -> None:
        """Give it back; twice is fine."""
        self._finalizer()


def share(folder: Path) -> Lease | None:
    """Hold a folder so that nobody removes it; None when it is not there, NotADirectoryError when it is no folder."""
    return _take(folder, os.O_DIRECTORY, fcntl.LOCK_SH)


def seize(path: Path) -> Lease | None:
    """The sole right to remove what lies at a path; None when it is in use or gone."""
    return _take(path, os.O_NONBLOCK, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def if_free(lock: Path) -> Iterator[bool]:
    """Hold a lock file if nobody else does, and say whether; only its holder unlinks it."""
    lease = _take_file(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield lease is not None
    finally:
        if lease and not lease.closed:
            lock.unlink(missing_ok=True)
            lease.close()


@contextmanager
def only_one(lock: Path, cancel: Cancel) -> Iterator[None]:
    """Wait, stoppable, until nobody else holds the lock file, then hold it."""
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
    """Hold a lasting lock file for a moment's work, waiting without end because the others are brief too."""
    while (lease := _take_file(lock, fcntl.LOCK_EX)) is None:
        continue
    try:
        yield
    finally:
        lease.close()


def _take_file(lock: Path, how: int) -> Lease | None:
    """Lock a file, made when absent, for this process alone and not for the workers that it forks."""
    lease = _take(lock, os.O_RDWR | os.O_CREAT, how)
    if lease:
        _not_inherited.add(lease)
    return lease


def _after_fork() -> None:
    """A worker that outlives its killed parent must not keep the parent's key."""
    for lease in list(_not_inherited):
        lease.close()


_not_inherited: "weakref.WeakSet[Lease]" = weakref.WeakSet()
os.register_at_fork(after_in_child=_after_fork)


def _take(path: Path, how: int, lock: int) -> Lease | None:
    """Open and lock, and make sure that what is locked is still what lies at the path."""
    try:
        lease = Lease(os.open(path, how | os.O_NOFOLLOW, 0o666))
    except FileNotFoundError:
        if how & os.O_CREAT:
            raise
        return None
    try:
        fcntl.flock(lease.fd, lock)
    except BlockingIOError:
        lease.close()
        return None
    except OSError as error:
        raise StoreError(
            f"Files in {path.parent} cannot be locked ({error.strerror}).",
            "Put the cache on a disk of this machine: set RESHOOT_HOME to a folder there.",
        ) from error
    if _lies_at(lease.fd, path):
        return lease
    lease.close()
    return None


def _lies_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.lstat())
    except FileNotFoundError:
        return False
