"""Store: the cache of results. Each is computed once, and returned only when every byte still has its digest.

Usage, where `make(folder)` writes plain files into an empty folder:

    store = Store(cache_folder())
    key = Key("camera", version=3, settings={"window_s": 1.5}, inputs={"clip": digest_file(path)})
    with store.get_or_make(key, make) as entry:
        path = entry.load_array("path.npy")
"""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from utils.disk import LEAST_BYTES, NO_ROOM, full_disk, out_of_room
from utils.errors import StoreError, StoreFull, WriteError
from utils.key import DIGEST, Key
from utils.progress import Cancel
from utils.store.entry import Entry, Origin
from utils.store.eviction import Freed, disk_full, evict, free_bytes, refuse_too_large
from utils.store.finalize import finalize, finalize_fetched
from utils.store.inventory import Listed, Stats, Verdict, describe, stage_stats
from utils.store.lease import Lease, briefly, if_free, only_one
from utils.store.local_tier import LocalTier, remove_tree, size_of
from utils.store.manifest import Damage, Manifest, OtherSchema
from utils.store.shared.uses import Uses
from utils.store.usage_stats import Figures, UsageStats

if TYPE_CHECKING:
    from utils.store.shared.sharing import Sharing

log = logging.getLogger(__name__)

LIMIT_BYTES = 50 * 10**9
"""Largest size of a cache, unless told otherwise."""
SPARE_BYTES = 2 * 10**9
"""Free disk space below which entries are evicted, unless told otherwise."""

Make = Callable[[Path], object]
"""Computes a result: writes plain files into the empty folder that it is given."""


class _NotFetched(Exception):
    """A result did not arrive from the shared cache; it is computed instead."""


