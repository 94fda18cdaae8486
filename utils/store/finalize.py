"""Turns a folder of files into an entry: check, make read-only, digest and fsync each file; the manifest comes last."""

import os
import stat
from pathlib import Path

from utils.digest import digest_file
from utils.disk import sync
from utils.errors import StoreError
from utils.key import Key
from utils.store import manifest as manifests
from utils.store.manifest import Blob, Manifest

SEARCHED_BYTES = 1 << 20
"""Files up to this size are searched for the name of the folder that they were made in."""


def finalize(folder: Path, key: Key, seconds: float) -> Manifest:
    """Turn the files that a stage wrote into blobs, and write the manifest with their digests."""
    blobs = {path.name: _finalize_blob(path, key) for path in sorted(folder.iterdir())}
    if not blobs:
        raise StoreError(f"The stage {key.stage!r} made nothing.", "A stage writes at least one file.")
    return _sealed(folder, Manifest.of(key, blobs, seconds))


def finalize_fetched(folder: Path, manifest: Manifest) -> Manifest:
    """Finalize files from the shared cache, which were checked against their manifest on arrival."""
    for name in manifest.blobs:
        (folder / name).chmod(0o444)
        sync(folder / name)
    return _sealed(folder, manifest)


def _sealed(folder: Path, manifest: Manifest) -> Manifest:
    """Write the manifest beside its blobs."""
    path = folder / manifests.NAME
    path.write_bytes(manifest.to_bytes())
    path.chmod(0o444)
    sync(path)
    sync(folder)
    return manifest


def _finalize_blob(path: Path, key: Key) -> Blob:
    """Check one file, make it read-only, digest it and flush it to the disk."""
    _check_blob(path, key)
    path.chmod(0o444)
    digest = digest_file(path, afresh=True)
    sync(path)
    return Blob(path.stat().st_size, digest)


def _check_blob(path: Path, key: Key) -> None:
    """Refuse folders and links (they could change later), unprintable names, and texts with the folder's path."""
    facts = path.lstat()
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink > 1:
        raise _refused(path, key, "a folder or a link")
    if path.name == manifests.NAME or not path.name.isprintable():
        raise _refused(path, key, "not a name for a blob")
    if facts.st_size <= SEARCHED_BYTES and os.fsencode(path.parent.name) in path.read_bytes():
        raise _refused(path, key, "a text that names the folder it was made in")


def _refused(path: Path, key: Key, what: str) -> StoreError:
    return StoreError(
        f"The stage {key.stage!r} made {path.name!r}, which is {what}.",
        "A stage writes plain files with printable names, side by side, that hold no paths of their own.",
    )
