"""Files that orders name, on their way to another machine: through the shared cache, under their digests.

Offered by the machine that has them, and fetched by one that makes a part of a job. A file is believed only for its
digest.
"""

import tempfile
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from pipeline.library import given
from pipeline.library.clips import Clips, NoClip
from utils.errors import ClipError
from utils.key import Key
from utils.progress import Cancel
from utils.store.manifest import NAME, Blob, Damage, Manifest
from utils.store.shared.opening import open_tier
from utils.store.shared.trouble import ObjectError

CLIPS = "clips"
NOT_COMPUTED_S = 1e6
"""A result is given up when fetching takes longer than computing it; a file cannot be computed."""


def offer(home: Path, digests: Collection[str], scratch: Path, cancel: Cancel) -> None:
    """Write those of these files that this home has to the shared cache, unless they are there."""
    tier = open_tier()
    for digest in digests:
        if (found := _find(home, digest)) is None:
            continue
        folder, path = found
        with suppress(Damage):
            if tier.find(_key(digest), cancel):
                continue
        with tempfile.TemporaryDirectory(dir=scratch) as place:
            name = f"{folder}{path.suffix}"
            manifest = Manifest.of(_key(digest), {name: Blob(path.stat().st_size, digest)}, NOT_COMPUTED_S)
            (Path(place) / name).symlink_to(path)
            (Path(place) / NAME).write_bytes(manifest.to_bytes())
            tier.put(Path(place), manifest, cancel)


def fetch(home: Path, digests: Collection[str], scratch: Path, cancel: Cancel) -> None:
    """Fetch those of these files that this home lacks; ClipError says which is missing there too."""
    tier = open_tier()
    for digest in digests:
        if _find(home, digest) is not None:
            continue
        with tempfile.TemporaryDirectory(dir=scratch) as place:
            try:
                manifest = tier.find(_key(digest), cancel)
                if manifest is None:
                    raise Damage("it is not there")
                [(name, blob)] = manifest.blobs.items()
                if blob.digest != digest:
                    raise Damage("it is another file")
                tier.fetch(manifest, Path(place), cancel)
            except (Damage, ObjectError, ValueError) as error:
                problem = f"A file of this job, {digest[:8]}, did not come from {tier.location}: {error}."
                raise ClipError(problem, "Check that the machine which took the job can write there.") from error
            else:
                _keep(home, Path(place) / name, digest)


def _key(digest: str) -> Key:
    return Key("file", version=1, settings={}, inputs={"content": digest}, tools={})


def _find(home: Path, digest: str) -> tuple[str, Path] | None:
    """The folder of a home in which a file is, and the file; None if the home does not have it."""
    with suppress(NoClip):
        return CLIPS, Clips(home).path(digest)
    for folder, role in {folder: role for role, folder in given.FOLDERS.items()}.items():
        if path := given.find(home, role, digest):
            return folder, path
    return None


def _keep(home: Path, file: Path, digest: str) -> None:
    """Move a fetched file to where those of its folder lie."""
    if file.stem == CLIPS:
        Clips(home).add(file, f"{digest[:8]}{file.suffix}", digest)
        return
    role = next((role for role, folder in given.FOLDERS.items() if folder == file.stem), None)
    if role is None:
        raise ClipError(f"A file of this job belongs to {file.stem!r}, which is unknown here.", "Update this machine.")
    given.moved_in(home, role, file, file.suffix)
