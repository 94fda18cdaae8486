"""The clips of a home: what people brought, each in a folder under an unguessable name, until no job needs it.

    clips/<id>/clip.mp4      what came, under a name that no person chose
               clip.json     its title and size
               look.json     what was seen in it, or why it is refused
               poster.jpg    one picture

Light: whatever must look into a clip happens in a child process, see `pipeline.library.inspection`.
"""

import json
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
from utils.disk import sync
from utils.errors import ClipError
from utils.guarded_child import MOST_ANSWER_BYTES
from utils.progress import Cancel
from utils.store.lease import only_one
from utils.untrusted_json import read_object

ID = re.compile(r"[0-9a-f]{24}")
ABOUT, SEEN, POSTER, PART, GONE = "clip.json", "look.json", "poster.jpg", ".part", ".gone"
SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".3gp", ".wmv",
            ".flv", ".ogv", ".mxf", ".gif")  # fmt: skip
EXAMPLE, EXAMPLE_TITLE = "e" * 24, "Example walk.mp4"
KEPT_S = 7 * 24 * 3600.0
"""How long a clip that no job uses stays."""
REMOVAL_S = 60.0

Used = Callable[[], Collection[str]]
"""The paths that jobs need; asked only after a clip has been taken out of sight."""


class NoClip(ClipError):
    """There is none under this name, or no longer."""

    def __init__(self) -> None:
        super().__init__("This clip is not there any more.", "Add it again.")


@dataclass(frozen=True)
class Inspection:
    """What a look at a clip brought: facts, or a problem and its remedy."""

    facts: Mapping[str, Any] | None = None
    settings: Mapping[str, Any] | None = None
    """What a file of ours says it was made with: {preset, settings}."""
    problem: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class StoredClip:
    """A clip of this home."""

    id: str
    title: str
    file: str
    bytes: int
    added_at: float
    """In seconds of the epoch."""
    seen: Inspection | None = None

    @property
    def state(self) -> str:
        """looking, ready or refused."""
        return "looking" if self.seen is None else "refused" if self.seen.problem else "ready"

    @property
    def problem(self) -> str:
        """Why it is refused; empty when it is not."""
        return self.seen.problem if self.seen else ""

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return self.seen.remedy if self.seen else ""


class Clips:
    """All clips of a home. EngineFrame where it is needed; it holds nothing."""

    def __init__(self, home: Path) -> None:
        self._home = home.absolute()
        self._folder = self._home / "clips"

    def add(self, file: Path, title: str, id: str | None = None) -> str:
        """Take a file in by moving it; after a death half way, adding it again under its id goes on."""
        clip = id or secrets.token_hex(12)
        place, part = self._place(clip), self._folder / f".{clip}{PART}"
        part.mkdir(parents=True, exist_ok=True)
        taken = part / f"clip{_safe_suffix(title)}"
        if file.exists():
            file.rename(taken)
        about = {"id": clip, "title": title, "file": taken.name, "bytes": taken.stat().st_size, "added_at": time.time()}
        (part / ABOUT).write_text(json.dumps(about))
        sync(part / ABOUT)
        sync(part)
        part.rename(place)
        sync(self._folder)
        return clip

    def get(self, clip: str) -> StoredClip:
        """What is known of it by now."""
        place = self._place(clip)
        try:
            return StoredClip(**json.loads((place / ABOUT).read_bytes()), seen=_seen(place))
        except (OSError, ValueError, TypeError) as error:
            raise NoClip from error

    def path(self, clip: str) -> Path:
        """The file."""
        return self._place(clip) / self.get(clip).file

    def poster(self, clip: str) -> Path:
        """Where its picture lies, once it was looked at."""
        return self._place(clip) / POSTER

    def all(self) -> list[StoredClip]:
        """The oldest first."""
        kept = []
        for each in self._folder.glob("*"):
            with suppress(NoClip):
                kept.append(self.get(each.name))
        return sorted(kept, key=lambda each: (each.added_at, each.id))

    def look(self, clip: str) -> Inspection:
        """Look at it in a child process, once; blocks for as long as that takes."""
        about, place = self.get(clip), self._place(clip)
        if about.seen:
            return about.seen
        found = Inspection(**inspection.look(self._home, place / about.file, about.title, self.poster(clip)))
        self.keep(clip, found)
        return found

    def keep(self, clip: str, found: Inspection) -> None:
        """Keep what a look at it brought, or why it failed, so that nobody looks again."""
        place = self._place(clip)
        fresh = place / f"{SEEN}{PART}"
        try:
            fresh.write_text(json.dumps(asdict(found)))
            fresh.replace(place / SEEN)
        except FileNotFoundError as error:
            raise NoClip from error

    def forget_failure(self, clip: str) -> None:
        """Let it be looked at again, if it is refused."""
        if self.get(clip).problem:
            (self._place(clip) / SEEN).unlink(missing_ok=True)

    def example(self) -> str:
        """The walker, rendered when it is first asked for; blocks for as long as that takes."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._place(EXAMPLE).is_dir():
            with only_one(self._folder / f".{EXAMPLE}.lock", Cancel()):
                if not self._place(EXAMPLE).is_dir():
                    film = self._folder / ".example.mp4"
                    inspection.film_example(film)
                    self.add(film, EXAMPLE_TITLE, EXAMPLE)
        return EXAMPLE

    def remove(self, clip: str, used: Used) -> bool:
        """Forget a clip unless a job needs it; returns whether it is gone."""
        place, path, gone = self._place(clip), str(self.path(clip)), self._folder / f".{clip}{GONE}"
        shutil.rmtree(gone, ignore_errors=True)
        try:
            place.rename(gone)
        except FileNotFoundError as error:
            raise NoClip from error
        if path in used():
            gone.rename(place)
            return False
        shutil.rmtree(gone, ignore_errors=True)
        return True

    def sweep(self, used: Used, older_than_s: float = KEPT_S) -> int:
        """Forget what no job needs and nobody added lately, and what deaths left; returns how many clips went."""
        self._settle(used, older_than_s)
        needed, before, swept = used(), time.time() - older_than_s, 0
        for each in self.all():
            if each.added_at < before and str(self._place(each.id) / each.file) not in needed:
                with suppress(NoClip):
                    swept += self.remove(each.id, used)
        return swept

    def _settle(self, used: Used, older_than_s: float) -> None:
        """Removals that a death cut short: a clip that is needed comes back. Half added ones go when they are old."""
        for gone in self._folder.glob(f".*{GONE}"):
            place = self._folder / gone.name[1 : -len(GONE)]
            if time.time() - gone.stat().st_ctime > REMOVAL_S:
                needed = {Path(path).parent for path in used()}
                gone.rename(place) if place in needed and not place.exists() else shutil.rmtree(
                    gone, ignore_errors=True
                )
        for part in self._folder.glob(f".*{PART}"):
            if time.time() - part.stat().st_ctime > older_than_s:
                shutil.rmtree(part, ignore_errors=True)

    def _place(self, clip: str) -> Path:
        """Only names that this class makes become paths."""
        if not ID.fullmatch(clip):
            raise NoClip
        return self._folder / clip


def _seen(place: Path) -> Inspection | None:
    """What a look brought; None when nobody looked yet, or when that was lost."""
    try:
        return Inspection(**read_object((place / SEEN).read_bytes(), MOST_ANSWER_BYTES))
    except (OSError, ValueError, TypeError):
        return None


def _safe_suffix(title: str) -> str:
    """What readers of files go by, out of a known few."""
    suffix = Path(title).suffix.lower()
    return suffix if suffix in SUFFIXES else ""
