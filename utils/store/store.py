"""Store: a result computed once, whoever asks for it, and read back only when every byte is what it was.

Used like this, where `make(folder)` writes plain files into an empty folder:

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

from utils.disk import LEAST_BYTES, NO_ROOM, full_disk, out_of_room
from utils.errors import StoreError, StoreFull, WriteError
from utils.key import DIGEST, Key
from utils.progress import Cancel
from utils.store.entry import Entry
from utils.store.eviction import Freed, disk_full, free_bytes, make_room, refuse_too_large
from utils.store.finalize import seal
from utils.store.inventory import Listed, Stats, Verdict, describe, stage_stats
from utils.store.lease import Lease, briefly, if_free, only_one
from utils.store.local_tier import Shelf, remove_tree, size_of
from utils.store.manifest import Damage, Manifest, OtherSchema
from utils.store.usage_stats import Figures, Tally

log = logging.getLogger(__name__)

LIMIT_BYTES = 50 * 10**9
SPARE_BYTES = 2 * 10**9

Make = Callable[[Path], object]


class Store:
    """The cache in a folder: at most `limit_bytes`, and it gives way when the disk has less than `spare_bytes`."""

    def __init__(self, folder: Path, *, limit_bytes: int = LIMIT_BYTES, spare_bytes: int = SPARE_BYTES) -> None:
        self.folder, self.limit_bytes, self.spare_bytes = folder.absolute(), limit_bytes, spare_bytes
        self._shelf, self._tally = Shelf(self.folder), Tally(self.folder)
        self._room_lock = self.folder / "room.lock"
        with self._in_words():
            self._shelf.prepare()
            self._shelf.sweep()

    def get(self, key: Key) -> Entry | None:
        """The entry of a key, or None; a damaged one is quarantined."""
        with self._in_words():
            return self._look(key)[0]

    def holds(self, key: Key) -> bool:
        """Whether there seems to be an entry of a key; nothing of it is read, so it may turn out to be damaged."""
        return (self._shelf.entries / key.digest).is_dir()

    def get_or_make(self, key: Key, make: Make, cancel: Cancel | None = None) -> Entry:
        """The entry of a key, made now when there is none to trust. One process makes it while others wait for it."""
        with self._in_words():
            self._shelf.prepare()
            entry, problem = self._look(key)
            if entry:
                return entry
            with only_one(self._shelf.lock(key.digest), cancel or Cancel()):
                entry, later_problem = self._settle(key)
                return entry or replace(self._make(key, make), mended=problem or later_problem)

    def full_disk(self) -> StoreFull:
        """What is said where the disk takes no more, by what is being made just now."""
        return full_disk(self.folder, 2 * self._shelf.made_bytes() + LEAST_BYTES)

    def pin(self, digest: str) -> None:
        """Keep the entry of a key, by its digest, whatever room is needed."""
        if not DIGEST.fullmatch(digest) or not self._shelf.pin(digest):
            raise StoreError(
                f"The cache has no entry {digest!r}.", "`python -m pipeline cache list` shows what it has."
            )

    def unpin(self, digest: str) -> None:
        """Let an entry go when its time comes."""
        if DIGEST.fullmatch(digest):
            self._shelf.unpin(digest)

    def entries(self) -> list[Listed]:
        """All entries as their manifests describe them, the least recently used first."""
        listed = map(describe, self._shelf.held())
        return [entry for entry in listed if entry.manifest or os.path.lexists(entry.held.path)]

    def stats(self) -> Stats:
        """What the cache holds and what it did."""
        entries, aside = self.entries(), self._shelf.quarantined()
        return Stats(
            folder=str(self.folder),
            limit_bytes=self.limit_bytes,
            free_bytes=free_bytes(self._shelf),
            bytes=sum(entry.held.bytes for entry in entries),
            entries=len(entries),
            pinned=sum(entry.held.pinned for entry in entries),
            quarantined=len(aside),
            quarantined_bytes=sum(item.bytes for item in aside),
            stages=stage_stats(entries, self._tally.read()),
        )

    def verify(self) -> Iterator[Verdict]:
        """Read every byte of every entry again and quarantine what is damaged; what vanishes meanwhile is left out."""
        for listed in self.entries():
            with self._in_words():
                problem = self._problem(listed)
            if problem is not None:
                yield Verdict(listed.digest, listed.stage, listed.held.bytes, problem)

    def prune(self, limit_bytes: int | None = None) -> Freed:
        """Remove the quarantined and the least recently used until the cache holds no more than the limit."""
        return self._make_room(self.limit_bytes if limit_bytes is None else limit_bytes)

    def clear(self, *, even_pinned: bool = False) -> Freed:
        """Remove all that is not in use and, unless asked, not pinned."""
        return self._make_room(0, even_pinned=even_pinned)

    def _look(self, key: Key) -> tuple[Entry | None, str]:
        """The entry to trust, or what is wrong with it. Damage that another process holds is left to it."""
        try:
            return self._find(key), ""
        except Damage as damage:
            with if_free(self._shelf.lock(key.digest)) as mine:
                return self._settle(key) if mine else (None, str(damage))

    def _settle(self, key: Key) -> tuple[Entry | None, str]:
        """As `_look`, for the holder of the key's lock: damage is quarantined."""
        try:
            return self._find(key), ""
        except Damage as damage:
            self._quarantine(key.digest, key.stage, str(damage))
            return None, str(damage)

    def _find(self, key: Key) -> Entry | None:
        """The checked entry, counted as a hit."""
        started = time.perf_counter()
        entry = self._shelf.find(key.digest)
        if entry:
            told = entry.manifest
            read_s = time.perf_counter() - started
            hit = Figures(hits=1, spared_s=told.seconds, read_s=read_s, read_bytes=told.bytes)
            self._tally.add(key.stage, hit)
        return entry

    def _make(self, key: Key, make: Make) -> Entry:
        """Fill a folder, seal it and publish it; whatever goes wrong leaves nothing behind."""
        self._make_room(self.limit_bytes, self.spare_bytes)
        folder, lease = self._shelf.begin(key.digest)
        with ExitStack() as undo:
            undo.callback(lease.close)
            undo.callback(remove_tree, folder)
            with self._full_in_words(folder):
                started = time.perf_counter()
                make(folder)
                manifest = seal(folder, key, time.perf_counter() - started)
                entry = self._publish(folder, manifest, lease)
            undo.pop_all()
        made = Figures(misses=1, computed_s=manifest.seconds, made_bytes=manifest.bytes)
        self._tally.add(key.stage, made)
        return entry

    def _publish(self, folder: Path, manifest: Manifest, lease: Lease) -> Entry:
        """Make room, then let the entry appear; one process at a time, so that the limit holds."""
        with briefly(self._room_lock):
            need_bytes = size_of(folder)
            refuse_too_large(self._shelf, need_bytes, self.limit_bytes)
            freed = self._count(make_room(self._shelf, self.limit_bytes - need_bytes))
            if freed.missed_bytes:
                log.warning("The cache is %d bytes over its limit while entries are in use.", freed.missed_bytes)
            return self._shelf.publish(folder, manifest, lease)

    def _make_room(self, limit_bytes: int, spare_bytes: int = 0, *, even_pinned: bool = False) -> Freed:
        with self._in_words(), briefly(self._room_lock):
            return self._count(make_room(self._shelf, limit_bytes, spare_bytes, even_pinned=even_pinned))

    def _count(self, freed: Freed) -> Freed:
        for listed in freed.removed:
            self._tally.add(listed.stage, Figures(evicted=1))
        return freed

    def _problem(self, listed: Listed) -> str | None:
        """What is wrong with an entry, "" for nothing, None when it is gone or being made anew."""
        if not (problem := self._reread(listed.digest)):
            return problem
        with if_free(self._shelf.lock(listed.digest)) as mine:
            problem = self._reread(listed.digest) if mine else None
            if problem:
                self._quarantine(listed.digest, listed.stage, problem)
            return problem

    def _reread(self, digest: str) -> str | None:
        try:
            entry = self._shelf.find(digest, afresh=True)
        except OtherSchema:
            return ""
        except Damage as damage:
            return str(damage)
        if entry is None:
            return None
        entry.close()
        return ""

    def _quarantine(self, digest: str, stage: str, problem: str) -> None:
        self._shelf.set_aside(digest)
        self._tally.add(stage, Figures(quarantined=1))
        log.warning("Cache entry %.12s of %s was quarantined: %s.", digest, stage, problem)

    @contextmanager
    def _full_in_words(self, folder: Path) -> Iterator[None]:
        try:
            yield
        except (OSError, WriteError) as error:
            if not out_of_room(error):
                raise
            raise disk_full(self._shelf, size_of(folder)) from error

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """What the system refuses in the cache's own folders becomes an error that its user can act on.

        What a stage meets in the folder that it fills is the stage's, except a full disk.
        """
        try:
            yield
        except OSError as error:
            where = Path(str(error.filename or "/"))
            if not where.is_relative_to(self.folder):
                raise
            if error.errno in NO_ROOM:
                raise disk_full(self._shelf, 0) from error
            if where.is_relative_to(self._shelf.work):
                raise
            raise StoreError(
                f"The cache cannot use {where} ({error.strerror}).",
                "Check the rights and the disk of that folder, or set RESHOOT_HOME to another one.",
            ) from error
