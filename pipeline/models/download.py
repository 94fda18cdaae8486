"""Fetches the files of an offer: goes on where it was cut off, and believes nothing until its checksum is right.

Each file grows under another name, and gets its own when its checksum is that of the hub; so a fetch that was killed
loses a megabyte at most, and whatever has its name is whole. `huggingface_hub` itself, as of 2.4, throws away what had
arrived when its process ends, so only its transfer of bytes is used here, and the layout of its cache.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

from rich.filesize import decimal

from pipeline.models.checksums import checksum_of, sha256_of
from pipeline.models.finding import Found, Missing, find
from pipeline.models.hub import Offer, OfferedFile, explained, token
from pipeline.models.lock_file import LockedFile, LockFile
from pipeline.models.places import Landing, Places
from pipeline.models.registry import Model
from pipeline.models.removal import drop
from utils.disk import LEAST_BYTES, out_of_room, sync
from utils.errors import ModelError, WriteError
from utils.progress import Cancel, Listener, Progress
from utils.store.lease import if_free, only_one

STAGE = "fetch"
CHUNK_BYTES = 1 << 20
"""The step in which bytes arrive; a line that breaks loses no more."""


def fetch_all(model: Model, offers: Sequence[Offer], places: Places, listener: Listener, cancel: Cancel) -> Found:
    """Fetch what is offered of a model and of its parts, with one progress for all of it."""
    total, before = sum(offer.bytes for offer in offers), 0
    for offer in offers:

        def listen(told: Progress, before: int = before) -> None:
            listener(replace(told, done=before + told.done, total=total))

        Download(offer, places, listen, cancel).run()
        before += offer.bytes
    found = find(model, places)
    if isinstance(found, Missing):
        raise ModelError(found.sentence, "Fetch it once more.")
    return found


class Download:
    """One fetch of an offer into its place."""

    def __init__(self, offer: Offer, places: Places, listener: Listener, cancel: Cancel) -> None:
        self._offer, self._places, self._listener, self._cancel = offer, places, listener, cancel
        self._landing = places.fetched(offer.model.checkpoint)
        self._counter = _Counter(offer.bytes, listener, cancel)

    def run(self) -> None:
        """Fetch what is not here yet; a fetch of the same repository that is under way is waited for."""
        with self._disk_explained(), explained(self._offer.model):
            self._landing.folder.mkdir(parents=True, exist_ok=True)
            self._tell_wait()
            with only_one(self._landing.busy, self._cancel):
                self._fetch_all()

    def _fetch_all(self) -> None:
        check_room([self._offer], self._places)
        locked = []
        for file in self._offer.files:
            self._counter.begin(file)
            locked.append(self._fetch(file))
        self._link_all()
        before, model = LockFile.read(self._landing.lock), self._offer.model
        lock = LockFile(name=model.name, source=model.checkpoint.source, commit=self._offer.commit, files=tuple(locked))
        lock.write(self._landing.lock)
        if before and before.commit != lock.commit:
            drop(self._landing, before, keep=lock)

    def _fetch(self, file: OfferedFile) -> LockedFile:
        """Fetch a file unless it is here, sound; raise ModelError if what arrives is not what the hub says."""
        content = self._landing.content(file.path, file.checksum)
        content.parent.mkdir(parents=True, exist_ok=True)
        if content.exists() and self._is_sound(file, content):
            self._counter.arrived(file.bytes)
        else:
            part = self._landing.part(file.path, file.checksum)
            content.unlink(missing_ok=True)
            self._receive(file, part)
            self._check(file, part)
            sync(part)
            part.replace(content)
        sha256 = file.checksum if len(file.checksum) == 64 else sha256_of(content)
        return LockedFile(path=file.path, bytes=file.bytes, sha256=sha256, content=file.checksum)

    def _receive(self, file: OfferedFile, part: Path) -> None:
        """Receive the rest of a file; the transfer resumes by itself while the line breaks now and then."""
        from huggingface_hub import constants
        from huggingface_hub.errors import HfHubHTTPError
        from huggingface_hub.file_download import http_get

        constants.DOWNLOAD_CHUNK_SIZE = CHUNK_BYTES
        if part.exists() and part.stat().st_size > file.bytes:
            part.unlink()
        from_hub = self._offer.model.checkpoint.repository is not None
        bearer = {"Authorization": f"Bearer {token()}"} if from_hub and token() else {}
        headers = {"Accept-Encoding": "identity", **bearer}
        with part.open("ab") as into:
            here = into.seek(0, os.SEEK_END)
            self._counter.arrived(here)
            counted = cast(BinaryIO, _Counted(into, self._counter))
            try:
                http_get(file.url, counted, resume_size=here, headers=headers, expected_size=file.bytes)
            except OSError as error:
                if error.errno is None and not isinstance(error, HfHubHTTPError):  # fewer bytes than announced
                    raise ModelError(
                        f"Only a part of {file.path} arrived.", "Run it again, to get the rest."
                    ) from error
                raise

    def _is_sound(self, file: OfferedFile, path: Path) -> bool:
        """Whether a file has the content that the hub says."""
        told = self._counter.checked
        return path.stat().st_size == file.bytes and checksum_of(path, file.checksum, told) == file.checksum

    def _check(self, file: OfferedFile, part: Path) -> None:
        """Remove what has arrived and raise ModelError unless it is sound."""
        if not self._is_sound(file, part):
            part.unlink()
            raise ModelError(
                f"{file.path} of {self._offer.model.checkpoint.source} is not what the hub says: its checksum differs. "
                "It was removed.",
                "Fetch it again. If that happens again, something between here and the hub changes files.",
            )

    def _link_all(self) -> None:
        """Give the files their names in the snapshot, as links to their content."""
        if not self._landing.shared:
            return
        snapshot = self._landing.snapshot(self._offer.commit)
        for file in self._offer.files:
            path, content = snapshot / file.path, self._landing.content(file.path, file.checksum)
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.unlink(missing_ok=True)
                path.symlink_to(os.path.relpath(content, path.parent))

    def _tell_wait(self) -> None:
        with if_free(self._landing.busy) as free:
            if not free:
                note = "waiting for another fetch of it"
                self._listener(Progress(STAGE, 0, self._offer.bytes, note))

    @contextmanager
    def _disk_explained(self) -> Iterator[None]:
        """Turn the errors of a disk into sentences."""
        try:
            yield
        except OSError as error:
            folder = self._landing.folder
            if out_of_room(error):
                check_room([self._offer], self._places)
            raise WriteError(
                f"Nothing can be written to {folder}: {error.strerror or error}.",
                "Make room there, or choose another folder with HF_HOME; what has arrived is kept.",
            ) from error


def here_bytes(offers: Sequence[Offer], places: Places) -> int:
    """How much of some offers is on the disk already."""
    files = ((places.fetched(offer.model.checkpoint), file) for offer in offers for file in offer.files)
    return sum(min(file.bytes, _arrived(landing, file)) for landing, file in files)


def free_bytes(offers: Sequence[Offer], places: Places) -> tuple[Path, int]:
    """The folder whose disk takes the offers, and the room on that."""
    landing = places.fetched(offers[-1].model.checkpoint)
    folder = next(path for path in (landing.folder, *landing.folder.parents) if path.is_dir())
    return folder, shutil.disk_usage(folder).free


def check_room(offers: Sequence[Offer], places: Places) -> None:
    """Raise ModelError unless the disk has room for what is still to come."""
    needed = sum(offer.bytes for offer in offers) - here_bytes(offers, places) + LEAST_BYTES
    folder, free = free_bytes(offers, places)
    if needed > free:
        volume = next(path for path in (folder, *folder.parents) if path.is_mount())
        names = " and ".join(offer.model.name for offer in offers)
        verb = "need" if len(offers) > 1 else "needs"
        raise ModelError(
            f"{names} {verb} {decimal(needed)} more, and the disk under {folder} has {decimal(free)} free.",
            f"Free or add {decimal(needed - free)} on the volume at {volume}, or choose another with HF_HOME.",
        )


def _arrived(landing: Landing, file: OfferedFile) -> int:
    """The bytes of a file that are here, whole or in part."""
    places = (landing.content(file.path, file.checksum), landing.part(file.path, file.checksum))
    return next((path.stat().st_size for path in places if path.exists()), 0)


class _Counter:
    """Adds up what has arrived, and tells it; cancelling takes effect here."""

    def __init__(self, total: int, listener: Listener, cancel: Cancel) -> None:
        self._total, self._listener, self._cancel = total, listener, cancel
        self._done = 0
        self._path = ""

    def begin(self, file: OfferedFile) -> None:
        self._path = file.path
        self.arrived(0)

    def arrived(self, size: int) -> None:
        self._cancel.check()
        self._done += size
        self._listener(Progress(STAGE, self._done, self._total, self._path))

    def checked(self, size: int) -> None:
        self._cancel.check()
        self._listener(Progress(STAGE, self._done, self._total, f"checking {self._path}"))


@dataclass
class _Counted:
    """A file that counts what is written to it."""

    file: BinaryIO
    counter: _Counter

    def write(self, data: bytes) -> int:
        size = self.file.write(data)
        self.counter.arrived(size)
        return size

    def tell(self) -> int:
        return self.file.tell()

    def seek(self, place: int) -> int:
        """Go back: the server could not resume and sends everything again."""
        self.counter.arrived(place - self.file.tell())
        return self.file.seek(place)

    def truncate(self) -> int:
        return self.file.truncate()
