"""Uploads: files that come in pieces, over networks that break, until they are whole.

    name = uploads.begin("walk.mp4", bytes=5_000_000)
    pen = uploads.pen(name, at=0)         # for a request that brings a piece of the file
    pen.write(data)                       # straight to the disk
    pen.lift()                            # it counts
    with uploads.whole(name) as part:     # all is there: whoever moves the part away owns it
        part.rename(elsewhere)

What counts is on the disk before it counts, so that a browser goes on behind it even after a power cut. The newest pen
of an upload writes; an older one, of a request whose connection died unnoticed, has lost the right.
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

from utils.disk import NO_ROOM, sync
from utils.errors import ReshootError
from utils.store.lease import briefly

NAME = re.compile(r"[0-9a-f]{24}")
PART, META, LOCK = "part", "meta.json", "lock"
SPARE_BYTES = 256 << 20
"""Disk that uploads leave to others."""
MOST_OF_OWNER, MOST_OF_NETWORK, MOST_OPEN = 50, 200, 1000
"""How many uploads may be under way: of one owner, from one network, and in all."""
SHARE_OF_OWNER, SHARE_OF_NETWORK = 0.25, 0.5
"""How much of the free disk is kept from others by what one owner, or one network, has announced and not yet sent."""
BUSY_S = 600.0
LONGEST_TITLE = 120


class UploadError(ReshootError):
    """An upload cannot go on like this."""


class NoUpload(UploadError):
    """There is none of this name, or no longer."""

    def __init__(self) -> None:
        super().__init__("This upload is not there any more.", "Choose the file again to start afresh.")


class UploadTooLarge(UploadError):
    """More than was declared, or than this server takes."""


class UploadFull(UploadError):
    """The disk has no room for it; `needs_bytes` more would do."""

    def __init__(self, title: str, needs_bytes: int, free_bytes: int) -> None:
        problem = f"The disk is full: {title!r} needs {needs_bytes} more bytes, {max(0, free_bytes)} are free for it."
        super().__init__(problem, "Free some disk space or clear the cache; the upload goes on where it was.")
        self.needs_bytes = needs_bytes


class Elsewhere(UploadError):
    """The bytes that came are not the next ones; those begin at `have`."""

    def __init__(self, problem: str, have: int) -> None:
        super().__init__(problem, f"Go on from byte {have}.")
        self.have = have


@dataclass(frozen=True)
class Upload:
    """How far a file has come."""

    title: str
    bytes: int
    have: int = 0
    """How many of its first bytes are safely on the disk."""
    pen: str = ""
    """Who may write on."""
    owner: str = ""
    network: str = ""


class Uploads:
    """All that come into a folder, each at most `most_bytes` long."""

    def __init__(self, folder: Path, most_bytes: int, spare_bytes: int = SPARE_BYTES) -> None:
        self._folder, self._most_bytes, self._spare_bytes = folder.absolute(), most_bytes, spare_bytes

    def begin(self, name: str, bytes: int, owner: str = "", network: str = "") -> str:
        """Accept a file that is to come; returns the name of its upload.

        An owner is whoever sends it, a network those who share a way in. No owner and no network can take all the room.
        """
        title = plain_title(name)
        if bytes < 1:
            raise UploadError(f"{title!r} is empty.", "Choose another file; perhaps copying it broke off.")
        if bytes > self._most_bytes:
            raise UploadTooLarge(
                f"{title!r} has {bytes} bytes; this server takes {self._most_bytes} at most.",
                "Cut it into shorter clips, or export it with a lower bit rate.",
            )
        self._folder.mkdir(parents=True, exist_ok=True)
        upload = Upload(title, bytes, owner=owner, network=network)
        under_way = self._under_way()
        _refuse_too_many(upload, [each for _, each in under_way])
        free = self._free_bytes()
        if bytes > free - _promised_bytes(owner, free, under_way):
            raise UploadFull(title, bytes, free)
        place = self._folder / secrets.token_hex(12)
        with _room_for(title, bytes, self._free_bytes):
            try:
                place.mkdir()
                (place / PART).touch()
                _write(place, upload)
            except OSError:
                _forget(place)
                raise
        return place.name

    def get(self, upload: str) -> Upload:
        """How far it is."""
        return _read(self._place(upload))

    def pen(self, upload: str, at: int, sha256: str | None = None) -> "Pen":
        """The right to write from byte `at` on. With a hash, the bytes count only when all have come and are right."""
        return Pen(self._place(upload), at, sha256, self._free_bytes)

    @contextmanager
    def whole(self, upload: str) -> Iterator[Path]:
        """The finished part, to be moved away; the upload is forgotten once that went well."""
        place = self._place(upload)
        with _held(place):
            found = _read(place)
            if found.have < found.bytes:
                raise Elsewhere("The file is not whole yet.", found.have)
            yield place / PART
            _forget(place)

    def drop(self, upload: str) -> None:
        """Forget it and what came of it; twice is fine."""
        place = self._place(upload)
        with suppress(NoUpload), _held(place):
            _forget(place)

    def sweep(self, older_than_s: float) -> int:
        """Forget those of which nothing came for so long; returns how many."""
        stale = [place for place in self._open() if time.time() - _touched(place) > older_than_s]
        for place in stale:
            self.drop(place.name)
        for gone in self._folder.glob("*.gone"):
            shutil.rmtree(gone, ignore_errors=True)
        return len(stale)

    def _place(self, upload: str) -> Path:
        """Only names that this class makes become paths."""
        if not NAME.fullmatch(upload):
            raise NoUpload
        return self._folder / upload

    def _open(self) -> list[Path]:
        return [place for place in self._folder.glob("*") if NAME.fullmatch(place.name)]

    def _under_way(self) -> list[tuple[Path, Upload]]:
        found = []
        for place in self._open():
            with suppress(NoUpload):
                found.append((place, _read(place)))
        return found

    def _free_bytes(self) -> int:
        return shutil.disk_usage(self._folder).free - self._spare_bytes


class Pen:
    """Writes the next bytes of an upload; made by `Uploads.pen`. Once it is lifted or let go, `have` is what counts."""

    def __init__(self, place: Path, at: int, sha256: str | None, free_bytes: Callable[[], int]) -> None:
        self._place, self._sha256, self._free_bytes = place, sha256, free_bytes
        self._hash = hashlib.sha256()
        self._mine = secrets.token_hex(8)
        with _held(place):
            found = _read(place)
            if at != found.have:
                raise Elsewhere(f"The upload goes on elsewhere than at byte {at}.", found.have)
            with _room_for(found.title, found.bytes - at, free_bytes):
                _write(place, replace(found, pen=self._mine))
        self.have = self._end = at

    def write(self, data: bytes) -> None:
        """The next bytes, to the disk; they count when the pen is lifted."""
        with self._writing() as upload:
            if self._end + len(data) > upload.bytes:
                self._take_back()
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
                    self._take_back()
                    raise
            self._end += len(data)
            self._hash.update(data)

    def lift(self) -> None:
        """All has come: it counts now, if it is right."""
        with self._writing() as upload:
            if self._sha256 and self._hash.hexdigest() != self._sha256.lower():
                self._take_back()
                raise Elsewhere("Bytes changed on their way here.", self.have)
            with _room_for(upload.title, upload.bytes - self.have, self._free_bytes):
                sync(self._place / PART)
                _write(self._place, replace(upload, have=self._end))
            self.have = self._end

    def let_go(self) -> None:
        """The rest will not come: what did counts as far as it is known to be right."""
        with suppress(UploadError):  # what broke is told elsewhere
            if self._sha256:
                with self._writing():
                    self._take_back()
            else:
                self.lift()

    def _take_back(self) -> None:
        """Remove what does not count, so that a full disk gets its room back."""
        os.truncate(self._place / PART, self.have)
        self._end = self.have

    @contextmanager
    def _writing(self) -> Iterator[Upload]:
        """The upload, as long as no newer pen writes it."""
        with _held(self._place):
            found = _read(self._place)
            if found.pen != self._mine:
                raise Elsewhere("Another request goes on with this upload.", found.have)
            yield found


def _refuse_too_many(upload: Upload, under_way: Sequence[Upload]) -> None:
    """One more of this owner, of this network, and in all."""
    if sum(each.owner == upload.owner for each in under_way) >= MOST_OF_OWNER:
        problem = f"{MOST_OF_OWNER} of your uploads are under way already."
    elif upload.network and sum(each.network == upload.network for each in under_way) >= MOST_OF_NETWORK:
        problem = f"{MOST_OF_NETWORK} uploads from your network are under way already."
    elif len(under_way) >= MOST_OPEN:
        problem = f"{MOST_OPEN} uploads are under way already, as many as this server takes."
    else:
        return
    raise UploadError(problem, "Finish or remove some, or wait until others have ended; then try again.")


def _promised_bytes(owner: str, free: int, under_way: Iterable[tuple[Path, Upload]]) -> int:
    """What uploads that came on lately still need: an owner's own wholly, those of others up to their share."""
    mine, others = 0, Counter[tuple[str, str]]()
    for place, each in under_way:
        if time.time() - _touched(place) < BUSY_S:
            missing = each.bytes - each.have
            mine += missing if each.owner == owner else 0
            others[each.network, each.owner] += missing if each.owner != owner else 0
    networks = Counter[str]()
    for (network, _), missing in others.items():
        networks[network] += min(missing, int(SHARE_OF_OWNER * free))
    return mine + sum(min(missing, int(SHARE_OF_NETWORK * free)) for missing in networks.values())


