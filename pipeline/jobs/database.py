"""The ledger's database, SQLite or Postgres: opens it and adds the tables and columns of this version.

A lost SQLite file is never replaced by an empty one. Its file is created only when a ledger is opened for the first
time, and a marker file beside it records from then on that there was one.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from pipeline.jobs.database_check import SCHEMA, check_database, refusal, version
from pipeline.jobs.job import JobError
from pipeline.jobs.tables import meta, schema
from utils.errors import ReshootError

UPGRADE_LOCK = 0x5E5408
"""Key of the Postgres advisory lock under which the schema is upgraded."""
CONNECTIONS = 2
"""How many connections to Postgres a pool keeps open: servers have a hundred in all, and there may be many workers."""
NOTICING = {
    "connect_timeout": "10", "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3",
    "tcp_user_timeout": "25000",
}  # fmt: skip
"""How libpq notices within half a minute that a connection leads nowhere; a URL may say otherwise."""
FROZEN_S = 20.0
"""How long a transaction may stand still: the locks of a machine that was frozen or cut off in one are let go then."""


class Outage(ReshootError):
    """The database of the jobs cannot be used now."""


class LedgerFileMissing(Outage):
    """The SQLite file of the ledger was moved away or deleted."""


@dataclass(frozen=True)
class Database:
    """An open database: its URL and engine, and its file if it is SQLite."""

    url: str
    engine: sa.Engine
    file: Path | None

    @property
    def shared_engine(self) -> sa.Engine | None:
        """The engine for DBOS to share: for SQLite ours, which notices a lost file; for Postgres DBOS makes its own."""
        return self.engine if self.file else None


def open_database(url: str, *, new: bool = True) -> Database:
    """Open the database, unless it is to be refused, and upgrade its schema.

    Without `new` an SQLite file must exist already.
    """
    parsed = _parse_url(url)
    file = Path(str(parsed.database)).absolute() if parsed.get_backend_name() == "sqlite" else None
    try:
        if file:
            _find(file, new)
            query = {**parsed.query, "mode": "rw", "uri": "true"}
            parsed = parsed.set(database=f"file:{quote(str(file))}", query=query)
        else:
            parsed = parsed.set(query={**NOTICING, **parsed.query})
        database = Database(parsed.render_as_string(hide_password=False), _engine(parsed), file)
        _prepare(parsed, database.engine)
    except (sa.exc.DatabaseError, OSError) as error:
        raise refusal(error) from None
    return database


def _prepare(url: sa.URL, engine: sa.Engine) -> None:
    """Check a database and upgrade its schema; one that is refused is not left open."""
    try:
        check_database(url, engine)
        _upgrade(engine)
    except BaseException:
        engine.dispose()
        raise


def _find(file: Path, new: bool) -> None:
    """Check that the SQLite file exists, or create it if there never was one."""
    marker = file.with_name(f"{file.name}.made")
    if not file.exists():
        if not new or marker.exists():
            raise LedgerFileMissing(
                f"The file of the jobs, {file}, is not there, though there was one.",
                f"Put it back where it was, or delete {marker.name} beside it to begin with an empty one.",
            )
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    marker.touch()


def _engine(url: sa.URL) -> sa.Engine:
    """An engine; SQLite gets no pool, because a pooled connection does not notice that its file was replaced."""
    if url.get_backend_name() != "sqlite":
        # more are opened while they are needed; the server may have restarted since one was made
        engine = sa.create_engine(url, pool_pre_ping=True, pool_size=CONNECTIONS)
        sa.event.listen(engine, "connect", _limit_standing_still)
        return engine
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    sa.event.listen(engine, "connect", _configure_sqlite)
    return engine


def _limit_standing_still(connection: Any, record: object) -> None:
    """Let Postgres end transactions that stand still, as DBOS does for its own connections."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET idle_in_transaction_session_timeout = {FROZEN_S * 1000:.0f}")
    connection.commit()


def _configure_sqlite(connection: Any, record: object) -> None:
    """Set up an SQLite connection.

    Transactions are IMMEDIATE, so that none that began by reading fails when it wants to write. Writers wait up to 30 s
    for each other, and each commit is synced to the disk.
    """
    connection.isolation_level = "IMMEDIATE"
    for pragma in ("busy_timeout=30000", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def begin_alone(connection: sa.Connection, lock: int) -> None:
    """Wait until no other transaction runs that took this Postgres advisory lock; SQLite has only one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.cast(lock, sa.BigInteger))))
    else:
        connection.execute(sa.text("BEGIN IMMEDIATE"))  # the driver begins one only before INSERT or UPDATE


def _upgrade(engine: sa.Engine) -> None:
    """Add missing tables and columns, in one process at a time; takes no lock if none is missing."""
    with engine.connect() as connection:
        if version(connection) == SCHEMA and not _missing(connection):
            return
    with engine.begin() as connection:
        begin_alone(connection, UPGRADE_LOCK)
        meta.create_all(connection)
        for column in _missing(connection):
            table = engine.dialect.identifier_preparer.format_table(column.table)
            added = sa.schema.CreateColumn(column).compile(dialect=engine.dialect)
            connection.execute(sa.text(f"ALTER TABLE {table} ADD COLUMN {added}"))
        connection.execute(schema.delete())
        connection.execute(schema.insert().values(version=SCHEMA))


def _missing(connection: sa.Connection) -> list[sa.Column[Any]]:
    """Columns of this version that the database lacks."""
    inspector, missing = sa.inspect(connection), []
    for table in meta.sorted_tables:
        columns = inspector.get_columns(table.name) if inspector.has_table(table.name) else []
        existing = {column["name"] for column in columns}
        missing += [column for column in table.columns if column.name not in existing]
    return missing


def _parse_url(url: str) -> sa.URL:
    """Parse a database URL, SQLite or Postgres only. Errors do not repeat it, because it may hold a password."""
    remedy = "Give a URL like postgresql://user:password@host/name, or none for a file in the home."
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise JobError("Where jobs are to be kept is not said as a URL.", remedy) from error
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise JobError(f"Jobs cannot be kept in {parsed.get_backend_name()!r:.30}.", remedy)
    if not parsed.database:
        raise JobError("Where jobs are to be kept has no name.", remedy)
    return parsed
