"""Wakeups: entries of a durable DBOS queue, each of which makes some worker claim the next job from the ledger.

A wakeup names no job. Jobs may be moved, paused and edited while they wait, so a worker that is woken claims whichever
job is first by then; a surplus wakeup finds nothing to do.
"""

import logging
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, run_dbos_database_migrations

from pipeline.jobs.database import Database

APPLICATION, QUEUE, WORKFLOW = "reshoot", "jobs", "work"
FORMAT = "1"
"""Version of the format of jobs and wakeups: a worker of another version leaves them alone. It replaces DBOS's own
application version, a hash of the source that changes with every edit."""
POLL_S = 0.3
MOST_RECOVERIES = 1_000_000
"""DBOS must never give up on a wakeup: the ledger decides when a job has crashed too often."""
USED_UP = ("SUCCESS", "ERROR")
KEPT_S, SWEPT_AT_ONCE = 600.0, 200
SQLITE_WITH_UNIXEPOCH = (3, 42)
"""First SQLite version with unixepoch('subsec'), which DBOS uses on Python 3.12 and later. Python 3.12 also runs on
systems with an older SQLite."""


def _add_unixepoch(connection: object, record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.create_function("unixepoch", -1, lambda *arguments: int(time.time()))


if sqlite3.sqlite_version_info < SQLITE_WITH_UNIXEPOCH:
    sa.event.listen(sa.Engine, "connect", _add_unixepoch)


def _is_no_outage(record: logging.LogRecord) -> bool:
    """Log filter: during an outage DBOS logs every retry, several times a second, while our worker logs it once."""
    return "OperationalError" not in record.getMessage()


class Wakeups:
    """Issues wakeups. Used by every process that submits jobs; no worker has to be running."""

    def __init__(self, database: Database) -> None:
        logging.getLogger("dbos").setLevel(logging.WARNING)
        logging.getLogger("dbos").addFilter(_is_no_outage)
        run_dbos_database_migrations(system_database_url=database.url)
        self._client = DBOSClient(
            system_database_url=database.url,
            system_database_engine=database.shared_engine,
            serializer=DBOSPortableJSONSerializer(),
            retry_connection_errors=False,
        )

    def issue(self, connection: sa.Connection) -> None:
        """Enqueue one more wakeup, as part of the given transaction."""
        options = {"workflow_name": WORKFLOW, "queue_name": QUEUE, "app_version": FORMAT}
        self._client.enqueue_in_transaction(connection, options)  # type: ignore[arg-type]

    def waiting(self) -> int:
        """How many no worker has taken yet. A taken one is only ever recovered by the worker that took it."""
        return len(self._client.list_queued_workflows(queue_name=QUEUE, status="ENQUEUED", load_input=False))

    def sweep(self, kept_s: float = KEPT_S) -> None:
        """Delete wakeups that were used up so long ago, in small batches so that other writers get their turn."""
        before = datetime.fromtimestamp(time.time() - kept_s, UTC).isoformat()
        while used := self._client.list_workflows(
            status=list(USED_UP), completed_before=before, limit=SWEPT_AT_ONCE, load_input=False, load_output=False
        ):
            self._client.delete_workflows([workflow.workflow_id for workflow in used])

    def close(self) -> None:
        """Close the connection to the database."""
        self._client.destroy()


def take_wakeups(database: Database, worker: str, work: Callable[[], None]) -> None:
    """Start DBOS, which calls `work` for each wakeup, one at a time; a call cut short is repeated after a restart."""
    config: DBOSConfig = {
        "name": APPLICATION,
        "system_database_url": database.url,
        "system_database_engine": database.shared_engine,
        "application_version": FORMAT,
        "executor_id": worker,
        "serializer": DBOSPortableJSONSerializer(),
        "log_level": "WARNING",
    }
    DBOS(config=config)

    @DBOS.step(name=WORKFLOW)
    def step() -> None:
        work()

    @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=MOST_RECOVERIES)
    def workflow() -> None:
        step()

    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=1, polling_interval_sec=POLL_S)


def leave_wakeups() -> None:
    """Stop DBOS. A wakeup that is being worked on is recovered at the next start."""
    DBOS.destroy()
