"""Sharing: what one run has to do with the shared cache. It asks before computing, offers afterwards, and notes uses.

Nothing of it makes a run fail: whatever goes wrong is kept for the run's events, and the work goes on here.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from utils.errors import StoreError
from utils.key import Key
from utils.progress import Cancel
from utils.store.lease import share
from utils.store.manifest import Damage, Manifest, OtherSchema
from utils.store.shared.background import Background
from utils.store.shared.tier import SharedTier
from utils.store.shared.trouble import NoObject, ObjectError
from utils.store.shared.uses import RUNS, Uses
from utils.store.shared.worth import Worth
from utils.store.usage_stats import Figures, UsageStats

log = logging.getLogger(__name__)

ReadPart = Callable[[str, int, int], bytes]
"""Reads the bytes of a result's file, by its name, from a start up to a stop."""
Taken = TypeVar("Taken")

FLUSH_S = 30.0
"""How long the end of a run on the command line waits for what is still being offered."""


@dataclass
class Sharing:
    """One run's part in a shared tier; the background and the tier's breakers are its process's."""

    tier: SharedTier
    background: Background
    cache: Path
    owner: str = RUNS
    worth: Worth = field(default_factory=Worth)
    offering: Worth | None = None
    """What is worth offering, of what is worth asking for; None: all of it."""

    def __post_init__(self) -> None:
        self.uses, self._usage = Uses(self.cache), UsageStats(self.cache)
        self._seen: set[str] = set()
        self._untold: deque[str] = deque()
        self._damaged: set[str] = set()
        self._late: set[str] = set()
        if any(True for _ in self.uses.released()):
            self.background.add(self._forget_released)

    def find(self, key: Key, most_bytes: int, cancel: Cancel) -> Manifest | None:
        """The manifest of a result that is there and worth fetching."""
        with self._reading(key):
            if not self.worth.asking(self._usage.read().get(key.stage, Figures())):
                return None
            manifest = self.tier.find(key, cancel)
            if manifest and manifest.bytes <= most_bytes and self.worth.sharing(manifest):
                return manifest
        return None

    def fetch(self, manifest: Manifest, folder: Path, cancel: Cancel) -> bool:
        """Write the files of a result into a folder; False when that failed."""
        arrived = False
        with self._reading(manifest.key):
            self.tier.fetch(manifest, folder, cancel)
            arrived = True
        if arrived:
            self.uses.shared(manifest.key.digest)
            self.used(manifest.key.digest)
        return arrived

    def part(self, key: Key, take: Callable[[ReadPart], Taken], cancel: Cancel) -> Taken | None:
        """What `take` makes of parts of a result's files, read without fetching all of it; None when that failed.

        It checks what it reads, and raises Damage where that is not sound.
        """
        taken = None
        with self._reading(key):
            try:
                if manifest := self.tier.find(key, cancel):
                    taken = take(self._reader(manifest, cancel))
            except NoObject:
                raise Damage("a file is missing") from None
        if taken is not None:
            self.used(key.digest)
        return taken

    def offer(self, folder: Path, manifest: Manifest) -> None:
        """Offer a result that was computed here, if it is worth it, or if it replaces a damaged one."""
        if not (self._gives(manifest) or manifest.key.digest in self._damaged):
            return
        if problem := self.tier.writes.problem:
            self._failed("writing", problem, "Results are not offered there.")
        elif not self.background.add(lambda cancel: self._offer(folder, manifest, cancel)):
            log.info("A result of %s is not offered to the shared cache: too many wait.", manifest.key.stage)

    def hit(self, folder: Path, manifest: Manifest) -> None:
        """Note the use of a result that was found in this home; offer it if it is not there yet."""
        digest = manifest.key.digest
        if self.uses.known(digest):
            self.used(digest)
        elif self._gives(manifest) and digest not in self._late and not self.tier.writes.problem:
            self._late.add(digest)
            self.background.add(lambda cancel: self._offer_late(folder, manifest, cancel))

    def _gives(self, manifest: Manifest) -> bool:
        return (self.offering or self.worth).sharing(manifest)

    def used(self, digest: str) -> None:
        """Note the use of a result in the shared cache, once a day."""
        if self.uses.due(self.owner, digest) and not self.tier.writes.problem:
            self.uses.noted(self.owner, digest)
            self.background.add(lambda cancel: self._mark(digest, cancel))

    def troubles(self) -> list[str]:
        """What went wrong and was not told yet: a sentence for each kind of trouble, once a run."""
        sentences = []
        while self._untold:
            sentences.append(self._untold.popleft())
        return sentences

    @property
    def is_whole(self) -> bool:
        """Whether all that this run wanted to offer and to read could be, so far."""
        return self._seen <= {"damage"}

    def flush(self, limit_s: float = FLUSH_S) -> None:
        """Give what is being offered some time to get there; the rest is left."""
        if self.tier.writes.problem is None and self.background.flush(limit_s):
            problem = f"Not all results could be offered to {self.tier.location} within {limit_s:.0f} s."
            self._trouble("time", f"{problem} They stay in this home.")

    def _offer(self, folder: Path, manifest: Manifest, cancel: Cancel) -> None:
        """In the background: write an entry, unless it was evicted meanwhile."""
        with self._writing(), ExitStack() as held:
            if (lease := share(folder)) is None:
                return
            held.callback(lease.close)
            self.tier.put(folder, manifest, cancel)
            self._usage.add(manifest.key.stage, Figures(offered=1, offered_bytes=manifest.bytes))
            self._note(manifest.key.digest, cancel)

    def _offer_late(self, folder: Path, manifest: Manifest, cancel: Cancel) -> None:
        """In the background: offer what is not there yet."""
        found = None
        with self._writing(), suppress(Damage):
            found = self.tier.find(manifest.key, cancel)
        if found:
            self._note(manifest.key.digest, cancel)
        elif not self.tier.reads.problem:
            self._offer(folder, manifest, cancel)

    def _note(self, digest: str, cancel: Cancel) -> None:
        """Note that a result is there, and used."""
        self.uses.shared(digest)
        self.uses.noted(self.owner, digest)
        self._mark(digest, cancel)

    def _mark(self, digest: str, cancel: Cancel) -> None:
        with self._writing():
            self.tier.mark(f"{self.uses.home}/{self.owner}/{digest}", cancel)

    def _reader(self, manifest: Manifest, cancel: Cancel) -> ReadPart:
        """Reads parts of the files of a manifest."""

        def read(name: str, start: int, stop: int) -> bytes:
            if name not in manifest.blobs:
                raise Damage(f"{name!r} is missing")
            return self.tier.read(manifest.blobs[name], start, stop, cancel)

        return read

    def _forget_released(self, cancel: Cancel) -> None:
        """In the background: forget the uses of jobs that were removed; what cannot be now is left to a later run."""
        with suppress(ObjectError, OSError):
            for path, use in self.uses.released():
                self.tier.unmark(use, cancel)
                self.uses.forgotten(path)

    @contextmanager
    def _reading(self, key: Key) -> Iterator[None]:
        try:
            yield
        except OtherSchema:
            log.debug("A result of %s is there in the form of another version.", key.stage)
        except Damage as damage:
            self._damaged.add(key.digest)
            problem = f"In the shared cache, the result of {key.stage!r} is damaged: {damage}."
            self._trouble("damage", f"{problem} It is computed here, and offered again.")
        except ObjectError as error:
            self._failed("reading", error, "Results are computed here.")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except ObjectError as error:
            self._failed("writing", error, "Results are not offered there.")
        except (OSError, StoreError) as error:
            log.debug("A result could not be read to be offered: %s", error)
            self._trouble("local", f"Results could not be read to be offered. Check the disk of {self.cache}.")

    def _trouble(self, kind: str, sentence: str) -> None:
        if kind not in self._seen:
            self._seen.add(kind)
            self._untold.append(sentence)
            log.info("%s", sentence)

    def _failed(self, kind: str, error: ObjectError, instead: str) -> None:
        """Tell why reading or writing failed, unless the other one failed for the same reason."""
        if error.why not in self._seen:
            self._trouble(kind, f"The shared cache {self.tier.location} {error.why}. {instead} {error.remedy}")
        self._seen |= {kind, error.why}
