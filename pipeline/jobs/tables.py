"""The tables of the ledger, and how a row becomes a Job.

A column that is added later needs a default in the database or must be nullable, because older rows and processes of
older versions lack it. Where Python uses another name than the database (`key`), the column keeps the name that it had
in earlier versions.
"""

import time
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from pipeline.jobs.job import Job, RequestedAction, Spot, State, WorkerSign
from pipeline.jobs.order import Order

meta = sa.MetaData()

schema = sa.Table("reshoot_schema", meta, sa.Column("version", sa.Integer, nullable=False))
jobs = sa.Table(
    "reshoot_jobs",
    meta,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("order", sa.JSON, nullable=False),
    sa.Column("owner", sa.String, nullable=False, index=True),
    sa.Column("state", sa.String, nullable=False, index=True),
    sa.Column("wish", sa.String, key="requested_action", nullable=False, default=""),
    sa.Column("wished_at", sa.Float, key="requested_at"),
    sa.Column("position", sa.Float, nullable=False, index=True),
    sa.Column("worker", sa.String, nullable=False, default=""),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("stage", sa.String, nullable=False, default=""),
    sa.Column("note", sa.String, nullable=False, default=""),
    sa.Column("share", sa.Float, nullable=False, default=0.0),
    sa.Column("left_s", sa.Float),
    sa.Column("place", sa.Integer, key="steps_done", nullable=False, default=0),
    sa.Column("crashes", sa.Integer, nullable=False, default=0),
    sa.Column("needs_bytes", sa.BigInteger, nullable=False, default=0),
    sa.Column("problem", sa.String, nullable=False, default=""),
    sa.Column("remedy", sa.String, nullable=False, default=""),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("started_at", sa.Float),
    sa.Column("finished_at", sa.Float),
    sa.Column("result", sa.JSON, nullable=False, default=dict),
    sa.Column("frame", sa.Integer, nullable=False, server_default="0"),
    sa.Column("slack", sa.Integer, nullable=False, server_default="0"),
    sa.Column("died_at", sa.JSON(none_as_null=True)),
    sa.Column("worked_s", sa.Float, nullable=False, server_default="0"),
    sa.Column("card", sa.JSON(none_as_null=True)),
    sa.Column("run", sa.Integer, nullable=False, server_default="0"),
    sa.Column("is_called", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("home", sa.String, nullable=False, server_default=""),
    sa.Column("waited_s", sa.Float, nullable=False, server_default="0"),
    sa.Column("price", sa.Float),
)
job_events = sa.Table(
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
    sa.Column("device", sa.String, nullable=False, server_default=""),
    sa.Column("is_leaving", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("alive_s", sa.Float, nullable=False, server_default="0"),
    sa.Column("used_s", sa.Float, nullable=False, server_default="0"),
    sa.Column("price", sa.Float),
)
frame_requests = sa.Table(
    "reshoot_frame_requests",
    meta,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("what", sa.String, primary_key=True),
    sa.Column("home", sa.String, primary_key=True),
    sa.Column("request", sa.JSON, nullable=False),
    sa.Column("asked_at", sa.Float, nullable=False),
    sa.Column("worker", sa.String, nullable=False, server_default=""),
    sa.Column("share", sa.Float, nullable=False, server_default="0"),
    sa.Column("stage", sa.String, nullable=False, server_default=""),
    sa.Column("left_s", sa.Float),
    sa.Column("answer", sa.JSON(none_as_null=True)),
)
homes = sa.Table(
    "reshoot_homes",
    meta,
    sa.Column("mark", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
)
wanted_windows = sa.Table(
    "reshoot_wanted_windows",
    meta,
    sa.Column("window", sa.String, primary_key=True),
    sa.Column("job", sa.String, primary_key=True),
)
window_work = sa.Table(
    "reshoot_window_work",
    meta,
    sa.Column("job", sa.String, primary_key=True),
    sa.Column("window", sa.String, primary_key=True),
    sa.Column("worker", sa.String, nullable=False),
    sa.Column("device", sa.String, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("price", sa.Float),
)
window_starts = sa.Table(
    "reshoot_window_starts",
    meta,
    sa.Column("window", sa.String, primary_key=True),
    sa.Column("times", sa.Integer, nullable=False),
    sa.Column("last", sa.String, nullable=False, server_default=""),
)


class now(FunctionElement[float]):
    """Seconds since the epoch by the clock of the database: the clocks of worker machines differ."""

    type = sa.Float()
    inherit_cache = True


@compiles(now, "sqlite")
def _now_in_sqlite(element: now, compiler: object, **about: object) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now, "postgresql")
def _now_in_postgres(element: now, compiler: object, **about: object) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) AS DOUBLE PRECISION)"


def read_signs(connection: sa.Connection) -> list[WorkerSign]:
    """The last heartbeat of each worker, with times converted to the clock of this process."""
    more = [workers.c[name] for name in ("job", "device", "is_leaving", "alive_s", "used_s", "price")]
    query = sa.select(workers.c.name, workers.c.pid, now() - workers.c.beat_at, *more).order_by(workers.c.name)
    return [WorkerSign(name, pid, time.time() - ago_s, *rest) for name, pid, ago_s, *rest in connection.execute(query)]


def job_of(row: Mapping[Any, Any]) -> Job:
    """The Job of a row."""
    values = {name: row[jobs.c[name]] for name in Job.__dataclass_fields__}
    typed = {
        "order": Order.from_json(row["order"]),
        "state": State(row["state"]),
        "requested_action": RequestedAction(row[jobs.c.requested_action]),
        "died_at": Spot.from_json(row["died_at"]) if row["died_at"] else None,
    }
    return Job(**{**values, **typed})
