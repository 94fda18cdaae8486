"""Outages: what is wrong when the database of the jobs cannot be used, and how a worker lives through it."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, ProgrammingError

from utils.errors import ReshootError

if TYPE_CHECKING:
    from pipeline.jobs.database import Database

log = logging.getLogger(__name__)

OURS = (DataError, IntegrityError, ProgrammingError)
"""What a database says of a mistake of ours, which is no outage."""
AGAIN_S = 1.0

T = TypeVar("T")


class Outage(ReshootError):
    """The database of the jobs cannot be used now."""


class Lost(Outage):
    """The file of the jobs is not where it was."""


def outage(error: DatabaseError, database: Database) -> Outage:
    """What is wrong, in two sentences for people; the database's own words may hold what is not for everybody."""
    if database.file and not database.file.exists():
        problem = f"The file of the jobs, {database.file}, is not there any more."
        return Lost(problem, "Put it back where it was; jobs go on by themselves then.")
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
        self._lock = threading.Lock()
        self._outage: Outage | None = None

    def once(self, do: Callable[[], T]) -> T:
        """What came of it, or the outage."""
        try:
            done = do()
        except OURS:
            raise
        except DatabaseError as error:
            why = outage(error, self._database)
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
        with self._lock:
            before, self._outage = self._outage, why
        if why and type(before) is not type(why):
            log.warning("%s (%s)", why, words)
        elif before and not why:
            log.warning("The database of the jobs can be used again.")
