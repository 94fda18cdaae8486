"""Resumable uploads: files that arrive in chunks over unreliable networks.

    name = uploads.begin("walk.mp4", bytes=5_000_000)
    writer = uploads.chunk_writer(name, at=0)   # for one request that brings a chunk
    writer.write(data)                          # straight to the disk
    writer.commit()                             # advances the upload's offset `have`
    with uploads.whole(name) as (part, digest): # complete: the caller moves the file away
        part.rename(destination)

Data is synced to the disk before the offset advances, so that a browser resumes at the right byte even after a power
cut. Only the newest writer of an upload may write; it fences off older ones, whose connection died unnoticed.

What is fetched from an address (`utils.address`) is an upload too, so that the same limits hold for it.

By hand, because tuspyserver 4.4.3 sends 1 GB 1.6 times as fast, and does not do what the lines above promise: killed in
the middle of a request it resumes at offset 0 behind the bytes that it has, and the file is wrong; while a dead
connection is open other visitors wait 30 s; checksums and the size of the disk are not looked at.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from utils.atomic_file import write_atomically
from utils.digest import digest_file
from utils.disk import NO_ROOM, sync
from utils.errors import ReshootError
from utils.progress import Cancel
from utils.store.lease import briefly, only_one

NAME = re.compile(r"[0-9a-f]{24}")
PART, META, LOCK, ROOM_LOCK = "part", "meta.json", "lock", ".room.lock"
STORED_WRITER, LATER = "pen", ("digest", "source", "validator")
"""Name of `Upload.writer` in META, as in earlier versions, so that their open uploads can be resumed; and what those do
not know, which is stored only where it is not empty."""
MOST_BYTES = 20 << 30
"""The largest file, where nothing else is said."""
SPARE_BYTES = 256 << 20
"""Free disk space that uploads leave for everything else."""
KEPT_S = 24 * 3600.0
"""Age at which an upload that has stopped growing is deleted."""
MOST_OF_OWNER, MOST_OF_NETWORK, MOST_OPEN = 50, 200, 1000
"""How many uploads may be open: of one owner, from one network, and in all."""
SHARE_OF_OWNER, SHARE_OF_NETWORK = 0.25, 0.5
"""Share of the free disk that unsent bytes of one owner, or of one network, may reserve against others."""
BUSY_S = 600.0
"""How long after its last byte an upload still reserves disk space."""
LONGEST_TITLE = 120


class UploadError(ReshootError):
    """An upload cannot begin or continue."""


class NoUpload(UploadError):
    """There is no upload of this name, or no longer."""

    def __init__(self) -> None:
        super().__init__("This upload is not there any more.", "Choose the file again to start afresh.")


class UploadTooLarge(UploadError):
    """The file is larger than was announced, or than this server accepts."""


class UploadFull(UploadError):
    """The disk is too full for the upload, which needs `needs_bytes` more."""

    def __init__(self, title: str, needs_bytes: int, free_bytes: int) -> None:
        problem = f"The disk is full: {title!r} needs {needs_bytes} more bytes, {max(0, free_bytes)} are free for it."
        super().__init__(problem, "Free some disk space or clear the cache; it goes on where it was.")
        self.needs_bytes = needs_bytes


class OffsetMismatch(UploadError):
    """The chunk does not continue the upload, which stands at offset `have`."""

    def __init__(self, problem: str, have: int) -> None:
        super().__init__(problem, f"Go on from byte {have}.")
        self.have = have


@dataclass(frozen=True)
class Upload:
    """The state of an upload."""

    title: str
    bytes: int
    have: int = 0
    """Offset: how many of its first bytes are synced to the disk."""
    writer: str = ""
    """Fencing token of the newest writer, the only one that may write."""
    owner: str = ""
    network: str = ""
    digest: str = ""
    """The digest of the file, once all of it is there. What is left of an upload then only tells what it has become."""
    source: str = ""
    """The digest of the address that it is fetched from; empty for files that browsers send."""
    validator: str = ""
    """ETag or time of change by which the server of the address knows the content that has arrived."""


class Uploads:
    """The uploads in a folder, each at most `most_bytes` long."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES, spare_bytes: int = SPARE_BYTES) -> None:
        self._folder, self.most_bytes, self._spare_bytes = folder.absolute(), most_bytes, spare_bytes

    def begin(self, name: str, bytes: int, owner: str = "", network: str = "", source: str = "") -> str:
        """Open an upload for an announced file, or find that of the same source and owner; returns its name.

        Quotas per owner (browser) and per network keep anyone from taking all of the disk.
        """
        upload = Upload(plain_title(name), bytes, owner=owner, network=network, source=source)
        self._folder.mkdir(parents=True, exist_ok=True)
        with _room_for(upload.title, bytes, self._free_bytes), only_one(self._folder / ROOM_LOCK, Cancel()):
            if source and (known := self.find(source, owner)):
                return known
            open_uploads = self._open_uploads()
            _refuse_too_many(upload, [other for _, other in open_uploads])
            self._refuse_beyond_room(upload, open_uploads)
            place = self._folder / secrets.token_hex(12)
            try:
                place.mkdir()
                (place / PART).touch()
                _write(place, upload)
            except OSError:
                _remove(place)
                raise
        return place.name

    def _refuse_beyond_room(self, upload: Upload, others: Iterable[tuple[Path, Upload]]) -> None:
        """Raise UploadError unless a file of this length is taken, and the disk has room for what is missing of it."""
        if upload.bytes < 1:
            raise UploadError(f"{upload.title!r} is empty.", "Choose another file; perhaps copying it broke off.")
        if upload.bytes > self.most_bytes:
            raise UploadTooLarge(
                f"{upload.title!r} has {upload.bytes} bytes; a clip may have {self.most_bytes} at most.",
                "Cut it into shorter clips, or export it with a lower bit rate.",
            )
        needs_bytes, free = upload.bytes - upload.have, self._free_bytes()
        if needs_bytes > free - _reserved_bytes(upload.owner, free, others):
            raise UploadFull(upload.title, needs_bytes, free)

    def announce(self, upload: str, bytes: int) -> None:
        """Say anew how long the file is; what has arrived stays."""
        self._change(self._place(upload), bytes=bytes)

    def restart(self, upload: str, bytes: int, validator: str) -> None:
        """Forget what has arrived: what comes now is another file, or cannot be resumed."""
        self._change(self._place(upload), bytes=bytes, have=0, digest="", validator=validator)

    def _change(self, place: Path, **values: Any) -> None:
        with only_one(self._folder / ROOM_LOCK, Cancel()), _locked(place):
            state = replace(_read(place), **values)
            self._refuse_beyond_room(state, [each for each in self._open_uploads() if each[0] != place])
            with (place / PART).open("ab") as part:
                part.truncate(state.have)
            _write(place, state)

    def find(self, source: str, owner: str = "") -> str | None:
        """The newest upload of an owner from an address; None if there is none."""
        for place in sorted(self._folders(), key=_changed_at, reverse=True):
            with suppress(NoUpload):
                if (state := _read(place)).source == source and state.owner == owner:
                    return place.name
        return None

    def get(self, upload: str) -> Upload:
        """The state of an upload."""
        return _read(self._place(upload))

    def chunk_writer(self, upload: str, at: int, sha256: str | None = None) -> "ChunkWriter":
        """A writer for a chunk at offset `at`. With a hash, the chunk counts only as a whole, if it matches."""
        return ChunkWriter(self._place(upload), at, sha256, self._free_bytes)

    @contextmanager
    def whole(self, upload: str) -> Iterator[tuple[Path, str]]:
        """The path and digest of a complete upload, for the caller to move away; only its state is kept after that."""
        place = self._place(upload)
        with _locked(place):
            state = _read(place)
            if state.have < state.bytes:
                raise OffsetMismatch("The file is not whole yet.", state.have)
            if not state.digest:
                state = replace(state, digest=digest_file(place / PART, afresh=True))
                _write(place, state)
            yield place / PART, state.digest
            (place / PART).unlink(missing_ok=True)

    def drop(self, upload: str) -> None:
        """Remove an upload and its data; idempotent."""
        place = self._place(upload)
        with suppress(NoUpload), _locked(place):
            _remove(place)

    def sweep(self, older_than_s: float = KEPT_S) -> int:
        """Remove uploads that received nothing for so long; returns how many."""
        stale = [place for place in self._folders() if time.time() - _changed_at(place) > older_than_s]
        for place in stale:
            self.drop(place.name)
        for gone in self._folder.glob("*.gone"):
            shutil.rmtree(gone, ignore_errors=True)
        return len(stale)

    def lock(self, upload: str) -> Path:
        """The lock file of whoever fetches an upload from its address."""
        return self._place(upload) / "fetching"

    def _place(self, upload: str) -> Path:
        """The folder of an upload. Only names of the form that this class generates become paths."""
        if not NAME.fullmatch(upload):
            raise NoUpload
        return self._folder / upload

    def _folders(self) -> list[Path]:
        return [place for place in self._folder.glob("*") if NAME.fullmatch(place.name)]

    def _open_uploads(self) -> list[tuple[Path, Upload]]:
        uploads = []
        for place in self._folders():
            with suppress(NoUpload):
                if not (upload := _read(place)).digest:
                    uploads.append((place, upload))
        return uploads

    def _free_bytes(self) -> int:
        return shutil.disk_usage(self._folder).free - self._spare_bytes


