"""Tickets: DBOS's durable promise that some worker will look for the next job.

A ticket names no job. Jobs may be moved, paused and edited while they wait, so a worker that holds a ticket takes
whichever job is first by then; a ticket too many finds nothing to do.
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
"""Of jobs and tickets: a worker of another format leaves these alone. DBOS's own guess changes with every edit."""
POLL_S = 0.3
MOST_RECOVERIES = 1_000_000
"""Of a ticket: who gives up on a job is the ledger."""
USED_UP = ("SUCCESS", "ERROR")
KEPT_S, SWEPT_AT_ONCE = 600.0, 200
TELLS_TIME = (3, 42)
"""The SQLite that knows unixepoch('subsec'), which DBOS asks for wherever Python is 3.12. Older systems have both."""


def _tell_time(connection: object, record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.create_function("unixepoch", -1, lambda *said: int(time.time()))


if sqlite3.sqlite_version_info < TELLS_TIME:
    sa.event.listen(sa.Engine, "connect", _tell_time)


def _no_outage(record: logging.LogRecord) -> bool:
    """DBOS tells of each try while a database cannot be used, several times a second. Our worker says it once."""
    return "OperationalError" not in record.getMessage()


class Wakeups:
    """Issues tickets. EngineFrame where jobs are submitted; needs no worker to be there."""

    def __init__(self, database: Database) -> None:
        logging.getLogger("dbos").setLevel(logging.WARNING)
        logging.getLogger("dbos").addFilter(_no_outage)
        run_dbos_database_migrations(system_database_url=database.url)
        self._client = DBOSClient(
            system_database_url=database.url,
            system_database_engine=database.shared_engine,
            serializer=DBOSPortableJSONSerializer(),
            retry_connection_errors=False,
        )

    def issue(self, connection: sa.Connection) -> None:
        """One more, stored together with whatever else this transaction stores."""
        options = {"workflow_name": WORKFLOW, "queue_name": QUEUE, "app_version": FORMAT}
        self._client.enqueue_in_transaction(connection, options)  # type: ignore[arg-type]

    def waiting(self) -> int:
        """How many nobody took yet. One that a worker took comes back to that worker alone, if ever."""
        return len(self._client.list_queued_workflows(queue_name=QUEUE, status="ENQUEUED", load_input=False))

    def sweep(self, kept_s: float = KEPT_S) -> None:
        """Throw away those that were used up so long ago; a few at a time, for others write meanwhile."""
        before = datetime.fromtimestamp(time.time() - kept_s, UTC).isoformat()
        while used := self._client.list_workflows(
            status=list(USED_UP), completed_before=before, limit=SWEPT_AT_ONCE, load_input=False, load_output=False
        ):
            self._client.delete_workflows([each.workflow_id for each in used])

    def close(self) -> None:
        """Let the database go."""
        self._client.destroy()


def take_wakeups(database: Database, worker: str, work: Callable[[], None]) -> None:
    """From now on, in threads of DBOS: `work` once for each ticket, one at a time, and again for one cut short."""
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
    """No more. One that is being worked on is taken up at the next start."""
    DBOS.destroy()
