"""Outages: what is wrong when the database of the jobs cannot be used, and how a worker lives through it."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, ProgrammingError

from utils.disk import LEAST_BYTES, full_disk
from utils.errors import ReshootError
from utils.seldom import Seldom

if TYPE_CHECKING:
    from pipeline.jobs.database import Database

log = logging.getLogger(__name__)

OURS = (DataError, IntegrityError, ProgrammingError)
"""What a database says of a mistake of ours, which is no outage."""
UNCLEAR = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
"""What SQLite may say on a full disk as well."""
DISK_FULL = "53100"
"""What Postgres says then."""
AGAIN_S = 1.0

T = TypeVar("T")


class Outage(ReshootError):
    """The database of the jobs cannot be used now."""


class Lost(Outage):
    """The file of the jobs is not where it was."""


class Full(Outage):
    """The disk takes no change of the ledger; with `needs_bytes` it is one of this machine."""

    def __init__(self, problem: str, remedy: str, needs_bytes: int = 0) -> None:
        super().__init__(problem, remedy)
        self.needs_bytes = needs_bytes


@dataclass(frozen=True)
class Reserve:
    """Disk that is kept beside the ledger, and given up on a full disk so that this can still be written down."""

    path: Path
    BYTES: ClassVar[int] = 1 << 20

    @classmethod
    def of(cls, file: Path) -> Reserve:
        """That of a ledger."""
        return cls(file.with_name(f"{file.name}.reserve"))

    def keep(self) -> None:
        """Take it, where there is room enough."""
        if not self.path.exists() and shutil.disk_usage(self.path.parent).free > LEAST_BYTES + self.BYTES:
            self.path.write_bytes(os.urandom(self.BYTES))  # nothing that a disk could make smaller

    def give_up(self) -> None:
        """Let others have it."""
        self.path.unlink(missing_ok=True)

    def needed(self) -> bool:
        """Whether so little is left that a change of the ledger may fail."""
        return shutil.disk_usage(self.path.parent).free < self.BYTES


def outage(error: DatabaseError, database: Database) -> Outage:
    """What is wrong, in two sentences for people; the database's own words may hold what is not for everybody."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    if database.file and not database.file.exists():
        problem = f"The file of the jobs, {database.file}, is not there any more."
        return Lost(problem, "Put it back where it was; jobs go on by themselves then.")
    if database.file and (code == sqlite3.SQLITE_FULL or (code in UNCLEAR and Reserve.of(database.file).needed())):
        why = full_disk(database.file.parent)
        return Full(why.problem, why.remedy, why.needs_bytes)
    if getattr(error.orig, "sqlstate", None) == DISK_FULL:
        return Full("The disk of the database of the jobs is full.", "Make room on its server; jobs go on then.")
    return Outage("The database of the jobs does not answer.", "Nothing is lost; try again when it runs.")


def is_locked(error: DatabaseError) -> bool:
    """Whether somebody keeps an SQLite file to himself for longer than any change takes."""
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def own_words(error: DatabaseError) -> str:
    """What the database said, in a line for the log."""
    return str(error.orig).strip().partition("\n")[0]


class Patience:
    """A worker's way through outages: each is logged once, and what must be told is told again until it is heard."""

    def __init__(self, database: Database, stopping: threading.Event) -> None:
        self._database, self._stopping = database, stopping
        self._lock, self._seldom = threading.Lock(), Seldom()
        self._outage: Outage | None = None

    def once(self, do: Callable[[], T]) -> T:
        """What came of it, or the outage."""
        try:
            done = do()
        except OURS:
            raise
        except DatabaseError as error:
            why = outage(error, self._database)
            if isinstance(why, Full) and self._database.file:
                Reserve.of(self._database.file).give_up()
            self._hear(why, own_words(error))
            raise why from error
        self._hear(None)
        return done

    def insist(self, do: Callable[[], T]) -> T:
        """What came of it, however long that takes; the outage only where the worker is to stop."""
        while True:
            try:
                return self.once(do)
            except Outage:
                if self._stopping.wait(AGAIN_S):
                    raise

    def _hear(self, why: Outage | None, words: str = "") -> None:
        """Log an outage when it begins and when it is over, but not each time of one that comes and goes."""
        with self._lock:
            before, self._outage = self._outage, why
            line = str(why) if why else "The database of the jobs can be used again."
            if type(before) is not type(why) and self._seldom.due(line):
                log.warning("%s", f"{line} ({words})" if why else line)