class ChunkWriter:
    """Writes one chunk of an upload. After `commit` or `abandon`, `have` is the upload's new offset."""

    def __init__(self, place: Path, at: int, sha256: str | None, free_bytes: Callable[[], int]) -> None:
        self._place, self._sha256, self._free_bytes = place, sha256, free_bytes
        self._hash = hashlib.sha256()
        self._token = secrets.token_hex(8)
        with _locked(place):
            state = _read(place)
            if at != state.have:
                raise OffsetMismatch(f"The upload goes on elsewhere than at byte {at}.", state.have)
            with _room_for(state.title, state.bytes - at, free_bytes):
                _write(place, replace(state, writer=self._token))
        self.have = self._end = at

    def write(self, data: bytes) -> None:
        """Write the next bytes to the disk; they count once they are committed."""
        with self._writing() as upload:
            if self._end + len(data) > upload.bytes:
                self._discard_uncommitted()
                raise UploadTooLarge(
                    f"More than the {upload.bytes} bytes came that were announced for {upload.title!r}.",
                    "Choose the file again; it may have changed.",
                )
            with _room_for(upload.title, upload.bytes - self.have, self._free_bytes):
                try:
                    with (self._place / PART).open("r+b") as part:
                        part.seek(self._end)
                        part.write(data)
                except OSError:
                    self._discard_uncommitted()
                    raise
            self._end += len(data)
            self._hash.update(data)

    def commit(self) -> None:
        """Check the hash, sync the data to the disk, and advance the upload's offset."""
        with self._writing() as upload:
            if self._sha256 and self._hash.hexdigest() != self._sha256.lower():
                self._discard_uncommitted()
                raise OffsetMismatch("Bytes changed on their way here.", self.have)
            with _room_for(upload.title, upload.bytes - self.have, self._free_bytes):
                sync(self._place / PART)
                _write(self._place, replace(upload, have=self._end))
            self.have = self._end

    def abandon(self) -> None:
        """The connection broke: keep the bytes that arrived, but drop a chunk whose hash cannot be checked now."""
        with suppress(UploadError):  # the caller reports what broke
            if self._sha256:
                with self._writing():
                    self._discard_uncommitted()
            else:
                self.commit()

    def _discard_uncommitted(self) -> None:
        """Truncate the file to its committed length, so that a full disk gets its space back."""
        os.truncate(self._place / PART, self.have)
        self._end = self.have

    @contextmanager
    def _writing(self) -> Iterator[Upload]:
        """Lock the upload; OffsetMismatch if a newer writer has taken it over."""
        with _locked(self._place):
            state = _read(self._place)
            if state.writer != self._token:
                raise OffsetMismatch("Another request goes on with this upload.", state.have)
            yield state


