"""What the cache holds and has done, as facts for a table, a dashboard or a check."""

from collections.abc import Mapping
from dataclasses import dataclass

from utils.store import manifest as manifests
from utils.store.local_tier import Held
from utils.store.manifest import Damage, Manifest
from utils.store.usage_stats import Figures


@dataclass(frozen=True)
class Listed:
    """An entry as its manifest describes it, unchecked; no manifest when it cannot be read."""

    held: Held
    manifest: Manifest | None

    @property
    def digest(self) -> str:
        """The key that it lies under."""
        return self.held.path.name

    @property
    def stage(self) -> str:
        """The stage that made it."""
        return self.manifest.key.stage if self.manifest else "unreadable"


@dataclass(frozen=True)
class Verdict:
    """What checking one entry found: an empty problem is a sound entry."""

    digest: str
    stage: str
    bytes: int
    problem: str = ""


@dataclass(frozen=True)
class StageStats:
    """What lies in the cache of one stage, and what was counted of it."""

    entries: int
    bytes: int
    figures: Figures


@dataclass(frozen=True)
class Stats:
    """The whole cache at a glance."""

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
    """What the manifest says of something that takes room."""
    try:
        return Listed(held, Manifest.from_bytes((held.path / manifests.NAME).read_bytes()))
    except (Damage, OSError):
        return Listed(held, None)


def stage_stats(entries: list[Listed], counted: Mapping[str, Figures]) -> dict[str, StageStats]:
    """Entries and counts joined by stage."""
    names = sorted({entry.stage for entry in entries} | counted.keys())
    sizes = {name: [entry.held.bytes for entry in entries if entry.stage == name] for name in names}
    return {name: StageStats(len(sizes[name]), sum(sizes[name]), counted.get(name, Figures())) for name in names}
