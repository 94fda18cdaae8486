"""Entry: a finished result, checked byte for byte before anyone reads it, and held so that nobody removes it."""

import errno
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
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

ROTTEN = {errno.EIO, errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.EUCLEAN}
"""What the system answers when the entry itself is at fault, and not the reader's rights or limits."""


@dataclass(frozen=True)
class Entry:
    """Read-only files and where they come from; one descriptor is held until `close`, `with` or oblivion ends it."""

    folder: Path
    manifest: Manifest
    lease: Lease
    hit: bool = True
    mended: str = ""
    """What was wrong with the entry that this one replaces; empty when nothing was."""

    @property
    def key(self) -> Key:
        """What was asked."""
        return self.manifest.key

    @property
    def digest(self) -> str:
        """The digest of the content: what a later stage puts in its key."""
        return self.manifest.content

    def path(self, name: str) -> Path:
        """A blob's file, for reading only and only while the entry is held."""
        if self.lease.closed:
            raise StoreError(f"The cache entry of {self.key.stage!r} was closed.", "Read inside its `with` block.")
        if name not in self.manifest.blobs:
            raise StoreError(f"{self.key.stage!r} made no {name!r}.", f"It made: {', '.join(self.manifest.blobs)}.")
        return self.folder / name

    def read_bytes(self, name: str) -> bytes:
        """A blob's bytes."""
        return self.path(name).read_bytes()

    def load_array(self, name: str) -> "np.ndarray[Any, Any]":
        """A .npy blob, mapped read-only from the file: it takes no memory until it is used."""
        import numpy as np

        return np.asarray(np.load(self.path(name), mmap_mode="r", allow_pickle=False))

    def close(self) -> None:
        """Let it go: from now on it may be removed to make room."""
        self.lease.close()

    def __enter__(self) -> "Entry":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_entry(folder: Path, *, afresh: bool = False) -> Entry | None:
    """The entry in a folder named by its key; None when there is none, Damage when it is not what it should be.

    Every byte is digested the first time a process meets it, and again when `afresh`.
    """
    with _rot_is_damage(folder), ExitStack() as undo:
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
    """Exactly the blobs of the manifest: plain files, of the size and digest that it tells."""
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
def _rot_is_damage(folder: Path) -> Iterator[None]:
    """A failing disk or a missing file damages an entry; missing rights and limits of the reader do not."""
    try:
        yield
    except OSError as error:
        if error.errno not in ROTTEN:
            raise
        raise Damage(f"{Path(str(error.filename or folder)).name} cannot be read ({error.strerror})") from error