def plain_title(name: str) -> str:
    """What a person calls a file, safe to show anywhere: one line without paths, controls and direction marks."""
    last = re.split(r"[/\\]", name[:10_000])[-1]
    seen = "".join(letter for letter in last if unicodedata.category(letter)[0] != "C")
    return " ".join(seen.split())[:LONGEST_TITLE] or "clip"


@contextmanager
def _held(place: Path) -> Iterator[None]:
    """One at a time, for a moment; NoUpload when it is gone."""
    with ExitStack() as held:
        try:
            held.enter_context(briefly(place / LOCK))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NoUpload from error
        yield


def _read(place: Path) -> Upload:
    try:
        return Upload(**json.loads((place / META).read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise NoUpload from error


def _write(place: Path, upload: Upload) -> None:
    fresh = place / f"{META}.new"
    fresh.write_text(json.dumps(asdict(upload)))
    sync(fresh)
    fresh.replace(place / META)


def _forget(place: Path) -> None:
    """At once, whatever is still being written: no name leads there any more."""
    gone = place.with_name(f"{place.name}.gone")
    with suppress(FileNotFoundError):
        place.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _touched(place: Path) -> float:
    """When something last came, in seconds of the epoch."""
    with suppress(OSError):
        return max((place / name).stat().st_mtime for name in (META, PART))
    return 0.0


@contextmanager
def _room_for(title: str, needs_bytes: int, free_bytes: Callable[[], int]) -> Iterator[None]:
    """Turns a full disk into a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise UploadFull(title, needs_bytes, free_bytes()) from error
