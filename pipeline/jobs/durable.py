"""The durable engine: workflows of DBOS in the database of the jobs, and the process that runs them.

DBOS claims a workflow for one worker, refuses late writes of its former owners, and gives it back when its worker
restarts. Everything here is named after what is to be done: a run of a job, a window of a clip.
"""

import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, WorkflowStatus, run_dbos_database_migrations

from pipeline.jobs.database import CONNECTIONS, Database

APPLICATION = "reshoot"
FORMAT = "2"
"""Version of the format of workflows: a worker of another version leaves them alone. It replaces DBOS's own application
version, a hash of the source that changes with every edit."""
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


OUTAGE = ("OperationalError", "Notification listener error")


def _is_no_outage(record: logging.LogRecord) -> bool:
    """Log filter: during an outage DBOS logs every retry, several times a second, while our worker logs it once."""
    return not any(text in record.getMessage() for text in OUTAGE)


@dataclass(frozen=True)
class Kept:
    """What DBOS knows of a workflow."""

    id: str
    name: str
    queue: str
    status: str
    worker: str
    output: Any = None

    @property
    def is_finished(self) -> bool:
        """Whether no worker has it or will have it."""
        return self.status not in (WAITING, HELD)


class Workflows:
    """The workflows in a database. Used by every process that asks for work; no worker has to be running."""

    def __init__(self, database: Database) -> None:
        logging.getLogger("dbos").setLevel(logging.WARNING)
        logging.getLogger("dbos").addFilter(_is_no_outage)
        run_dbos_database_migrations(system_database_url=database.url)
        self._client = DBOSClient(
            system_database_url=database.url,
            system_database_engine=database.shared_engine,
            system_database_pool_size=CONNECTIONS,
            serializer=DBOSPortableJSONSerializer(),
            retry_connection_errors=False,
        )
        self._unheard_of: set[str] = set()

    def enqueue(self, connection: sa.Connection, queue: str, name: str, id: str, *arguments: Any) -> None:
        """Enqueue a workflow as part of a transaction; one of this id that is there stays as it is."""
        self._client.enqueue_in_transaction(
            connection,
            {"workflow_name": name, "workflow_id": id, "queue_name": queue, "app_version": FORMAT},
            *arguments,
        )

    def of(self, ids: Collection[str]) -> Mapping[str, Kept]:
        """Those of these workflows that are kept."""
        return self._kept(workflow_ids=list(ids)) if ids else {}  # of no ids DBOS lists all

    def beginning(self, prefix: str) -> Mapping[str, Kept]:
        """Those whose id begins so."""
        return self._kept(workflow_id_prefix=prefix)

    def held(self, *names: str) -> Mapping[str, Kept]:
        """Those of these names that some worker has."""
        return self._kept(name=list(names), status=HELD)

    def is_held(self, connection: sa.Connection, id: str, worker: str) -> bool:
        """Whether a worker still has a workflow that it began, which nobody is given before this transaction ends."""
        schema = "dbos" if connection.dialect.name == "postgresql" else None
        id_, status, executor = (sa.column(name, sa.String) for name in ("workflow_uuid", "status", "executor_id"))
        kept = sa.table("workflow_status", id_, status, executor, schema=schema)
        this = sa.select(kept).where(id_ == id, status == HELD, executor == worker)
        return connection.execute(this.with_for_update(read=True)).first() is not None

    def waiting(self, queue: str) -> int:
        """How many of a queue no worker has taken yet."""
        return len(self._kept(queue_name=queue, status=WAITING))

    def _kept(self, **which: Any) -> dict[str, Kept]:
        found = self._client.list_workflows(**which, load_input=False)
        return {each.workflow_id: _kept(each) for each in found}

    def drop(self, ids: Collection[str]) -> None:
        """Delete workflows that nobody needs; without it they would be begun in their turn, and find nothing to do."""
        if ids:
            self._client.delete_workflows(list(ids))

    def give_back(self, lost: Collection[Kept]) -> None:
        """Enqueue again what a worker holds that is lost; DBOS refuses whatever that worker may still write."""
        for queue in {each.queue for each in lost}:
            ids = [each.id for each in lost if each.queue == queue]
            self._client.resume_workflows(ids, queue_name=queue)

    def lost(self, held: Mapping[str, Kept], alive: Collection[str], worker: str) -> set[str]:
        """Those of these workflows that nobody works on: their worker is silent, or is this one, unawares.

        That happens when the database's answer to a claim is lost. Such a one is told at the second time, as this
        worker may be about to begin it.
        """
        theirs = {id for id, kept in held.items() if kept.status == HELD and kept.worker not in alive}
        ours = {id for id, kept in held.items() if kept.status == HELD and kept.worker == worker} - set(+_running)
        again, self._unheard_of = ours & self._unheard_of, ours
        return theirs | again

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


def _kept(status: WorkflowStatus) -> Kept:
    about = (status.name, status.queue_name or "", status.status, status.executor_id or "", status.output)
    return Kept(status.workflow_id, *about)


_running: Counter[str] = Counter()
"""The workflows that this process runs. One that was given back and taken again runs twice until the first notices."""


@dataclass(frozen=True)
class Duty:
    """What a worker does: workflows of one name, one of each queue at a time. The result must be plain values."""

    queues: tuple[str, ...]
    name: str
    run: Callable[..., Any]


def serve(database: Database, worker: str, duties: Collection[Duty]) -> None:
    """Start DBOS, which runs a worker's duties; what this worker was doing when it died is given back first."""
    config: DBOSConfig = {
        "name": APPLICATION,
        "system_database_url": database.url,
        "system_database_engine": database.shared_engine,
        "sys_db_pool_size": 2 * CONNECTIONS,
        "application_version": FORMAT,
        "executor_id": worker,
        "serializer": DBOSPortableJSONSerializer(),
        "log_level": "WARNING",
    }
    DBOS(config=config)
    for duty in duties:
        _declare(duty)
    queues = [queue for duty in duties for queue in duty.queues]
    DBOS.listen_queues(queues)  # and to none of other homes, which the database names too
    DBOS.launch()
    for queue in queues:
        DBOS.register_queue(queue, worker_concurrency=1, polling_interval_sec=POLL_S)


def _declare(duty: Duty) -> None:
    """A workflow of one step: what is finished within it is in the cache of results, which a repeated step finds."""

    @DBOS.step(name=duty.name)
    def step(*arguments: Any) -> Any:
        return duty.run(*arguments)

    @DBOS.workflow(name=duty.name, max_recovery_attempts=MOST_RECOVERIES)
    def workflow(*arguments: Any) -> Any:
        _running[current()] += 1
        try:
            return step(*arguments)
        finally:
            _running.subtract([current()])


def current() -> str:
    """The id of the workflow that this thread runs."""
    return str(DBOS.workflow_id)


def leave() -> None:
    """Stop DBOS. What is being worked on is given back at the next start."""
    DBOS.destroy()
