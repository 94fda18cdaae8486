"""Content-addressed cache on disk. Every entry is verified byte for byte when it is read; `Store` is the interface."""

from utils.store.entry import Entry
from utils.store.eviction import Freed
from utils.store.inventory import Listed, StageStats, Stats, Verdict
from utils.store.manifest import Blob, Manifest
from utils.store.store import LIMIT_BYTES, SPARE_BYTES, Store
from utils.store.usage_stats import Figures

__all__ = [
    "LIMIT_BYTES",
    "SPARE_BYTES",
    "Blob",
    "Entry",
    "Figures",
    "Freed",
    "Listed",
    "Manifest",
    "StageStats",
    "Stats",
    "Store",
    "Verdict",
]