class Store:
    """The cache in a folder: at most `limit_bytes` large; it evicts when the disk has less than `spare_bytes` free.

    With `ahead`, what it computes is marked as computed before anybody asked for it, and nothing is counted as found.
    """

    def __init__(
        self,
        folder: Path,
        *,
        limit_bytes: int = LIMIT_BYTES,
        spare_bytes: int = SPARE_BYTES,
        sharing: "Sharing | None" = None,
        ahead: bool = False,
    ) -> None:
        self.sharing, self._ahead = sharing, ahead
        self.folder, self.limit_bytes, self.spare_bytes = folder.absolute(), limit_bytes, spare_bytes
        self._tier, self._usage = LocalTier(self.folder), UsageStats(self.folder)
        self._eviction_lock = self.folder / "room.lock"
        with self._os_errors_explained():
            self._tier.prepare()
            self._tier.sweep()

    def get(self, key: Key) -> Entry | None:
        """The entry of a key, or None; a damaged entry is quarantined."""
        with self._os_errors_explained():
            return self._sound_entry(key)[0]

    def holds(self, key: Key) -> bool:
        """Whether there is an entry of a key. It is not read, so it may turn out to be damaged."""
        return (self._tier.entries / key.digest).is_dir()

    def get_or_make(self, key: Key, make: Make, cancel: Cancel | None = None) -> Entry:
        """The entry of a key, made now if there is no sound one. One process makes it while the others wait for it."""
        with self._os_errors_explained():
            self._tier.prepare()
            entry, problem = self._sound_entry(key)
            if entry:
                return entry
            with only_one(self._tier.lock(key.digest), cancel or Cancel()):
                entry, later_problem = self._sound_entry_locked(key)
                made = entry or self._fetched(key, cancel or Cancel()) or self._make(key, make)
                return entry or replace(made, mended=problem or later_problem)

    def room_bytes(self) -> int:
        """How many bytes can be added before something is evicted."""
        held_bytes = sum(item.bytes for item in self._tier.held())
        return max(0, min(self.limit_bytes - held_bytes, free_bytes(self._tier) - self.spare_bytes))

    def full_disk(self) -> StoreFull:
        """The error for a full disk; it asks for twice the bytes of the entries in the making, and a little more."""
        return full_disk(self.folder, 2 * self._tier.made_bytes() + LEAST_BYTES)

    def pin(self, digest: str) -> None:
        """Protect the entry of a key, given by its digest, from eviction."""
        if not DIGEST.fullmatch(digest) or not self._tier.pin(digest):
            raise StoreError(
                f"The cache has no entry {digest!r}.", "`python -m pipeline cache list` shows what it has."
            )

    def unpin(self, digest: str) -> None:
        """Allow an entry to be evicted again."""
        if DIGEST.fullmatch(digest):
            self._tier.unpin(digest)

    def entries(self) -> list[Listed]:
        """All entries with their manifests, not verified, the least recently used first."""
        listed = map(describe, self._tier.held())
        return [entry for entry in listed if entry.manifest or os.path.lexists(entry.held.path)]

    def stats(self) -> Stats:
        """Summary of contents and usage."""
        entries, aside = self.entries(), self._tier.quarantined()
        return Stats(
            folder=str(self.folder),
            limit_bytes=self.limit_bytes,
            free_bytes=free_bytes(self._tier),
            bytes=sum(entry.held.bytes for entry in entries),
            entries=len(entries),
            pinned=sum(entry.held.pinned for entry in entries),
            quarantined=len(aside),
            quarantined_bytes=sum(item.bytes for item in aside),
            stages=stage_stats(entries, self._usage.read()),
        )

    def verify(self) -> Iterator[Verdict]:
        """Verify every byte of every entry and quarantine damaged ones; entries that vanish meanwhile are left out."""
        for listed in self.entries():
            with self._os_errors_explained():
                problem = self._problem(listed)
            if problem is not None:
                yield Verdict(listed.digest, listed.stage, listed.held.bytes, problem)

    def prune(self, limit_bytes: int | None = None) -> Freed:
        """Evict quarantined and then least recently used entries until the cache holds at most `limit_bytes`."""
        return self._evict(self.limit_bytes if limit_bytes is None else limit_bytes)

    def clear(self, *, even_pinned: bool = False) -> Freed:
        """Remove all entries that are not in use; pinned ones only with `even_pinned`."""
        return self._evict(0, even_pinned=even_pinned)

    def _sound_entry(self, key: Key) -> tuple[Entry | None, str]:
        """The sound entry of a key, or what is wrong with it.

        A damaged entry is quarantined, unless another process holds the key's lock and so is dealing with it.
        """
        try:
            return self._find(key), ""
        except Damage as damage:
            with if_free(self._tier.lock(key.digest)) as mine:
                return self._sound_entry_locked(key) if mine else (None, str(damage))

    def _sound_entry_locked(self, key: Key) -> tuple[Entry | None, str]:
        """As `_sound_entry`, for the holder of the key's lock: a damaged entry is quarantined."""
        try:
            return self._find(key), ""
        except Damage as damage:
            self._quarantine(key.digest, key.stage, str(damage))
            return None, str(damage)

    def _find(self, key: Key) -> Entry | None:
        """The verified entry of a key, counted as a hit."""
        started = time.perf_counter()
        entry = self._tier.find(key.digest)
        if entry and not self._ahead:
            self._count_hit(entry, time.perf_counter() - started)
        return entry

    def _count_hit(self, entry: Entry, read_s: float) -> None:
        """Count a hit; the first one of an entry that was computed ahead has saved the time of computing it."""
        manifest = entry.manifest
        hit = Figures(hits=1, spared_s=manifest.seconds, read_s=read_s, read_bytes=manifest.bytes)
        if self._tier.unmark_ahead(entry.key.digest):
            hit += Figures(ahead_used=1, ahead_saved_s=manifest.seconds)
        self._usage.add(entry.key.stage, hit)
        if self.sharing:
            self.sharing.hit(entry.folder, manifest)

    def _fetched(self, key: Key, cancel: Cancel) -> Entry | None:
        """The entry of a key from the shared cache, verified on arrival; None when it does not come."""
        sharing, started = self.sharing, time.perf_counter()
        if sharing is None or (manifest := sharing.find(key, self.limit_bytes, cancel)) is None:
            return None

        def fill(folder: Path) -> Manifest:
            if not sharing.fetch(manifest, folder, cancel):
                raise _NotFetched
            return finalize_fetched(folder, manifest)

        try:
            entry = self._filled(key, fill, Origin.SHARED)
        except _NotFetched:
            return None
        took_s = time.perf_counter() - started
        came = Figures(shared_hits=1, shared_spared_s=manifest.seconds, fetched_s=took_s, fetched_bytes=manifest.bytes)
        self._usage.add(key.stage, came)
        return entry

    def _make(self, key: Key, make: Make) -> Entry:
        """Compute an entry, and offer it to the shared cache."""

        def fill(folder: Path) -> Manifest:
            started = time.perf_counter()
            make(folder)
            manifest = finalize(folder, key, time.perf_counter() - started)
            if self._ahead:
                self._tier.mark_ahead(key.digest)
            else:
                self._tier.unmark_ahead(key.digest)  # of an entry that was damaged
            return manifest

        entry = self._filled(key, fill, Origin.COMPUTED)
        seconds, size = entry.manifest.seconds, entry.manifest.bytes
        asked = Figures(misses=1, computed_s=seconds, made_bytes=size)
        self._usage.add(key.stage, Figures(ahead=1, ahead_s=seconds, ahead_bytes=size) if self._ahead else asked)
        if self.sharing:
            self.sharing.offer(entry.folder, entry.manifest)
        return entry

    def _filled(self, key: Key, fill: Callable[[Path], Manifest], origin: Origin) -> Entry:
        """Let `fill` write and finalize a work folder, and publish it; on any error nothing is left behind."""
        self._evict(self.limit_bytes, self.spare_bytes)
        folder, lease = self._tier.begin(key.digest)
        with ExitStack() as undo:
            undo.callback(lease.close)
            undo.callback(remove_tree, folder)
            with self._full_disk_explained(folder):
                entry = self._publish(folder, fill(folder), lease, origin)
            undo.pop_all()
        return entry

    def _publish(self, folder: Path, manifest: Manifest, lease: Lease, origin: Origin) -> Entry:
        """Evict if needed, then publish the entry; one process at a time, so that the limit holds."""
        with briefly(self._eviction_lock):
            need_bytes = size_of(folder)
            refuse_too_large(self._tier, need_bytes, self.limit_bytes)
            freed = self._count(evict(self._tier, self.limit_bytes - need_bytes))
            if freed.missed_bytes:
                log.warning("The cache is %d bytes over its limit while entries are in use.", freed.missed_bytes)
            return self._tier.publish(folder, manifest, lease, origin)

    def _evict(self, limit_bytes: int, spare_bytes: int = 0, *, even_pinned: bool = False) -> Freed:
        with self._os_errors_explained(), briefly(self._eviction_lock):
            return self._count(evict(self._tier, limit_bytes, spare_bytes, even_pinned=even_pinned))

    def _count(self, freed: Freed) -> Freed:
        for listed in freed.removed:
            self._usage.add(listed.stage, Figures(evicted=1))
            Uses(self.folder).evicted(listed.digest)
            self._tier.unmark_ahead(listed.digest)
        return freed

    def _problem(self, listed: Listed) -> str | None:
        """Verify an entry, quarantine it when damaged; returns the problem, "" when sound, None when gone or remade."""
        if not (problem := self._verify_again(listed.digest)):
            return problem
        with if_free(self._tier.lock(listed.digest)) as mine:
            problem = self._verify_again(listed.digest) if mine else None
            if problem:
                self._quarantine(listed.digest, listed.stage, problem)
            return problem

    def _verify_again(self, digest: str) -> str | None:
        try:
            entry = self._tier.find(digest, afresh=True)
        except OtherSchema:
            return ""
        except Damage as damage:
            return str(damage)
        if entry is None:
            return None
        entry.close()
        return ""

    def _quarantine(self, digest: str, stage: str, problem: str) -> None:
        self._tier.set_aside(digest)
        self._usage.add(stage, Figures(quarantined=1))
        log.warning("Cache entry %.12s of %s was quarantined: %s.", digest, stage, problem)

    @contextmanager
    def _full_disk_explained(self, folder: Path) -> Iterator[None]:
        """Turn the errors of a full disk, while `folder` is being written, into StoreFull."""
        try:
            yield
        except (OSError, WriteError) as error:
            if not out_of_room(error):
                raise
            raise disk_full(self._tier, size_of(folder)) from error

    @contextmanager
    def _os_errors_explained(self) -> Iterator[None]:
        """Turn an OSError in the cache's own folders into a StoreError with a remedy.

        Errors in a work folder belong to the stage that fills it and are raised unchanged, except a full disk.
        """
        try:
            yield
        except OSError as error:
            where = Path(str(error.filename or "/"))
            if not where.is_relative_to(self.folder):
                raise
            if error.errno in NO_ROOM:
                raise disk_full(self._tier, 0) from error
            if where.is_relative_to(self._tier.work):
                raise
            raise StoreError(
                f"The cache cannot use {where} ({error.strerror}).",
                "Check the rights and the disk of that folder, or set RESHOOT_HOME to another one.",
            ) from error
