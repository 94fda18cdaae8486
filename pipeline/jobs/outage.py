"""Outages of the jobs database: turns database errors into sentences, and lets a worker retry until it is back."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeVar

from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, ProgrammingError

from pipeline.jobs.database import Database, LedgerFileMissing, Outage
from utils.disk import LEAST_BYTES, full_disk, out_of_room
from utils.log_throttle import LogThrottle

log = logging.getLogger(__name__)

OUR_MISTAKES = (DataError, IntegrityError, ProgrammingError)
"""Errors that stem from a bug of ours rather than from an outage."""
MAYBE_DISK_FULL = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
"""SQLite errors that a full disk may cause, among other things."""
POSTGRES_DISK_FULL = "53100"
"""SQLSTATE of Postgres for a full disk."""
RETRY_S = 1.0

T = TypeVar("T")


class DiskFull(Outage):
    """The ledger cannot be changed because its disk is full; `needs_bytes` is set if it is a disk of this machine."""

    def __init__(self, problem: str, remedy: str, needs_bytes: int = 0) -> None:
        super().__init__(problem, remedy)
        self.needs_bytes = needs_bytes


@dataclass(frozen=True)
class Reserve:
    """A megabyte of disk kept beside the ledger, and freed on a full disk so that the ledger can still record that."""

    path: Path
    BYTES: ClassVar[int] = 1 << 20

    @classmethod
    def of(cls, file: Path) -> Reserve:
        """The reserve of a ledger file."""
        return cls(file.with_name(f"{file.name}.reserve"))

    def keep(self) -> None:
        """Create the reserve file if it is missing and the disk has space enough."""
        if self.path.exists() or shutil.disk_usage(self.path.parent).free <= LEAST_BYTES + self.BYTES:
            return
        try:
            self.path.write_bytes(os.urandom(self.BYTES))  # random, so that no file system compresses it
        except OSError as error:
            if not out_of_room(error):
                raise
            self.give_up()  # another process took the space meanwhile

    def give_up(self) -> None:
        """Delete the reserve file to free its space."""
        self.path.unlink(missing_ok=True)

    def needed(self) -> bool:
        """Whether the disk is so full that a change of the ledger may fail."""
        return shutil.disk_usage(self.path.parent).free < self.BYTES


def outage(error: DatabaseError, database: Database) -> Outage:
    """A database error as problem and remedy for people, without the database's message, which may hold secrets."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    if database.file and not database.file.exists():
        problem = f"The file of the jobs, {database.file}, is not there any more."
        return LedgerFileMissing(problem, "Put it back where it was; jobs go on by themselves then.")
    if database.file and (
        code == sqlite3.SQLITE_FULL or (code in MAYBE_DISK_FULL and Reserve.of(database.file).needed())
    ):
        why = full_disk(database.file.parent)
        return DiskFull(why.problem, why.remedy, why.needs_bytes)
    if getattr(error.orig, "sqlstate", None) == POSTGRES_DISK_FULL:
        return DiskFull("The disk of the database of the jobs is full.", "Make room on its server; jobs go on then.")
    return Outage("The database of the jobs does not answer.", "Nothing is lost; try again when it runs.")


def is_locked(error: DatabaseError) -> bool:
    """Whether SQLite gave up waiting for its lock (SQLITE_BUSY), which no ordinary change holds for so long."""
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def database_message(error: DatabaseError) -> str:
    """The first line of the database's own message, for the log."""
    return str(error.orig).strip().partition("\n")[0]


class OutageRetry:
    """Runs a worker's database operations through outages: retries what must not be lost, logs each outage once."""

    def __init__(self, database: Database, stopping: threading.Event) -> None:
        self._database, self._stopping = database, stopping
        self._lock, self._throttle = threading.Lock(), LogThrottle()
        self._outage: Outage | None = None

    def once(self, do: Callable[[], T]) -> T:
        """The result of one attempt; raises Outage if the database cannot be used."""
        try:
            result = do()
        except OUR_MISTAKES:
            raise
        except DatabaseError as error:
            why = outage(error, self._database)
            if isinstance(why, DiskFull) and self._database.file:
                Reserve.of(self._database.file).give_up()
            self._log_change(why, database_message(error))
            raise why from error
        self._log_change(None)
        return result

    def until_done(self, do: Callable[[], T]) -> T:
        """Retry every second until it succeeds; raises Outage only if the worker is to stop meanwhile."""
        while True:
            try:
                return self.once(do)
            except Outage:
                if self._stopping.wait(RETRY_S):
                    raise

    def _log_change(self, why: Outage | None, message: str = "") -> None:
        """Log when an outage begins and when it is over, rate-limited for one that comes and goes."""
        with self._lock:
            before, self._outage = self._outage, why
            line = str(why) if why else "The database of the jobs can be used again."
            if type(before) is not type(why) and self._throttle.allows(line):
                log.warning("%s", f"{line} ({message})" if why else line)
