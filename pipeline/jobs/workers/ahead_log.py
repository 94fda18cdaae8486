"""What a home knows of work ahead: for each clip what was tried and how that ended, and how long all of it took.

jobs/ahead/<clip>.json   the note on a clip, or on music: how its turn ended, and what was spent on it
           <clip>.lock   held by the worker whose turn it is, and freed by the system when that dies
           total.json    seconds spent so far, on clips too that are gone
"""

import json
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

from pipeline.library.beds import Bed, beds
from pipeline.library.clips import Clips, StoredClip
from utils.atomic_file import write_atomically
from utils.store.lease import briefly, if_free

RECENT_S = 7 * 24 * 3600.0
"""A clip that was added longer ago is left alone: whoever wanted to finish it has begun."""

MUSIC = "music-"
"""How notes on music begin."""
State = Literal["begun", "done", "failed", "spent"]


@dataclass(frozen=True)
class Note:
    """How work ahead on a clip stands, or on music, since it was added last."""

    clip: str
    added_at: float
    state: State = "begun"
    why: str = ""
    spent_s: float = 0.0
    bytes: int = 0
    at: float = 0.0

    def after(self, seconds: float, made_bytes: int, state: State, why: str = "") -> "Note":
        """The note once more was spent on the clip."""
        spent_s, size = round(self.spent_s + seconds, 3), self.bytes + made_bytes
        return replace(self, state=state, why=why, spent_s=spent_s, bytes=size, at=time.time())


@dataclass(frozen=True)
class AheadLog:
    """The notes of a home. They have no state besides their folder."""

    home: Path

    @property
    def folder(self) -> Path:
        return self.home.absolute() / "jobs" / "ahead"

    def waiting(self, most_s: float) -> list[tuple[StoredClip, Note]]:
        """The clips whose turn is to come, the newest first; one that was given up waits until it is added again."""
        stored = {clip.id: clip for clip in Clips(self.home).all()}
        notes = self._notes_of(stored, music=False)
        found = []
        for clip in reversed(stored.values()):
            note = notes.get(clip.id)
            if note is None or note.added_at != clip.added_at:
                note = Note(clip.id, clip.added_at)
            fresh = clip.state == "ready" and time.time() - clip.added_at < RECENT_S
            if fresh and note.state == "begun" and note.spent_s < most_s:
                found.append((clip, note))
        return found

    def waiting_music(self, most_s: float, folder: Path | None) -> list[tuple[Bed, Note]]:
        """The music whose turn is to come, that of the last films first."""
        listed = {f"{MUSIC}{bed.id}": bed for bed in beds(self.home, folder)}
        notes, found = self._notes_of(listed, music=True), []
        for name, bed in listed.items():
            note = notes.get(name)
            if note is None or note.added_at != bed.version:
                note = Note(name, bed.version)
            if note.state == "begun" and note.spent_s < most_s:
                found.append((bed, note))
        return found

    def _notes_of(self, present: Collection[str], *, music: bool) -> dict[str, Note]:
        """The notes on clips, or on music; those on what is there no more are thrown away."""
        notes = {name: note for name, note in self.notes().items() if name.startswith(MUSIC) == music}
        for gone in notes.keys() - set(present):
            (self.folder / f"{gone}.json").unlink(missing_ok=True)
        return notes

    def notes(self) -> dict[str, Note]:
        """The notes on all clips and music; one that cannot be read counts as none."""
        found = {}
        for path in self.folder.glob("*.json"):
            with suppress(OSError, ValueError, TypeError):
                note = Note(**json.loads(path.read_bytes()))
                found[note.clip] = note
        return found

    def bytes_today(self) -> int:
        """What was added to the cache today, by the clock of this machine."""
        return sum(note.bytes for note in self.notes().values() if date.fromtimestamp(note.at) == date.today())

    def spent_s(self) -> float:
        """How long all work ahead took so far, also what came to nothing."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            return float(json.loads((self.folder / "total.json").read_bytes())["seconds"])
        return 0.0

    @contextmanager
    def turn(self, note: Note) -> Iterator[bool]:
        """Whether the turn of a clip is ours while the block runs: no other worker has it, or had it meanwhile."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with if_free(self.folder / f"{note.clip}.lock") as mine:
            kept = self.notes().get(note.clip, note)
            yield mine and (kept == note or kept.added_at != note.added_at)

    def write(self, note: Note, seconds: float) -> None:
        """Keep a note, and add the seconds of this turn to the total."""
        write_atomically(self.folder / f"{note.clip}.json", json.dumps(asdict(note)), durable=False)
        with briefly(self.folder / "total.lock"):
            total = {"seconds": round(self.spent_s() + seconds, 3)}
            write_atomically(self.folder / "total.json", json.dumps(total), durable=False)
