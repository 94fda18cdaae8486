"""The disk: fsync for what must survive a power cut, and what is said of a disk that is full."""

import errno
import os
import shutil
from pathlib import Path

from utils.errors import StoreFull

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
LEAST_BYTES = 64 * 2**20
"""Free disk that anything should have before it is tried again."""


def sync(path: Path) -> None:
    """Flush a file's bytes, or a folder's entries, to the disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def out_of_room(error: BaseException) -> bool:
    """Whether an error, or one of those that led to it, is that of a disk that took no more."""
    cause: BaseException | None = error
    while cause and getattr(cause, "errno", None) not in NO_ROOM:
        cause = cause.__cause__
    return cause is not None


def full_disk(folder: Path, needs_bytes: int = LEAST_BYTES) -> StoreFull:
    """What is said of a full disk on which jobs wait for room."""
    free_bytes = shutil.disk_usage(folder).free
    return StoreFull(
        f"The disk under {folder} is full: {needs_bytes} bytes are needed, {free_bytes} are free.",
        "Make room; jobs go on by themselves then.",
        needs_bytes,
    )
