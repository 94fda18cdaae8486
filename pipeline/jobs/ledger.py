"""The ledger: every job and its diary, as people see them and change them.

Each change is one statement or one transaction that names the states it starts from, so that a web process, a worker
and a command line may all write at once. The same database holds the tickets, so that a job and its ticket are stored
together or not at all.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from pipeline.jobs.job import Entry, Job, JobError, Order, State, Wish, WorkerSign
from pipeline.jobs.tables import diary, job_of, jobs, open_database, workers
from pipeline.jobs.tickets import Tickets

IN_LINE = (State.QUEUED, State.WAITING, State.PAUSED)
AFRESH: dict[str, Any] = {
    "wish": "", "wished_at": None, "worker": "", "stage": "", "note": "", "share": 0.0, "left_s": None,
    "place": 0, "crashes": 0, "needs_bytes": 0, "problem": "", "remedy": "", "finished_at": None, "result": {},
}  # fmt: skip


class Ledger:
    """All that is known of jobs. Made once a process; `close` gives the database back."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = open_database(url)
        self.tickets = Tickets(url)

    def close(self) -> None:
        """Let the database go."""
        self.tickets.close()
        self.engine.dispose()

    def submit(self, order: Order) -> Job:
        """Accept a job: once this returns it is never lost."""
        now, job = time.time(), secrets.token_hex(12)
        values = {"id": job, "order": asdict(order), "owner": order.owner, "state": State.QUEUED, "created_at": now}
        with self.engine.begin() as connection:
            connection.execute(jobs.insert().values(**values, position=self._last(connection) + 1))
            self.tickets.issue(connection)
        return self.get(job)

    def get(self, job: str) -> Job:
        """One job, or the error that says there is none."""
        with self.engine.connect() as connection:
            row = connection.execute(jobs.select().where(jobs.c.id == job)).mappings().first()
        if row is None:
            raise JobError(f"There is no job {job!r}.", "`python -m pipeline jobs list` shows all of them.")
        return job_of(row)

    def all(self) -> list[Job]:
        """Every job, in the order in which they run or ran."""
        with self.engine.connect() as connection:
            return [job_of(row) for row in connection.execute(jobs.select().order_by(jobs.c.position)).mappings()]

    def workers(self) -> list[WorkerSign]:
        """Who gave signs of life, and when."""
        with self.engine.connect() as connection:
            return [WorkerSign(*row) for row in connection.execute(workers.select())]

    def diary(self, job: str) -> list[Entry]:
        """What happened to a job."""
        columns = (diary.c.at, diary.c.level, diary.c.sentence)
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(*columns).where(diary.c.job == job).order_by(diary.c.id))
            return [Entry(*row) for row in rows]

    def cancel(self, job: str) -> Job:
        """End it; what was finished is kept in the cache."""
        return self._wished(job, Wish.CANCEL, State.CANCELLED)

    def pause(self, job: str) -> Job:
        """Let others go first until it is resumed."""
        return self._wished(job, Wish.PAUSE, State.PAUSED)

    def resume(self, job: str) -> Job:
        """Put a paused job in line again, where it stood."""
        return self._queued(job, (State.PAUSED, State.WAITING), "resumed", {"needs_bytes": 0})

    def retry(self, job: str) -> Job:
        """Put a job that ended in line once more; it goes on from what is in the cache."""
        return self._queued(job, (State.FAILED, State.CANCELLED, State.DONE), "retried", AFRESH)

    def edit(self, job: str, order: Order) -> Job:
        """Ask for something else, as long as it does not run."""
        with self.engine.begin() as connection:
            found = self._set(connection, job, IN_LINE, order=asdict(order))
        return self._told(job, found, "edited")

    def move(self, job: str, before: str | None) -> Job:
        """Run it before another one, or last."""
        with self.engine.begin() as connection:
            position = self._last(connection) + 1 if before is None else self._before(connection, before, job)
            found = self._set(connection, job, IN_LINE, position=position)
        return self._told(job, found, "moved")

    def remove(self, job: str) -> Job:
        """Forget a job that is not running; returns what it was."""
        gone = self.get(job)
        with self.engine.begin() as connection:
            found = connection.execute(jobs.delete().where(jobs.c.id == job, jobs.c.state != State.RUNNING)).rowcount
            if found:
                connection.execute(diary.delete().where(diary.c.job == job))
        return gone if found else self._told(job, found, "removed")

    def write(self, connection: sa.Connection, job: str, sentence: str, level: str = "note") -> None:
        """A line for the diary, in a transaction that is under way."""
        connection.execute(diary.insert().values(job=job, at=time.time(), level=level, sentence=sentence))

    def _wished(self, job: str, wish: Wish, after: State) -> Job:
        """A running job is asked; one that is not is changed at once."""
        now = time.time()
        with self.engine.begin() as connection:
            since = sa.func.coalesce(jobs.c.wished_at, now)
            found = self._set(connection, job, (State.RUNNING,), wish=wish, wished_at=since) or self._set(
                connection, job, IN_LINE, state=after, finished_at=now if after.ended else None, needs_bytes=0
            )
            if found:
                self.write(connection, job, f"Somebody asked to {wish} it.")
        return self._told(job, found, after)

    def _queued(self, job: str, states: tuple[State, ...], done: str, values: Mapping[str, Any]) -> Job:
        with self.engine.begin() as connection:
            found = self._set(connection, job, states, state=State.QUEUED, **values)
            if found:
                self.write(connection, job, f"It was {done}.")
                self.tickets.issue(connection)
        return self._told(job, found, done)

    def _set(self, connection: sa.Connection, job: str, states: tuple[State, ...], **values: Any) -> int:
        """Change a job that is in one of these states; 0 when it is not."""
        these = jobs.update().where(jobs.c.id == job, jobs.c.state.in_(states))
        return connection.execute(these.values(**values)).rowcount

    def _told(self, job: str, found: int, done: str) -> Job:
        """The job as it is now, or why it stayed as it was."""
        now = self.get(job)
        if not found:
            raise JobError(f"A {now.state} job cannot be {done}.", "Reload the list to see how it stands now.")
        return now

    def _last(self, connection: sa.Connection) -> float:
        return float(connection.execute(sa.select(sa.func.max(jobs.c.position))).scalar() or 0)

    def _before(self, connection: sa.Connection, other: str, job: str) -> float:
        """A place in line between another job and the one before that."""
        here = connection.execute(sa.select(jobs.c.position).where(jobs.c.id == other)).scalar()
        if here is None:
            raise JobError(f"There is no job {other!r}.", "Reload the list and try again.")
        nearer = sa.select(sa.func.max(jobs.c.position)).where(jobs.c.position < here, jobs.c.id != job)
        return float(here + (connection.execute(nearer).scalar() or here - 2)) / 2
