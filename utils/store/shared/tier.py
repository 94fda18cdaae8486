"""Shared tier: finished results in one place that several homes share. They are believed only for their digests.

    manifests/<key>            the manifest of a result: written last, so that what it names is there
    blobs/<digest>             the files of results, under the digests of their content
    uses/<home>/<owner>/<key>  empty; when it was written is when that job of that home last used the result
    leases/<key>.<random>      empty; somebody reads the result, as long as it was written lately

Writing twice what is the same changes nothing, so nothing needs locks, conditions or versions of the place. Times are
compared by the clock of the place alone.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from blake3 import blake3

from utils.errors import Cancelled
from utils.key import DIGEST, Key
from utils.progress import Cancel
from utils.store import manifest as manifests
from utils.store.manifest import Blob, Damage, Manifest
from utils.store.shared.breaker import Breaker
from utils.store.shared.objects import PART_BYTES, Objects
from utils.store.shared.trouble import NoObject, ObjectError

MANIFESTS, BLOBS, USES, LEASES = "manifests", "blobs", "uses", "leases"
MOST_MANIFEST_BYTES = 1 << 20
RENEWED_S = 30.0
"""How often a reader renews its lease."""
LEAST_FETCH_S = 10.0
MARK = b"1"
"""What stands in objects of which only the name and the time matter; some places have no empty ones."""


@dataclass(frozen=True)
class SharedTier:
    """The shared results at one location, and whether it is worth trying to reach them now."""

    objects: Objects
    reads: Breaker = field(default_factory=Breaker)
    writes: Breaker = field(default_factory=Breaker)
    clock: Callable[[], float] = time.monotonic

    @property
    def location(self) -> str:
        """Where it is."""
        return self.objects.location

    def find(self, key: Key, cancel: Cancel) -> Manifest | None:
        """The manifest of a key; None when there is none, Damage when it is not one of this key."""
        try:
            with self.reads.attempt():
                content = self.objects.read(f"{MANIFESTS}/{key.digest}", cancel, most_bytes=MOST_MANIFEST_BYTES)
        except NoObject:
            return None
        return checked(Manifest.from_bytes(content), key.digest)

    def fetch(self, manifest: Manifest, folder: Path, cancel: Cancel) -> None:
        """Write the blobs of a manifest into a folder; Damage when one is not what the manifest says.

        It may take as long as computing would.
        """
        until_s = self.clock() + max(LEAST_FETCH_S, manifest.seconds)
        with self._leased(manifest.key, cancel) as renew:
            if not self.find(manifest.key, cancel):
                raise Damage("it was removed")
            for name, blob in manifest.blobs.items():
                with (folder / name).open("xb") as file:
                    for part in self._verified(name, blob, cancel):
                        file.write(part)
                        renew()
                        self._check_pace(until_s)

    def read(self, blob: Blob, start: int, stop: int, cancel: Cancel) -> bytes:
        """The bytes of a blob from a start up to a stop, as they are there: who asks has to check them."""
        with self.reads.attempt():
            return self.objects.read(f"{BLOBS}/{blob.digest}", cancel, start=start, most_bytes=stop - start)

    def _check_pace(self, until_s: float) -> None:
        """Leave a place alone that is slower than computing."""
        if self.clock() > until_s:
            with self.reads.attempt():
                raise ObjectError("is slower than computing", "Check the network between here and there.", lasting=True)

    def put(self, folder: Path, manifest: Manifest, cancel: Cancel) -> None:
        """Write the blobs of an entry, and then its manifest."""
        with self.writes.attempt():
            for name, blob in manifest.blobs.items():
                self.objects.write(f"{BLOBS}/{blob.digest}", folder / name, cancel)
            self.objects.write(f"{MANIFESTS}/{manifest.key.digest}", (folder / manifests.NAME).read_bytes(), cancel)

    def mark(self, use: str, cancel: Cancel) -> None:
        """Note a use, `<home>/<owner>/<key>`, as of now."""
        with self.writes.attempt():
            self.objects.write(f"{USES}/{use}", MARK, cancel)

    def unmark(self, use: str, cancel: Cancel) -> None:
        """Forget a use."""
        self.objects.remove(f"{USES}/{use}", cancel)

    def _verified(self, name: str, blob: Blob, cancel: Cancel) -> Iterator[bytes]:
        """The content of a blob in parts; Damage at its end unless size and digest are right."""
        hasher, place = blake3(), f"{BLOBS}/{blob.digest}"
        for start in range(0, blob.bytes, PART_BYTES):
            wanted = min(PART_BYTES, blob.bytes - start)
            try:
                with self.reads.attempt():
                    part = self.objects.read(place, cancel, start=start, most_bytes=wanted)
            except NoObject:
                raise Damage(f"{name!r} is missing") from None
            if len(part) != wanted:
                raise Damage(f"{name!r} is too short")
            hasher.update(part)
            yield part
        if hasher.hexdigest() != blob.digest:
            raise Damage(f"{name!r} has changed")

    @contextmanager
    def _leased(self, key: Key, cancel: Cancel) -> Iterator[Callable[[], None]]:
        """Hold a lease on a result, which keeps it from being pruned; the caller renews it.

        Who may read and not write has no lease: what is pruned meanwhile fails a check, and is computed.
        """
        name, renewed_s = f"{LEASES}/{key.digest}.{secrets.token_hex(8)}", -RENEWED_S

        def renew() -> None:
            nonlocal renewed_s
            if self.clock() - renewed_s >= RENEWED_S:
                renewed_s = self.clock()
                with suppress(ObjectError), self.writes.attempt():
                    self.objects.write(name, MARK, cancel)

        renew()
        try:
            yield renew
        finally:
            if not self.writes.problem:
                with suppress(ObjectError, Cancelled):  # who may not delete leaves it to the next pruning
                    self.objects.remove(name, cancel)


def checked(manifest: Manifest, digest: str) -> Manifest:
    """A manifest from the shared place, whose names will be used as names of files; Damage unless it can be trusted."""
    if manifest.key.digest != digest:
        raise Damage("its manifest is not the one of its key")
    for name, blob in manifest.blobs.items():
        plain = name.isprintable() and 0 < len(name.encode()) < 256 and not {"/", "\\"} & {*name}
        plain = plain and name not in (".", "..", manifests.NAME)
        if not plain or type(blob.bytes) is not int or blob.bytes < 0 or not DIGEST.fullmatch(str(blob.digest)):
            raise Damage("its manifest names what is no file")
    if not manifest.blobs or type(manifest.seconds) not in (int, float):
        raise Damage("its manifest is incomplete")
    return manifest
