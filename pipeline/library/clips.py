"""The clips of a home, each in a folder that is named by the digest of its content, kept until no job needs it.

    clips/<digest>/clip.mp4      the file, under a fixed name
                   clip.json     its latest title, and its size
                   look.json     facts from its inspection, or why it is refused
                   poster.jpg    a still
                   strip.jpg     small pictures of its frames, and strip.json, which frames they show

Clips of earlier versions have a random id of 24 digits instead of a digest.

Light: a clip is decoded only in a child process, see `pipeline.library.inspection`.
"""

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.library import inspection
from pipeline.library.filmstrip import PICTURE, FilmStrip, NoFilmStrip
from utils.atomic_file import write_atomically
from utils.digest import digest_file
from utils.disk import sync
from utils.errors import ClipError
from utils.guarded_child import MOST_ANSWER_BYTES
from utils.progress import Cancel
from utils.store.lease import briefly, only_one
from utils.untrusted_json import read_object

ID = re.compile(r"[0-9a-f]{64}|[0-9a-f]{24}")
ABOUT, INSPECTION, POSTER, PART, GONE = "clip.json", "look.json", "poster.jpg", ".part", ".gone"
DIGEST_DIGITS = 64
STRIP_LOCK = ".strip.lock"
LOCK, EXAMPLE = ".lock", ".example"
"""The lock under which clips are added and removed, and the file that holds the digest of the example clip."""
SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".3gp", ".wmv",
            ".flv", ".ogv", ".mxf", ".gif")  # fmt: skip
EXAMPLE_TITLE = "Example walk.mp4"
KEPT_S = 7 * 24 * 3600.0
"""How long a clip is kept that no job uses."""
REMOVAL_S = 60.0
"""Age after which a removal counts as interrupted by a crash."""

InUse = Callable[[], Collection[str]]
"""Returns the ids of what jobs need. Called after a clip was renamed away, so that no new job can start to use it."""


class NoClip(ClipError):
    """There is no clip of this id, or no longer."""

    def __init__(self) -> None:
        super().__init__("This clip is not there any more.", "Add it again.")


@dataclass(frozen=True)
class Inspection:
    """The outcome of inspecting a clip: facts, or a problem and its remedy."""

    facts: Mapping[str, Any] | None = None
    settings: Mapping[str, Any] | None = None
    """{preset, settings} stored in the file, if it is a result of this program."""
    problem: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class StoredClip:
    """A clip that a home stores."""

    id: str
    title: str
    file: str
    bytes: int
    added_at: float
    """Seconds since the epoch."""
    inspection: Inspection | None = None
    address: str = ""
    """The address that it was fetched from, without its query; empty for a file. Stored only where there is one."""

    @property
    def state(self) -> str:
        """looking (not inspected yet), ready or refused."""
        return "looking" if self.inspection is None else "refused" if self.inspection.problem else "ready"

    @property
    def problem(self) -> str:
        """Why it is refused; empty if it is not."""
        return self.inspection.problem if self.inspection else ""

    @property
    def remedy(self) -> str:
        """What a person can do about the problem."""
        return self.inspection.remedy if self.inspection else ""