def _refuse_too_many(upload: Upload, others: Sequence[Upload]) -> None:
    """Raise UploadError if the owner, the network or the server has too many open uploads already."""
    if sum(other.owner == upload.owner for other in others) >= MOST_OF_OWNER:
        problem = f"{MOST_OF_OWNER} of your uploads are under way already."
    elif upload.network and sum(other.network == upload.network for other in others) >= MOST_OF_NETWORK:
        problem = f"{MOST_OF_NETWORK} uploads from your network are under way already."
    elif len(others) >= MOST_OPEN:
        problem = f"{MOST_OPEN} uploads are under way already, as many as this server takes."
    else:
        return
    raise UploadError(problem, "Finish or remove some, or wait until others have ended; then try again.")


def _reserved_bytes(owner: str, free: int, open_uploads: Iterable[tuple[Path, Upload]]) -> int:
    """Bytes that active uploads still need: those of this owner in full, those of others up to their quota."""
    mine, others = 0, Counter[tuple[str, str]]()
    for place, upload in open_uploads:
        if time.time() - _changed_at(place) < BUSY_S:
            missing = upload.bytes - upload.have
            mine += missing if upload.owner == owner else 0
            others[upload.network, upload.owner] += missing if upload.owner != owner else 0
    networks = Counter[str]()
    for (network, _), missing in others.items():
        networks[network] += min(missing, int(SHARE_OF_OWNER * free))
    return mine + sum(min(missing, int(SHARE_OF_NETWORK * free)) for missing in networks.values())


