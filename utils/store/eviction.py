"""How the cache stays within its bytes and leaves the disk some room: what was used longest ago goes first."""

import logging
import shutil
from dataclasses import dataclass

from rich.filesize import decimal

from utils.disk import LEAST_BYTES
from utils.errors import StoreFull
from utils.store.inventory import Listed, describe
from utils.store.local_tier import Shelf

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Freed:
    """What was removed, and by how many bytes the aim was still missed because the rest is in use or pinned."""

    removed: tuple[Listed, ...]
    missed_bytes: int

    @property
    def bytes(self) -> int:
        """How much was removed."""
        return sum(item.held.bytes for item in self.removed)


def free_bytes(shelf: Shelf) -> int:
    """What the disk under the cache has left."""
    return shutil.disk_usage(shelf.folder).free


def make_room(shelf: Shelf, limit_bytes: int, spare_bytes: int = 0, *, even_pinned: bool = False) -> Freed:
    """Remove entries until the cache holds no more than the limit and the disk has the spare bytes.

    The quarantined go first, the pinned and those in use stay.
    """
    candidates = shelf.quarantined() + shelf.held()
    excess = max(sum(item.bytes for item in candidates) - limit_bytes, spare_bytes - free_bytes(shelf))
    removed = []
    for item in candidates:
        if excess <= 0:
            break
        listed = describe(item)
        if shelf.remove(item.path, even_pinned=even_pinned):
            removed.append(listed)
            excess -= item.bytes
    freed = Freed(tuple(removed), max(excess, 0))
    if removed:
        log.info("The cache removed %d entries, %s, to make room.", len(removed), decimal(freed.bytes))
    return freed


def refuse_too_large(shelf: Shelf, need_bytes: int, limit_bytes: int) -> None:
    """Raise StoreFull when an entry cannot fit beside what is pinned, whatever else is removed."""
    pinned_bytes = sum(item.bytes for item in shelf.held() if item.pinned)
    if need_bytes + pinned_bytes > limit_bytes:
        raise StoreFull(
            f"The cache may hold {decimal(limit_bytes)}, of which {decimal(pinned_bytes)} are pinned; "
            f"this result needs {decimal(need_bytes)}.",
            "Give the cache a higher limit, or unpin something.",
        )


def disk_full(shelf: Shelf, need_bytes: int) -> StoreFull:
    """The error for a disk that took no more, at least this many bytes into an entry."""
    return StoreFull(
        f"The disk under {shelf.folder} is full: a result needs more than {need_bytes} bytes, "
        f"{free_bytes(shelf)} are free.",
        "Free some disk space, or make room with `python -m pipeline cache prune --to SIZE`, and run it again.",
        needs_bytes=2 * need_bytes + LEAST_BYTES,
    )
