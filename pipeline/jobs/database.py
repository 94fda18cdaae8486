"""The database of the ledger: how it is opened, and brought up to the tables of this version.

A file that is lost is never replaced by an empty one: only who opens a ledger for the first time makes its file, and a
mark beside it says from then on that there was one.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from pipeline.jobs.job import JobError
from pipeline.jobs.outage import Lost
from pipeline.jobs.tables import meta

UPGRADE_LOCK = 0x5E5408
"""The number of the lock in Postgres."""


@dataclass(frozen=True)
class Database:
    """An open one: what reaches it, and the file in which it lies where it is no server's."""

    url: str
    engine: sa.Engine
    file: Path | None

    @property
    def shared_engine(self) -> sa.Engine | None:
        """What DBOS is to use as well: in a file our engine, which sees a lost file; with Postgres it makes its own."""
        return self.engine if self.file else None


def open_database(url: str, *, new: bool = True) -> Database:
    """The database with its tables; without `new` its file must be there already."""
    place = _place(url)
    file = Path(str(place.database)).absolute() if place.get_backend_name() == "sqlite" else None
    try:
        if file:
            _find(file, new)
            place = place.set(database=f"file:{quote(str(file))}", query={**place.query, "mode": "rw", "uri": "true"})
        opened = Database(place.render_as_string(hide_password=False), _engine(place), file)
        _upgrade(opened.engine)
    except (sa.exc.DatabaseError, OSError) as error:
        why = str(getattr(error, "orig", error)).strip().partition("\n")[0]
        remedy = "Check that it is there, that it may be written, and its user, password and name."
        raise JobError(f"The database of the jobs cannot be opened: {why}.", remedy) from error
    return opened


def _find(file: Path, new: bool) -> None:
    """See that the file is there, or make it where there never was one."""
    mark = file.with_name(f"{file.name}.made")
    if not file.exists():
        if not new or mark.exists():
            raise Lost(
                f"The file of the jobs, {file}, is not there, though there was one.",
                f"Put it back where it was, or delete {mark.name} beside it to begin with an empty one.",
            )
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    mark.touch()


def _engine(place: sa.URL) -> sa.Engine:
    """SQLite opens its file anew each time, for a connection that is kept never sees that the file is another one."""
    if place.get_backend_name() != "sqlite":
        return sa.create_engine(place, pool_pre_ping=True)  # the server may have been away meanwhile
    engine = sa.create_engine(place, poolclass=sa.NullPool)
    sa.event.listen(engine, "connect", _patient)
    return engine


def _patient(connection: Any, record: object) -> None:
    """Writers queue up, no reader of an old page becomes a writer, and every commit reaches the disk."""
    connection.isolation_level = "IMMEDIATE"
    for pragma in ("busy_timeout=30000", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _upgrade(engine: sa.Engine) -> None:
    """Add the tables and columns that are missing, one process at a time; where none is, nothing is locked."""
    with engine.connect() as connection:
        if not _missing(connection):
            return
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(UPGRADE_LOCK)))
        else:
            connection.execute(sa.text("BEGIN IMMEDIATE"))  # Python's driver begins by itself only before rows change
        meta.create_all(connection)
        for column in _missing(connection):
            table = engine.dialect.identifier_preparer.format_table(column.table)
            added = sa.schema.CreateColumn(column).compile(dialect=engine.dialect)
            connection.execute(sa.text(f"ALTER TABLE {table} ADD COLUMN {added}"))


def _missing(connection: sa.Connection) -> list[sa.Column[Any]]:
    """Columns that this version has and the database does not have yet."""
    known, missing = sa.inspect(connection), []
    for table in meta.sorted_tables:
        there = {each["name"] for each in known.get_columns(table.name)} if known.has_table(table.name) else set()
        missing += [column for column in table.columns if column.name not in there]
    return missing


def _place(url: str) -> sa.URL:
    """Of a kind that keeps every promise; what was said may hold a password and is not repeated."""
    remedy = "Give a URL like postgresql://user:password@host/name, or none for a file in the home."
    try:
        place = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise JobError("Where jobs are to be kept is not said as a URL.", remedy) from error
    if place.get_backend_name() not in ("sqlite", "postgresql"):
        raise JobError(f"Jobs cannot be kept in {place.get_backend_name()!r:.30}.", remedy)
    if not place.database:
        raise JobError("Where jobs are to be kept has no name.", remedy)
    return place
