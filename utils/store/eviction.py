"""Eviction: removes the least recently used entries, so that cache size and free disk space stay within limits."""

import logging
import shutil
from dataclasses import dataclass

from rich.filesize import decimal

from utils.disk import LEAST_BYTES
from utils.errors import StoreFull
from utils.store.inventory import Listed, describe
from utils.store.local_tier import LocalTier

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Freed:
    """The removed entries, and how many bytes are still missing because the remaining ones are in use or pinned."""

    removed: tuple[Listed, ...]
    missed_bytes: int

    @property
    def bytes(self) -> int:
        """Size of all removed entries."""
        return sum(item.held.bytes for item in self.removed)


def free_bytes(tier: LocalTier) -> int:
    """Free bytes on the disk that holds the cache."""
    return shutil.disk_usage(tier.folder).free


def evict(tier: LocalTier, limit_bytes: int, spare_bytes: int = 0, *, even_pinned: bool = False) -> Freed:
    """Remove entries until the cache holds at most `limit_bytes` and the disk has `spare_bytes` free.

    Quarantined entries go first, then the least recently used (LRU); pinned entries and those in use stay.
    """
    candidates = tier.quarantined() + tier.held()
    excess = max(sum(item.bytes for item in candidates) - limit_bytes, spare_bytes - free_bytes(tier))
    removed = []
    for item in candidates:
        if excess <= 0:
            break
        listed = describe(item)
        if tier.remove(item.path, even_pinned=even_pinned):
            removed.append(listed)
            excess -= item.bytes
    freed = Freed(tuple(removed), max(excess, 0))
    if removed:
        log.info("The cache removed %d entries, %s, to make room.", len(removed), decimal(freed.bytes))
    return freed


def refuse_too_large(tier: LocalTier, need_bytes: int, limit_bytes: int) -> None:
    """Raise StoreFull when an entry cannot fit beside the pinned ones, whatever else is evicted."""
    pinned_bytes = sum(item.bytes for item in tier.held() if item.pinned)
    if need_bytes + pinned_bytes > limit_bytes:
        raise StoreFull(
            f"The cache may hold {decimal(limit_bytes)}, of which {decimal(pinned_bytes)} are pinned; "
            f"this result needs {decimal(need_bytes)}.",
            "Give the cache a higher limit, or unpin something.",
        )


def disk_full(tier: LocalTier, need_bytes: int) -> StoreFull:
    """The error for a full disk, raised after at least `need_bytes` of an entry were written."""
    return StoreFull(
        f"The disk under {tier.folder} is full: a result needs more than {need_bytes} bytes, "
        f"{free_bytes(tier)} are free.",
        "Free some disk space, or make room with `python -m pipeline cache prune --to SIZE`, and run it again.",
        needs_bytes=2 * need_bytes + LEAST_BYTES,
    )
