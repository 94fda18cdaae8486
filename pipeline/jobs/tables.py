"""The tables of the ledger, and how the database is opened."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipeline.jobs.job import Job, JobError, Order, State, Wish

meta = sa.MetaData()

jobs = sa.Table(
    "reshoot_jobs",
    meta,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("order", sa.JSON, nullable=False),
    sa.Column("owner", sa.String, nullable=False, index=True),
    sa.Column("state", sa.String, nullable=False, index=True),
    sa.Column("wish", sa.String, nullable=False, default=""),
    sa.Column("wished_at", sa.Float),
    sa.Column("position", sa.Float, nullable=False, index=True),
    sa.Column("worker", sa.String, nullable=False, default=""),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("stage", sa.String, nullable=False, default=""),
    sa.Column("note", sa.String, nullable=False, default=""),
    sa.Column("share", sa.Float, nullable=False, default=0.0),
    sa.Column("left_s", sa.Float),
    sa.Column("place", sa.Integer, nullable=False, default=0),
    sa.Column("crashes", sa.Integer, nullable=False, default=0),
    sa.Column("needs_bytes", sa.BigInteger, nullable=False, default=0),
    sa.Column("problem", sa.String, nullable=False, default=""),
    sa.Column("remedy", sa.String, nullable=False, default=""),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("started_at", sa.Float),
    sa.Column("finished_at", sa.Float),
    sa.Column("result", sa.JSON, nullable=False, default=dict),
)
diary = sa.Table(
    "reshoot_diary",
    meta,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("job", sa.String, nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("level", sa.String, nullable=False),
    sa.Column("sentence", sa.String, nullable=False),
)
workers = sa.Table(
    "reshoot_workers",
    meta,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("beat_at", sa.Float, nullable=False),
    sa.Column("job", sa.String, nullable=False),
)


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
        meta.create_all(engine)
    except (sa.exc.DatabaseError, OSError) as error:
        why = str(getattr(error, "orig", error)).strip().partition("\n")[0]
        remedy = "Check that it is there, that it may be written, and its user, password and name."
        raise JobError(f"The database of the jobs cannot be opened: {why}.", remedy) from error
    return engine


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


def job_of(row: Mapping[Any, Any]) -> Job:
    """A row as a noun."""
    values = {name: row[name] for name in Job.__dataclass_fields__}
    told = {"order": Order(**row["order"]), "state": State(row["state"]), "wish": Wish(row["wish"])}
    return Job(**{**values, **told})
