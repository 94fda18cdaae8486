"""Work ahead: while a worker has nothing to do, a child process finds out what finishing will ask of clips and music.

A job or a preview goes first: the child is killed as soon as one comes, and the clip's turn comes again. The child
works at the lowest priority, within a budget, and what it makes of a clip that it cannot read is a note and no error.
"""

import json
import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from pipeline.jobs.ledger import Ledger
from pipeline.jobs.workers.ahead_log import AheadLog, Note, State
from pipeline.library.clips import Clips
from utils.errors import Cancelled, ReshootError
from utils.guarded_child import follow

log = logging.getLogger(__name__)

CHECK_S = 2.0
"""How often it looks for a clip whose turn it is."""
QUIET_S = 2.0
"""A worker counts as idle when nothing was asked of it for so long."""
LEDGER_S = 0.5
"""How often the ledger is asked for jobs meanwhile: also for those of other workers on this machine."""
REST_S = 600.0
"""How long it rests when the budget of a day or the room is used up."""
FINISHING = ("analyse", "finish")
"""The kinds of jobs for whose sake clips are looked into ahead."""
COMMAND = (sys.executable, "-m", "pipeline.jobs.workers.ahead_child")


@dataclass(frozen=True)
class Budget:
    """How much may be spent ahead: seconds on a clip, and bytes added to the cache in a day; 0 is none at all."""

    clip_s: float = 0.0
    day_bytes: int = 0
    music: Path | None = None
    """A folder whose music films may have, beside what is in the home."""

    @classmethod
    def of(cls, clip_s: float, day_gb: float, music: Path | None = None) -> "Budget":
        """The budget as people say it."""
        return cls(clip_s, round(day_gb * 1e9), music and music.expanduser().absolute())

    @property
    def is_none(self) -> bool:
        """Whether nothing may be spent."""
        return self.clip_s <= 0 or self.day_bytes <= 0


class WorkAhead:
    """A thread that works ahead on one clip at a time, while nobody holds it."""

    def __init__(self, home: Path, ledger: Ledger, budget: Budget) -> None:
        self._home, self._ledger, self._budget, self._log = home.absolute(), ledger, budget, AheadLog(home)
        self._stopping = threading.Event()
        self._lock, self._holders = threading.Lock(), 0
        self._quiet_since = self._begun_at = self._asked_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="work ahead", daemon=True)

    def start(self) -> None:
        """Start the thread, unless nothing may be spent."""
        if not self._budget.is_none:
            self._thread.start()

    def stop(self) -> None:
        """Begin nothing more, and kill the child."""
        self._stopping.set()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep it from working while the block runs, and for a moment after."""
        with self._lock:
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                self._quiet_since = time.monotonic()

    def _run(self) -> None:
        wait_s = CHECK_S
        while not self._stopping.wait(wait_s):
            wait_s = CHECK_S
            try:
                if self._is_quiet() and not self._step():
                    wait_s = REST_S
            except Cancelled:
                pass  # somebody goes first; what was spent is noted
            except (OSError, ReshootError, SQLAlchemyError) as error:
                log.info("Work ahead rests: %s", str(error).partition("\n")[0])
                wait_s = REST_S

    def _is_quiet(self) -> bool:
        return not self._holders and time.monotonic() - self._quiet_since > QUIET_S

    def _step(self) -> bool:
        """Give the newest clip its turn, or else music; False if the budget of the day or the room is used up."""
        for note, told in self._waiting():
            left_bytes = self._budget.day_bytes - self._log.bytes_today()
            if left_bytes <= 0:
                return False
            self._begun_at = time.monotonic()
            self._check()
            with self._log.turn(note) as mine:
                if mine:
                    return self._turn(note, {"home": str(self._home), "most_bytes": left_bytes, **told})
        return True

    def _waiting(self) -> Iterator[tuple[Note, dict[str, Any]]]:
        """Whose turn is to come, and what a child is told of it: clips are looked into as the last one was."""
        for clip, note in self._log.waiting(self._budget.clip_s):
            wanted = self._ledger.last_settings(FINISHING)
            yield note, {"file": str(Clips(self._home).path(clip.id)), "settings": wanted}
        for bed, note in self._log.waiting_music(self._budget.clip_s, self._budget.music):
            yield note, {"music": str(bed.path)}

    def _turn(self, note: Note, told: dict[str, Any]) -> bool:
        """Work on a clip until it is done, given up, or somebody goes first; False if there is no more room."""
        started, left_s, made = time.monotonic(), self._budget.clip_s - note.spent_s, _Made()
        try:
            for line in follow(COMMAND, json.dumps(told), left_s, self._check):
                made.add(json.loads(line))
        finally:
            seconds = time.monotonic() - started
            state, why = made.ending(cancelled=sys.exception() is not None, late=seconds >= left_s)
            self._log.write(note.after(seconds, made.bytes, state, why), seconds)
            if why:
                log.info("Nothing more is found out ahead about %.18s: %s", note.clip, why)
        return made.end != "full"

    def _check(self) -> None:
        """Raise Cancelled as soon as a job or a preview goes first, here or at another worker.

        One that is over already counts as well: whoever asked for a preview will ask for another one.
        """
        if self._stopping.is_set() or self._holders or self._quiet_since > self._begun_at:
            raise Cancelled
        if time.monotonic() - self._asked_at >= LEDGER_S:
            self._asked_at = time.monotonic()
            if self._ledger.has_work():
                raise Cancelled


class _Made:
    """What a child told."""

    def __init__(self) -> None:
        self.bytes, self.end, self.why = 0, "", ""

    def add(self, told: dict[str, Any]) -> None:
        """Take in a line: a step that is done, or how it ended."""
        self.end, self.why = told.get("end", self.end), told.get("why", self.why)
        if "bytes" in told and not told["hit"]:
            self.bytes += told["bytes"]

    def ending(self, *, cancelled: bool, late: bool) -> tuple[State, str]:
        """How the clip's turn ended, and why it gets no other one."""
        if self.end == "done":
            return "done", ""
        if self.end == "failed":
            return "failed", self.why
        if cancelled or self.end == "full":
            return "begun", ""
        return ("spent", "Its time was used up.") if late else ("failed", "The process died on it.")
