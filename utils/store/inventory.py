"""Facts about the cache's entries and usage, for tables, the dashboard and `cache verify`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from utils.store import manifest as manifests
from utils.store.local_tier import Held
from utils.store.manifest import Damage, Manifest
from utils.store.usage_stats import Figures


@dataclass(frozen=True)
class Listed:
    """An entry with its manifest, not verified; the manifest is None when it cannot be read."""

    held: Held
    manifest: Manifest | None

    @property
    def digest(self) -> str:
        """Digest of the key under which the entry is stored."""
        return self.held.path.name

    @property
    def stage(self) -> str:
        """The stage that made the entry."""
        return self.manifest.key.stage if self.manifest else "unreadable"


@dataclass(frozen=True)
class Verdict:
    """Result of verifying one entry; an empty `problem` means that it is sound."""

    digest: str
    stage: str
    bytes: int
    problem: str = ""


@dataclass(frozen=True)
class StageStats:
    """Entries and usage counts of one stage."""

    entries: int = 0
    bytes: int = 0
    figures: Figures = field(default_factory=Figures)

    def __add__(self, other: "StageStats") -> "StageStats":
        return StageStats(self.entries + other.entries, self.bytes + other.bytes, self.figures + other.figures)


@dataclass(frozen=True)
class Stats:
    """Summary of the whole cache."""

    folder: str
    limit_bytes: int
    free_bytes: int
    bytes: int
    entries: int
    pinned: int
    quarantined: int
    quarantined_bytes: int
    stages: Mapping[str, StageStats]


def describe(held: Held) -> Listed:
    """An entry or quarantined folder together with its manifest."""
    try:
        return Listed(held, Manifest.from_bytes((held.path / manifests.NAME).read_bytes()))
    except (Damage, OSError):
        return Listed(held, None)


def stage_stats(entries: list[Listed], counted: Mapping[str, Figures]) -> dict[str, StageStats]:
    """Join entries and usage counts by stage."""
    names = sorted({entry.stage for entry in entries} | counted.keys())
    sizes = {name: [entry.held.bytes for entry in entries if entry.stage == name] for name in names}
    return {name: StageStats(len(sizes[name]), sum(sizes[name]), counted.get(name, Figures())) for name in names}