def plain_title(name: str) -> str:
    """A file's name made safe to show: one line without folders, control characters and text direction marks."""
    last = re.split(r"[/\\]", name[:10_000])[-1]
    visible = "".join(letter for letter in last if unicodedata.category(letter)[0] != "C")
    return " ".join(visible.split())[:LONGEST_TITLE] or "clip"


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """Hold the upload's file lock; NoUpload if it was removed."""
    with ExitStack() as lock:
        try:
            lock.enter_context(briefly(place / LOCK))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NoUpload from error
        yield


def _read(place: Path) -> Upload:
    try:
        stored = dict(json.loads((place / META).read_bytes()))
        writer = stored.pop(STORED_WRITER, "")
        return Upload(**stored, writer=writer)
    except (OSError, ValueError, TypeError) as error:
        raise NoUpload from error


def _write(place: Path, upload: Upload) -> None:
    stored = asdict(upload)
    stored[STORED_WRITER] = stored.pop("writer")
    for name in LATER:
        if not stored[name]:
            del stored[name]
    write_atomically(place / META, json.dumps(stored))


def _remove(place: Path) -> None:
    """Rename the folder away, which is atomic even while something is written into it, then delete it."""
    gone = place.with_name(f"{place.name}.gone")
    with suppress(FileNotFoundError):
        place.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _changed_at(place: Path) -> float:
    """When data last arrived, in seconds since the epoch."""
    changed_at = 0.0
    for name in (META, PART):
        with suppress(OSError):
            changed_at = max(changed_at, (place / name).stat().st_mtime)
    return changed_at


@contextmanager
def _room_for(title: str, needs_bytes: int, free_bytes: Callable[[], int]) -> Iterator[None]:
    """Convert the OSError of a full disk into UploadFull."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise UploadFull(title, needs_bytes, free_bytes()) from error
