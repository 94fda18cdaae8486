"""Removes weights that were fetched. What other tools fetched, or people brought, is theirs and stays."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from pipeline.models.finding import Found, find
from pipeline.models.lock_file import LockFile
from pipeline.models.places import LOCK, Landing, Places
from pipeline.models.registry import Model
from utils.errors import ModelError
from utils.store.lease import if_free


def remove(model: Model, places: Places) -> int:
    """Remove fetched weights, and what a fetch that was cut off left; the bytes that this freed."""
    landing = places.fetched(model.checkpoint)
    lock = LockFile.read(landing.lock)
    if not lock and not landing.parts():
        raise _not_ours(model, places)
    with if_free(landing.busy) as free:
        if not free:
            raise ModelError(f"{model.name} is being fetched right now.", "Stop that first.")
        freed = drop(landing, lock) if lock else 0
        for part in landing.parts():
            freed += part.stat().st_size
            part.unlink()
        landing.lock.unlink(missing_ok=True)
    _remove_empty(landing.folder / "blobs" if landing.shared else landing.folder, landing.folder)
    return freed


def drop(landing: Landing, lock: LockFile, keep: LockFile | None = None) -> int:
    """Remove the files of a lock file, but not what `keep`, another checkpoint or snapshot holds; the bytes freed."""
    snapshot, freed = landing.snapshot(lock.commit), 0
    needed = _needed_by_others(landing, lock)
    kept = {(file.path, file.content) for file in keep.files} if keep else set()
    for file in lock.files:
        if landing.shared and file.path not in needed:
            (snapshot / file.path).unlink(missing_ok=True)
            _remove_empty((snapshot / file.path).parent, landing.folder)
    held = _held(landing) if landing.shared else set()
    for file in lock.files:
        content = landing.content(file.path, file.content)
        if content.exists() and content.resolve() not in held and (file.path, file.content) not in kept:
            freed += content.stat().st_size
            content.unlink()
    return freed


def _needed_by_others(landing: Landing, lock: LockFile) -> set[str]:
    """The files of the same commit that belong to other checkpoints of the repository, too."""
    paths = landing.folder.glob(f"*.{LOCK}") if landing.shared else ()
    others = [other for path in paths if path != landing.lock and (other := LockFile.read(path))]
    return {file.path for other in others if other.commit == lock.commit for file in other.files}


def _held(landing: Landing) -> set[Path]:
    """The contents that snapshots of a shared folder still point to."""
    return {path.resolve() for path in (landing.folder / "snapshots").rglob("*") if path.is_symlink()}


def _remove_empty(folder: Path, top: Path) -> None:
    """Remove a folder, and those above it up to the top one, as long as they are empty."""
    with suppress(OSError):
        while folder.is_relative_to(top):
            folder.rmdir()
            folder = folder.parent


def _not_ours(model: Model, places: Places) -> ModelError:
    found = find(model, places)
    if isinstance(found, Found):
        return ModelError(
            f"{model.name} in {found.path} was not fetched by Reshoot.",
            "Delete that folder yourself if nobody needs it.",
        )
    return ModelError(f"{model.name} is not here.", "`python -m pipeline models list` shows what is.")
