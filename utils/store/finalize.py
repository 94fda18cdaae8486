"""How a folder of files becomes an entry: checked, read-only, digested, on the disk, and the manifest last."""

import os
import stat
from pathlib import Path

from utils.digest import digest_file
from utils.disk import sync
from utils.errors import StoreError
from utils.key import Key
from utils.store import manifest as manifests
from utils.store.manifest import Blob, Manifest

LOOKED_THROUGH_BYTES = 1 << 20


def seal(folder: Path, key: Key, seconds: float) -> Manifest:
    """Turn what a stage wrote into blobs, and write the manifest that vouches for them."""
    blobs = {path.name: _seal_blob(path, key) for path in sorted(folder.iterdir())}
    if not blobs:
        raise StoreError(f"The stage {key.stage!r} made nothing.", "A stage writes at least one file.")
    manifest = Manifest.of(key, blobs, seconds)
    path = folder / manifests.NAME
    path.write_bytes(manifest.to_bytes())
    path.chmod(0o444)
    sync(path)
    sync(folder)
    return manifest


def _seal_blob(path: Path, key: Key) -> Blob:
    _check_blob(path, key)
    path.chmod(0o444)
    digest = digest_file(path, afresh=True)
    sync(path)
    return Blob(path.stat().st_size, digest)


def _check_blob(path: Path, key: Key) -> None:
    """Refuse what another place could change, what cannot travel, and what names the folder it was made in."""
    facts = path.lstat()
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink > 1:
        raise _refused(path, key, "a folder or a link")
    if path.name == manifests.NAME or not path.name.isprintable():
        raise _refused(path, key, "not a name for a blob")
    if facts.st_size <= LOOKED_THROUGH_BYTES and os.fsencode(path.parent.name) in path.read_bytes():
        raise _refused(path, key, "a text that names the folder it was made in")


def _refused(path: Path, key: Key, what: str) -> StoreError:
    return StoreError(
        f"The stage {key.stage!r} made {path.name!r}, which is {what}.",
        "A stage writes plain files with printable names, side by side, that hold no paths of their own.",
    )
