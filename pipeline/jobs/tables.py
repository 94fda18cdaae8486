"""The tables of the ledger, and how the database is opened."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipeline.jobs.job import Job, Order, State, Wish

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
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _patient)
    meta.create_all(engine)
    return engine


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
