"""Reads weights again, every byte, and says which files are not what they were."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.models.checksums import sha256_of
from pipeline.models.finding import Found
from pipeline.models.places import Places
from utils.errors import ModelError
from utils.safetensors_header import read_header


@dataclass(frozen=True)
class Verdict:
    """What reading weights again showed; `compared` says whether there were checksums to compare with."""

    name: str
    bytes: int
    damaged: tuple[str, ...]
    compared: bool


def verify(found: Found, places: Places) -> Verdict:
    """Compare fetched files with their checksums and remove damaged ones; of other files check the headers."""
    if found.lock is None:
        return Verdict(found.model.name, found.bytes, tuple(_unsound(found)), compared=False)
    landing, damaged = places.fetched(found.model.checkpoint), []
    for file in found.lock.files:
        if sha256_of(found.path / file.path) != file.sha256:
            damaged.append(file.path)
            landing.content(file.path, file.content).unlink()
    return Verdict(found.model.name, found.lock.bytes, tuple(damaged), compared=True)


def _unsound(found: Found) -> list[str]:
    unsound = []
    for path in found.files:
        file = found.path / path
        if path.endswith(".safetensors"):
            try:
                read_header(file)
            except ModelError:
                unsound.append(path)
    return unsound
