"""Pruning the shared cache: results that no job uses any more go first, then those that were used longest ago.

    1. Choose results. One that is young or that somebody reads now is never chosen.
    2. Remove their manifests: from now on nobody finds them.
    3. Look once more at who reads and at what was added, and remove the blobs that no manifest names. A reader whose
       lease is there got its manifest before step 2, and keeps its blobs; who comes later finds no manifest.

Young blobs stay, because an upload writes blobs before its manifest. An old blob that is uploaded anew in the moment of
its removal is missed by its next reader, and offered again. All times are those of the place's own clock.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from utils.errors import StoreError
from utils.progress import Cancel
from utils.store.manifest import Damage, Manifest, OtherSchema
from utils.store.shared.objects import Listed, Objects
from utils.store.shared.tier import BLOBS, LEASES, MANIFESTS, MARK, MOST_MANIFEST_BYTES, RENEWED_S, USES, SharedTier
from utils.store.shared.trouble import NoObject, ObjectError
from utils.store.shared.uses import Uses

GRACE = timedelta(hours=24)
"""How long new results and blobs are left alone."""
LEASE = timedelta(seconds=4 * RENEWED_S)
"""A lease that was not renewed for so long belongs to a reader that is gone."""
CLOCK = "clock"
AT_ONCE = 8
"""Requests that are under way together."""

Item = TypeVar("Item")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Limits:
    """What may stay: results used within `older`, and `bytes` in all; None sets no limit."""

    older: timedelta | None = None
    bytes: int | None = None
    grace: timedelta = GRACE


@dataclass(frozen=True)
class Pruned:
    """How many results and blobs were removed, the size of these, and that of what is left."""

    results: int
    blobs: int
    bytes: int
    left_bytes: int


@dataclass(frozen=True)
class _Result:
    """A shared result: its blobs with their sizes, when it was written and last used, and how many jobs use it."""

    key: str
    blobs: Mapping[str, int]
    written: datetime
    used: datetime
    jobs: int


def prune(tier: SharedTier, uses: Uses, limits: Limits) -> Pruned:
    """Prune the shared cache; the uses that a home has released are forgotten first."""
    cancel = Cancel()
    try:
        for path, use in uses.released():
            tier.unmark(use, cancel)
            uses.forgotten(path)
        return _Pruning(tier.objects, limits, cancel).run()
    except ObjectError as error:
        raise StoreError(f"The shared cache {tier.location} {error.why}.", error.remedy) from error


@dataclass(frozen=True)
class _Pruning:
    """One pruning of one place."""

    objects: Objects
    limits: Limits
    cancel: Cancel

    def run(self) -> Pruned:
        """Choose, remove manifests, and then remove what nobody needs."""
        now = self._now()
        results = self._results()
        chosen = self._chosen(results, now)
        self._remove(f"{MANIFESTS}/{key}" for key in chosen)

        leased = self._leased(now)
        needed = {blob for result in self._results() for blob in result.blobs}
        needed |= {blob for result in results if result.key in leased for blob in result.blobs}
        blobs = self._list(BLOBS)
        unneeded = [each for each in blobs if _last(each) not in needed and now - each.written > self.limits.grace]
        self._remove(each.name for each in unneeded)
        self._tidy(now)
        freed = sum(each.bytes for each in unneeded)
        return Pruned(len(chosen), len(unneeded), freed, sum(each.bytes for each in blobs) - freed)

    def _now(self) -> datetime:
        """The time by the clock of the place: that of an object that is written now."""
        name = f"{CLOCK}/{secrets.token_hex(8)}"
        self.objects.write(name, MARK, self.cancel)
        now = max(each.written for each in self._list(CLOCK))
        self._remove([name])
        return now

    def _results(self) -> list[_Result]:
        """All results, the one that was used longest ago first."""
        uses: dict[str, list[datetime]] = {}
        for each in self._list(USES):
            uses.setdefault(_last(each), []).append(each.written)
        listed = self._list(MANIFESTS)
        manifests = self._together(self._manifest, listed)
        results = []
        for each, manifest in zip(listed, manifests, strict=True):
            used = uses.get(_last(each), [])
            blobs = {blob.digest: blob.bytes for blob in manifest.blobs.values()} if manifest else {}
            results.append(_Result(_last(each), blobs, each.written, max([each.written, *used]), len(used)))
        return sorted(results, key=lambda result: result.used)

    def _manifest(self, each: Listed) -> Manifest | None:
        """A manifest; None when it is damaged or was removed meanwhile."""
        try:
            return Manifest.from_bytes(self.objects.read(each.name, self.cancel, most_bytes=MOST_MANIFEST_BYTES))
        except OtherSchema as error:
            raise StoreError(
                f"{self.objects.location} holds results of another version of Reshoot, whose files are not known here.",
                "Prune it with the newest version among those that use it.",
            ) from error
        except (Damage, NoObject):
            return None

    def _chosen(self, results: list[_Result], now: datetime) -> set[str]:
        """The keys of the results that go."""
        leased, limits = self._leased(now), self.limits
        free = [each for each in results if each.key not in leased and now - each.written > limits.grace]
        chosen = {each.key for each in free if not each.jobs or not each.blobs}
        if limits.older is not None:
            chosen |= {each.key for each in free if now - each.used > limits.older}
        if limits.bytes is not None:
            left = [each for each in results if each.key not in chosen]
            chosen |= _over(limits.bytes, left, [each for each in free if each.key not in chosen])
        return chosen

    def _leased(self, now: datetime) -> set[str]:
        """The keys of results that somebody reads."""
        leases = [each for each in self._list(LEASES) if now - each.written < LEASE]
        return {_last(each).partition(".")[0] for each in leases}

    def _tidy(self, now: datetime) -> None:
        """Remove the leases of readers that are gone, and the uses of results that are."""
        kept = {_last(each) for each in self._list(MANIFESTS)}
        self._remove(each.name for each in self._list(LEASES) if now - each.written >= LEASE)
        self._remove(
            each.name for each in self._list(USES) if _last(each) not in kept and now - each.written > self.limits.grace
        )

    def _list(self, folder: str) -> list[Listed]:
        return self.objects.list(folder, self.cancel)

    def _remove(self, names: Iterable[str]) -> None:
        self._together(lambda name: self.objects.remove(name, self.cancel), list(names))

    def _together(self, do: Callable[[Item], Value], items: list[Item]) -> list[Value]:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(do, items))


def _over(limit_bytes: int, results: list[_Result], free: list[_Result]) -> set[str]:
    """The least recently used of the free results that must go for all to fit; a blob of several counts once."""
    users = Counter(blob for result in results for blob in result.blobs)
    left_bytes = sum({blob: bytes for result in results for blob, bytes in result.blobs.items()}.values())
    chosen: set[str] = set()
    for result in free:
        if left_bytes <= limit_bytes:
            break
        chosen.add(result.key)
        for blob, bytes in result.blobs.items():
            users[blob] -= 1
            left_bytes -= 0 if users[blob] else bytes
    return chosen


def _last(each: Listed) -> str:
    """The last part of an object's name: a key, or a digest."""
    return each.name.rpartition("/")[2]