class Clips:
    """The clips of a home. It has no state besides its folder, so it may be created wherever it is needed."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self._folder = self.home / "clips"

    def add(self, file: Path, title: str, digest: str | None = None, address: str = "") -> str:
        """Move a file into the library; returns its id, the digest of its content.

        Idempotent under a given digest, so that a move that a crash interrupted is resumed. A file whose content is
        stored already is dropped; the clip gets its title, and is inspected again if it was refused.
        """
        clip = digest or digest_file(file, afresh=True)
        place = self._place(clip)
        self._folder.mkdir(parents=True, exist_ok=True)
        with briefly(self._folder / LOCK):
            if place.is_dir():
                file.unlink(missing_ok=True)
                self.forget_failure(clip)
                about = {**json.loads((place / ABOUT).read_bytes()), "title": title, "added_at": time.time()}
                write_atomically(place / ABOUT, json.dumps(about | _from(address)))
            else:
                self._move_in(file, title, place, address)
        return clip

    def _move_in(self, file: Path, title: str, place: Path, address: str) -> None:
        part = self._folder / f".{place.name}{PART}"
        part.mkdir(exist_ok=True)
        moved = part / f"clip{_safe_suffix(title)}"
        if file.exists():
            file.rename(moved)
        size = moved.stat().st_size
        about = {"id": place.name, "title": title, "file": moved.name, "bytes": size, "added_at": time.time()}
        (part / ABOUT).write_text(json.dumps(about | _from(address)))
        sync(part / ABOUT)
        sync(part)
        part.rename(place)
        sync(self._folder)

    def take(self, file: Path, title: str) -> str:
        """Store a file that stays where it is, by a hard link or else by a copy; returns its id."""
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f".{secrets.token_hex(12)}{PART}"
        try:
            try:
                os.link(file, part)
            except OSError:  # another file system, or somebody else's file
                shutil.copyfile(file, part)
            return self.add(part, title)
        finally:
            part.unlink(missing_ok=True)

    def get(self, clip: str) -> StoredClip:
        """A clip with its inspection, if there is one; NoClip if it is not stored."""
        place = self._place(clip)
        try:
            return StoredClip(**json.loads((place / ABOUT).read_bytes()), inspection=_read_inspection(place))
        except (OSError, ValueError, TypeError) as error:
            raise NoClip from error

    def path(self, clip: str) -> Path:
        """The path of a clip's file."""
        return self._place(clip) / self.get(clip).file

    def digest(self, clip: str) -> str:
        """The digest of a clip's content, which is its id; a clip of an earlier version is stored under it as well."""
        return clip if len(clip) == DIGEST_DIGITS else self.take(self.path(clip), self.get(clip).title)

    def poster(self, clip: str) -> Path:
        """The path of a clip's still, which exists once it was inspected."""
        return self._place(clip) / POSTER

    def all(self) -> list[StoredClip]:
        """All clips, the oldest first."""
        clips = []
        for folder in self._folder.glob("*"):
            with suppress(NoClip):
                clips.append(self.get(folder.name))
        return sorted(clips, key=lambda clip: (clip.added_at, clip.id))

    def look(self, clip: str) -> Inspection:
        """Inspect a clip in a child process, unless that was done before; blocks for as long as that takes."""
        stored, place = self.get(clip), self._place(clip)
        if stored.inspection:
            return stored.inspection
        outcome = Inspection(**inspection.look(self.home, place / stored.file, stored.title, self.poster(clip)))
        self.keep(clip, outcome)
        return outcome

    def strip(self, clip: str) -> FilmStrip:
        """Small pictures of a clip's frames, made by a child process on first use; blocks for as long as it takes."""
        stored, place = self.get(clip), self._place(clip)
        with only_one(place / STRIP_LOCK, Cancel()):
            if FilmStrip.read(place) is None:
                inspection.strip(self.home, place / stored.file, place)
        if found := FilmStrip.read(place):
            return found
        raise NoFilmStrip

    def strip_picture(self, clip: str) -> Path:
        """The path of a clip's film strip, which exists once it was asked for."""
        return self._place(clip) / PICTURE

    def keep(self, clip: str, outcome: Inspection) -> None:
        """Store the outcome of an inspection, also of a failed one, so that it is not repeated."""
        try:
            write_atomically(self._place(clip) / INSPECTION, json.dumps(asdict(outcome)), durable=False)
        except FileNotFoundError as error:
            raise NoClip from error

    def forget_failure(self, clip: str) -> None:
        """Delete the inspection of a refused clip, so that it is inspected again."""
        if self.get(clip).problem:
            (self._place(clip) / INSPECTION).unlink(missing_ok=True)

    def example(self, ready_made: Path | None = None) -> str:
        """The id of the example clip, taken from a file if there is one, else rendered; blocks meanwhile."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self.example_id():
            with only_one(self._folder / f"{EXAMPLE}.lock", Cancel()):
                if not self.example_id():
                    write_atomically(self._folder / EXAMPLE, self._add_example(ready_made))
        return self.example_id()

    def _add_example(self, ready_made: Path | None) -> str:
        if ready_made and ready_made.is_file():
            return self.take(ready_made, EXAMPLE_TITLE)
        film = self._folder / ".example.mp4"
        inspection.film_example(film)
        return self.add(film, EXAMPLE_TITLE)

    def example_id(self) -> str:
        """The id of the example clip; empty if it is not stored."""
        with suppress(OSError, NoClip):
            return self.get((self._folder / EXAMPLE).read_text()).id
        return ""

    def remove(self, clip: str, used: InUse) -> bool:
        """Delete a clip unless a job needs it; returns whether it was deleted."""
        place, gone = self._place(clip), self._folder / f".{clip}{GONE}"
        self.get(clip)
        with briefly(self._folder / LOCK):
            shutil.rmtree(gone, ignore_errors=True)
            try:
                place.rename(gone)
            except FileNotFoundError as error:
                raise NoClip from error
            if clip in used():
                gone.rename(place)
                return False
        shutil.rmtree(gone, ignore_errors=True)
        return True

    def sweep(self, used: InUse, older_than_s: float = KEPT_S) -> int:
        """Delete old clips that no job needs, and leftovers of crashes; returns how many clips were deleted."""
        self._recover(used, older_than_s)
        needed, before, swept = used(), time.time() - older_than_s, 0
        for clip in self.all():
            if clip.added_at < before and clip.id not in needed:
                with suppress(NoClip):
                    swept += self.remove(clip.id, used)
        return swept

    def _recover(self, used: InUse, older_than_s: float) -> None:
        """Finish removals that a crash interrupted, restoring clips that are needed; delete old partial additions."""
        for gone in self._folder.glob(f".*{GONE}"):
            place = self._folder / gone.name[1 : -len(GONE)]
            if time.time() - gone.stat().st_ctime > REMOVAL_S:
                if place.name in used() and not place.exists():
                    gone.rename(place)
                else:
                    shutil.rmtree(gone, ignore_errors=True)
        for part in self._folder.glob(f".*{PART}"):
            if time.time() - part.stat().st_ctime > older_than_s:
                part.unlink() if part.is_file() else shutil.rmtree(part, ignore_errors=True)

    def _place(self, clip: str) -> Path:
        """The folder of a clip. Only ids of the form that this class generates become paths."""
        if not ID.fullmatch(clip):
            raise NoClip
        return self._folder / clip


def _read_inspection(place: Path) -> Inspection | None:
    """The stored inspection of a clip; None if there is none or it cannot be read."""
    try:
        return Inspection(**read_object((place / INSPECTION).read_bytes(), MOST_ANSWER_BYTES))
    except (OSError, ValueError, TypeError):
        return None


def _from(address: str) -> dict[str, str]:
    """What is stored of an address; nothing, which earlier versions can read, for a file."""
    return {"address": address} if address else {}


def _safe_suffix(title: str) -> str:
    """The suffix of a title if it is a known video suffix, because some demuxers need it; else empty."""
    suffix = Path(title).suffix.lower()
    return suffix if suffix in SUFFIXES else ""
