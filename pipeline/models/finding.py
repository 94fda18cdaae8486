"""Finds the weights of a checkpoint on this machine, without any network.

    match find(model, Places.usual()):
        case Found(path=path): ...          # a folder in the layout that diffusers loads
        case Missing(sentence=sentence): ...

Weights that were fetched are complete if every file of their lock file is there in its size; a folder that somebody
brought is complete if each pattern of the registry finds a file and no shard that an index names is missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from rich.filesize import decimal

from pipeline.models.checksums import Checksums
from pipeline.models.family import Checkpoint, is_pickle
from pipeline.models.lock_file import LockFile, content_digest
from pipeline.models.places import Places
from pipeline.models.registry import Model
from utils.digest import canonical_json, digest_bytes
from utils.untrusted_json import UntrustedJson, read_object

MOST_INDEX_BYTES = 16 << 20
MOST_FILES = 10_000
SHOWN = 4


@dataclass(frozen=True)
class Found:
    """Weights that are here: the folder to load, the lock file if they were fetched by us, and their parts."""

    model: Model
    path: Path
    files: tuple[str, ...]
    checksums: Checksums
    lock: LockFile | None = None
    parts: Mapping[str, Found] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """Digest of their content for cache keys, parts included."""
        if not self.parts:
            return self._own_digest
        parts = {role: part.digest for role, part in self.parts.items()}
        return digest_bytes(canonical_json({"own": self._own_digest, "parts": parts}))

    @cached_property
    def _own_digest(self) -> str:
        """Digest of their own files; without a lock file these are read once for it."""
        if self.lock:
            return self.lock.digest
        return content_digest({path: self.checksums.sha256(self.path / path) for path in self.files})

    @property
    def whole(self) -> tuple[Found, ...]:
        """Their parts, and themselves as the last ones."""
        return (*{part.model.name: part for part in self.parts.values()}.values(), self)

    @property
    def bytes(self) -> int:
        """Their size on the disk, without parts, which are models of their own."""
        return sum(_size(self.path / path) or 0 for path in self.files)


@dataclass(frozen=True)
class Missing:
    """Weights that are not here, or not all of them: what is missing, where it was looked for, and how to get it."""

    model: Model
    gaps: tuple[str, ...]
    """What is missing where some of them are; empty where there are none at all."""
    looked: tuple[Path, ...]
    begun: bool = False
    """Whether a fetch was cut off, which another one continues."""
    absent: tuple[Model, ...] = ()
    """Which models a fetch has to bring: these, and parts of them that are not here."""

    @property
    def command(self) -> str:
        """The command that fetches them."""
        return f"python -m pipeline models fetch {self.model.name}"

    @property
    def sentence(self) -> str:
        """What is missing, in a sentence."""
        if not self.gaps:
            part = (
                "here only in part: a fetch was cut off, and another one goes on from there"
                if self.begun
                else "not here"
            )
            return f"The weights {self.model.name} are {part}."
        more = f" and {len(self.gaps) - SHOWN} more" if len(self.gaps) > SHOWN else ""
        return f"Of the weights {self.model.name} some are missing: {', '.join(self.gaps[:SHOWN])}{more}."

    @property
    def remedy(self) -> str:
        """How to get them."""
        size = decimal(sum(model.checkpoint.about_bytes for model in self.absent))
        folder = self.looked[0]
        return f"Run `{self.command}` (about {size}; it asks first), or put them into {folder}."


@dataclass(frozen=True)
class _Candidate:
    """A folder that may hold the weights; `lock` says exactly what must be in it."""

    folder: Path
    lock: LockFile | None = None

    def gaps(self, checkpoint: Checkpoint, files: list[str], checksums: Checksums) -> list[str]:
        """What is missing in it."""
        if self.lock is None:
            return _gaps(checkpoint, self.folder, files) or _strangers(checkpoint, self.folder, checksums)
        return [file.path for file in self.lock.files if _size(self.folder / file.path) != file.bytes]


def find(model: Model, places: Places) -> Found | Missing:
    """The weights of a model with all its parts; a folder that was named comes before what was fetched."""
    own = _find(model, places)
    if not model.parts:
        return own
    parts = {role: _find(part, places) for role, part in model.parts.items()}
    missing = [each for each in (*parts.values(), own) if isinstance(each, Missing)]
    if isinstance(own, Found) and not missing:
        return replace(own, parts={role: part for role, part in parts.items() if isinstance(part, Found)})
    absent = tuple({each.model.name: each.model for each in missing}.values())
    if isinstance(own, Missing):
        return replace(own, absent=absent)
    return replace(missing[0], model=model, gaps=tuple(part.name for part in absent), absent=absent)


def _find(model: Model, places: Places) -> Found | Missing:
    """The weights of a model without its parts."""
    checkpoint, checksums, gaps = model.checkpoint, Checksums(places.models), list[str]()
    for candidate in _candidates(checkpoint, places):
        if not candidate.folder.is_dir():
            if candidate.lock:
                gaps += [file.path for file in candidate.lock.files]
            continue
        present = _files(candidate.folder)
        missing = candidate.gaps(checkpoint, present, checksums)
        if not missing:
            locked = [file.path for file in candidate.lock.files] if candidate.lock else _wanted(checkpoint, present)
            return Found(model, candidate.folder, tuple(locked), checksums, candidate.lock)
        gaps += missing if candidate.lock or _wanted(checkpoint, present) else []
    landing = places.fetched(checkpoint)
    looked = (*places.by_hand(checkpoint), landing.folder)
    begun = any(landing.parts())
    return Missing(model, tuple(dict.fromkeys(gaps)), tuple(dict.fromkeys(looked)), begun, (model,))


def _candidates(checkpoint: Checkpoint, places: Places) -> Iterator[_Candidate]:
    """The folders that may hold a checkpoint, the best first."""
    landing, by_hand = places.fetched(checkpoint), places.by_hand(checkpoint)
    lock = LockFile.read(landing.lock)
    fetched = [_Candidate(landing.snapshot(lock.commit), lock)] if lock else []
    if places.brought:
        yield from (_Candidate(folder) for folder in by_hand if folder.parent == places.brought)
    yield from fetched
    yield from (_Candidate(folder) for folder in by_hand if folder.parent != places.brought)
    commit = landing.commit_of(checkpoint.revision)
    if commit and not lock:
        yield _Candidate(landing.snapshot(commit))


def _gaps(checkpoint: Checkpoint, folder: Path, files: list[str]) -> list[str]:
    """Patterns without a file, and shards that an index names and that are not there."""
    gaps = [pattern for pattern in checkpoint.patterns if not any(fnmatchcase(file, pattern) for file in files)]
    pickles = [file for file in files if is_pickle(file) and not _wanted(checkpoint, [file])]
    if gaps and pickles:
        gaps[-1] += f" (there is {pickles[0]}, which may run code; convert it to safetensors)"
    for index in (file for file in _wanted(checkpoint, files) if file.endswith(".safetensors.index.json")):
        beside = index.rpartition("/")[0]
        shards = [f"{beside}/{shard}" if beside else shard for shard in _shards(folder / index)]
        gaps += [shard for shard in shards if shard not in files]
    return gaps


def _strangers(checkpoint: Checkpoint, folder: Path, checksums: Checksums) -> list[str]:
    """The file of an address, if it is not the one whose checksum the registry names: it may be a pickle."""
    path = checkpoint.patterns[0]
    if checkpoint.sha256 is None or checksums.sha256(folder / path) == checkpoint.sha256:
        return []
    return [f"{path} with the checksum of the registry"]


def _shards(index: Path) -> list[str]:
    """The files that an index of shards names; the index itself if it cannot be read."""
    try:
        weights = read_object(index.read_bytes(), MOST_INDEX_BYTES).get("weight_map")
    except (OSError, UntrustedJson):
        weights = None
    if not isinstance(weights, dict) or not all(isinstance(shard, str) for shard in weights.values()):
        return [f"a readable {index.name}"]
    return sorted(set(weights.values()))


def _wanted(checkpoint: Checkpoint, files: list[str]) -> list[str]:
    return [file for file in files if any(fnmatchcase(file, pattern) for pattern in checkpoint.patterns)]


def _files(folder: Path) -> list[str]:
    """Paths of the files in a folder, links followed; folders whose names start with a dot are left out."""
    found: list[str] = []
    for parent, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        here = Path(parent)
        found += [(here / name).relative_to(folder).as_posix() for name in sorted(names) if (here / name).is_file()]
        if len(found) > MOST_FILES:
            break
    return found


def _size(path: Path) -> int | None:
    """The size of a file; None if there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return None
