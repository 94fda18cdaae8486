"""Entry: a finished result in the cache, verified when it is opened and protected from eviction while it is open."""

import errno
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from utils.digest import digest_file
from utils.errors import StoreError
from utils.key import Key
from utils.store import manifest as manifests
from utils.store.lease import Lease, share
from utils.store.manifest import Damage, Manifest

if TYPE_CHECKING:
    import numpy as np

DAMAGE_ERRORS = {errno.EIO, errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.EUCLEAN}
"""Error numbers that mean a damaged entry, and not missing rights or limits of the reader."""


class Origin(StrEnum):
    """Where a result came from."""

    LOCAL = "from the cache"
    SHARED = "from the shared cache"
    COMPUTED = "computed"


@dataclass(frozen=True)
class Entry:
    """Read-only files with their manifest.

    The entry holds one file descriptor with a shared lock until it is closed, its `with` block ends or it is collected.
    """

    folder: Path
    manifest: Manifest
    lease: Lease
    origin: Origin = Origin.LOCAL
    mended: str = ""
    """What was wrong with the damaged entry that this one replaces; empty when there was none."""

    @property
    def key(self) -> Key:
        """The key under which the entry is stored."""
        return self.manifest.key

    @property
    def hit(self) -> bool:
        """Whether it was found, and not computed."""
        return self.origin is not Origin.COMPUTED

    @property
    def digest(self) -> str:
        """Digest of the content: a later stage puts it into its own key."""
        return self.manifest.content

    def path(self, name: str) -> Path:
        """Path of a blob, for reading only and only while the entry is open."""
        if self.lease.closed:
            raise StoreError(f"The cache entry of {self.key.stage!r} was closed.", "Read inside its `with` block.")
        if name not in self.manifest.blobs:
            raise StoreError(f"{self.key.stage!r} made no {name!r}.", f"It made: {', '.join(self.manifest.blobs)}.")
        return self.folder / name

    def read_bytes(self, name: str) -> bytes:
        """Bytes of a blob."""
        return self.path(name).read_bytes()

    def load_array(self, name: str) -> "np.ndarray[Any, Any]":
        """A .npy blob, memory-mapped read-only: it takes no memory until it is used."""
        import numpy as np

        return np.asarray(np.load(self.path(name), mmap_mode="r", allow_pickle=False))

    def close(self) -> None:
        """Release the lock: from now on the entry may be evicted."""
        self.lease.close()

    def __enter__(self) -> "Entry":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_entry(folder: Path, *, afresh: bool = False) -> Entry | None:
    """Open and verify the entry in a folder named by its key; None when there is none, Damage when it fails a check.

    Every byte is digested the first time a process opens the entry, and again with `afresh`.
    """
    with _os_errors_as_damage(folder), ExitStack() as undo:
        if (lease := share(folder)) is None:
            return None
        undo.callback(lease.close)
        manifest = Manifest.from_bytes((folder / manifests.NAME).read_bytes())
        if manifest.key.digest != folder.name:
            raise Damage("its key is not the one it lies under")
        _check_blobs(folder, manifest, afresh)
        undo.pop_all()
        return Entry(folder, manifest, lease)


def _check_blobs(folder: Path, manifest: Manifest, afresh: bool) -> None:
    """Raise Damage unless the folder holds exactly the manifest's blobs, as plain files of its sizes and digests."""
    found = {path.name: path for path in folder.iterdir()}
    for name in sorted(found.keys() ^ {*manifest.blobs, manifests.NAME}):
        raise Damage(f"{name!r} is {'extra' if name in found else 'missing'}")
    for name, blob in manifest.blobs.items():
        facts = found[name].lstat()
        if not stat.S_ISREG(facts.st_mode):
            raise Damage(f"{name!r} is not a plain file")
        if facts.st_size != blob.bytes:
            raise Damage(f"{name!r} has {facts.st_size} bytes instead of {blob.bytes}")
        if digest_file(found[name], afresh=afresh) != blob.digest:
            raise Damage(f"{name!r} has changed")


@contextmanager
def _os_errors_as_damage(folder: Path) -> Iterator[None]:
    """Turn a failing disk or a missing file into Damage; missing rights and limits of the reader stay OSErrors."""
    try:
        yield
    except OSError as error:
        if error.errno not in DAMAGE_ERRORS:
            raise
        raise Damage(f"{Path(str(error.filename or folder)).name} cannot be read ({error.strerror})") from error
