"""The line: the job whose turn it is, as a durable workflow of DBOS that some worker will run.

People reorder, pause and edit jobs, and the place of a DBOS workflow cannot be changed. So of all queued jobs only the
first is enqueued, as the workflow `job-run`; when it is begun, or is not the first any more, the next one is. DBOS
claims it, fences late writes of its former owners, and gives it back when its worker restarts.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, run_dbos_database_migrations

from pipeline.jobs.database import Database
from pipeline.jobs.job import State
from pipeline.jobs.tables import jobs, workflow

APPLICATION, QUEUE, WORKFLOW = "reshoot", "jobs", "job"
FORMAT = "2"
"""Version of the format of jobs and their workflows: a worker of another version leaves them alone. It replaces DBOS's
own application version, a hash of the source that changes with every edit."""
POLL_S = 0.3
MOST_RECOVERIES = 1_000_000
"""DBOS must never give up on a job: the ledger decides when one has crashed too often."""
WAITING, HELD = "ENQUEUED", "PENDING"
FINISHED = ("SUCCESS", "ERROR", "CANCELLED")
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


class Line:
    """Keeps the first queued job in DBOS. Used by every process that changes the line; no worker has to be running."""

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

    def call(self, connection: sa.Connection) -> list[str]:
        """Enqueue the first queued job unless it is, as part of a transaction; returns workflows that nobody needs."""
        queued = sa.select(jobs.c.id, jobs.c.run, jobs.c.is_called).where(jobs.c.state == State.QUEUED)
        first = connection.execute(queued.order_by(jobs.c.position, jobs.c.created_at).limit(1)).first()
        others = jobs.update().where(jobs.c.is_called, jobs.c.id != (first.id if first else ""))
        unneeded = connection.execute(others.values(is_called=False).returning(jobs.c.id, jobs.c.run)).all()
        if first and not first.is_called:
            run = first.run + 1
            connection.execute(jobs.update().where(jobs.c.id == first.id).values(run=run, is_called=True))
            self._client.enqueue_in_transaction(
                connection,
                {
                    "workflow_name": WORKFLOW,
                    "workflow_id": workflow(first.id, run),
                    "queue_name": QUEUE,
                    "app_version": FORMAT,
                },
                first.id,
                run,
            )
        return [workflow(*each) for each in unneeded]

    def drop(self, workflows: Collection[str]) -> None:
        """Delete workflows that nobody needs; without it they would be begun in their turn, and find nothing to do."""
        if workflows:
            self._client.delete_workflows(list(workflows))

    def held_by(self, workflows: Collection[str]) -> Mapping[str, str]:
        """Those of these workflows that are not finished -> the worker that runs it, or nobody."""
        found = self._client.list_workflows(workflow_ids=list(workflows), status=[WAITING, HELD], load_input=False)
        return {each.workflow_id: str(each.executor_id) if each.status == HELD else "" for each in found}

    def give_back(self, workflows: Collection[str]) -> None:
        """Enqueue again what a worker holds that is lost; DBOS refuses whatever that worker may still write."""
        self._client.resume_workflows(list(workflows), queue_name=QUEUE)

    def waiting(self) -> int:
        """How many workflows no worker has taken yet: one, if there is a queued job."""
        return len(self._client.list_queued_workflows(queue_name=QUEUE, status=WAITING, load_input=False))

    def sweep(self, kept_s: float = KEPT_S) -> None:
        """Delete workflows that were finished so long ago, in small batches so that other writers get their turn."""
        before = datetime.fromtimestamp(time.time() - kept_s, UTC).isoformat()
        while done := self._client.list_workflows(
            status=list(FINISHED), completed_before=before, limit=SWEPT_AT_ONCE, load_input=False, load_output=False
        ):
            self._client.delete_workflows([each.workflow_id for each in done])

    def close(self) -> None:
        """Close the connection to the database."""
        self._client.destroy()


def serve(database: Database, worker: str, run: Callable[[str, int], None]) -> None:
    """Start DBOS, which calls `run` for each job and run, one at a time; what was cut short is given back first."""
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
    def step(job: str, number: int) -> None:
        run(job, number)

    @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=MOST_RECOVERIES)
    def durable(job: str, number: int) -> None:
        step(job, number)

    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=1, polling_interval_sec=POLL_S)


def leave() -> None:
    """Stop DBOS. A job that is being worked on is given back at the next start."""
    DBOS.destroy()
