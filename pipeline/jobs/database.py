"""The database of the ledger: how it is opened, and brought up to the tables of this version."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipeline.jobs.job import JobError
from pipeline.jobs.tables import meta

UPGRADE_LOCK = 0x5E5408
"""The number of the lock in Postgres."""


def open_database(url: str) -> sa.Engine:
    """The engine, its tables made. SQLite waits for its turn and makes every commit reach the disk."""
    place = _place(url)
    is_file = place.get_backend_name() == "sqlite"
    try:
        if is_file:
            Path(str(place.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(place, pool_pre_ping=not is_file)  # a server may have been away meanwhile
        if is_file:
            sa.event.listen(engine, "connect", _patient)
        _upgrade(engine)
    except (sa.exc.DatabaseError, OSError) as error:
        why = str(getattr(error, "orig", error)).strip().partition("\n")[0]
        remedy = "Check that it is there, that it may be written, and its user, password and name."
        raise JobError(f"The database of the jobs cannot be opened: {why}.", remedy) from error
    return engine


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


def _patient(connection: Any, record: object) -> None:
    """Writers queue up, and no reader of an old page becomes a writer."""
    connection.isolation_level = "IMMEDIATE"
    connection.execute("PRAGMA busy_timeout=30000")
    connection.execute("PRAGMA synchronous=FULL")
