"""The ledger: every job and its diary, as people see them and change them.

Each change is one statement or one transaction that names the states it starts from, so that a web process, a worker
and a command line may all write at once. The same database holds the tickets, so that a job and its ticket are stored
together or not at all.
"""

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from pipeline.jobs.database import open_database
from pipeline.jobs.job import Job, JobError, JobEvent, Order, RequestedAction, State, WorkerSign
from pipeline.jobs.tables import diary, job_of, jobs, now, read_signs
from pipeline.jobs.wakeups import Wakeups

IN_LINE = (State.QUEUED, State.WAITING, State.PAUSED)
LINE_LOCK = 0x5E5407
"""The number of the lock in Postgres."""
AFRESH: dict[str, Any] = {
    "wish": "", "wished_at": None, "worker": "", "stage": "", "note": "", "share": 0.0, "left_s": None,
    "place": 0, "frame": 0, "slack": 0, "died_at": None, "crashes": 0, "needs_bytes": 0, "problem": "", "remedy": "",
    "finished_at": None, "result": {},
}  # fmt: skip
GOING_ON: dict[str, Any] = {"needs_bytes": 0, "problem": "", "remedy": ""}
CLOSEST = 1e-6
"""Of two places in line; halving the way between two neighbours must never make them one."""
others = jobs.alias()


class Ledger:
    """All that is known of jobs. Made once a process; `close` gives the database back. Without `new` it must exist."""

    def __init__(self, url: str, *, new: bool = True) -> None:
        self.url = url
        self.database = open_database(url, new=new)
        self.engine = self.database.engine
        self.tickets = Wakeups(self.database)

    def close(self) -> None:
        """Let the database go."""
        self.tickets.close()
        self.engine.dispose()

    def submit(self, order: Order) -> Job:
        """Accept a job: once this returns it is never lost."""
        return self.submit_all([order])[0]

    def submit_all(self, orders: Sequence[Order]) -> list[Job]:
        """Accept jobs, all of them or none."""
        new = [_row(order) for order in orders]
        with self._in_turn() as connection:
            connection.execute(jobs.insert().values(position=_last()), new)
            for _ in new:
                self.tickets.issue(connection)
        return self._read(jobs.c.id.in_([row["id"] for row in new]))

    def get(self, job: str) -> Job:
        """One job, or the error that says there is none."""
        with self.engine.connect() as connection:
            row = connection.execute(jobs.select().where(jobs.c.id == job)).mappings().first()
        if row is None:
            raise JobError(f"There is no job {job!r}.", "`python -m pipeline jobs list` shows all of them.")
        return job_of(row)

    def all(self) -> list[Job]:
        """Every job, in the order in which they run or ran."""
        return self._read(sa.true())

    def in_state(self, *states: State) -> list[Job]:
        """Those in one of these states, in the same order."""
        return self._read(jobs.c.state.in_(states))

    def workers(self) -> list[WorkerSign]:
        """Who gave signs of life, and when."""
        with self.engine.connect() as connection:
            return read_signs(connection)

    def diary(self, job: str) -> list[JobEvent]:
        """What happened to a job."""
        columns = (diary.c.at, diary.c.level, diary.c.sentence)
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(*columns).where(diary.c.job == job).order_by(diary.c.id))
            return [JobEvent(*row) for row in rows]

    def cancel(self, job: str) -> Job:
        """End it; what was finished is kept in the cache."""
        return self._wished(job, RequestedAction.CANCEL, State.CANCELLED)

    def pause(self, job: str) -> Job:
        """Let others go first until it is resumed."""
        return self._wished(job, RequestedAction.PAUSE, State.PAUSED)

    def resume(self, job: str) -> Job:
        """Put a paused job in line again, where it stood."""
        return self._queued(job, (State.PAUSED, State.WAITING), "resumed", GOING_ON)

    def find_room(self, free_bytes: int) -> None:
        """Jobs that wait for less room than there is now go on."""
        fits = sa.and_(jobs.c.state == State.WAITING, jobs.c.needs_bytes < free_bytes)
        with self.engine.connect() as connection:
            if connection.execute(sa.select(jobs.c.id).where(fits).limit(1)).first() is None:
                return
        update = jobs.update().where(fits).values(state=State.QUEUED, **GOING_ON).returning(jobs.c.id)
        with self.engine.begin() as connection:
            for job in connection.execute(update).scalars().all():
                self.write(connection, job, "There is room now; it goes on.")
                self.tickets.issue(connection)

    def retry(self, job: str) -> Job:
        """Put a job that ended in line once more, last; it goes on from what is in the cache."""
        return self._queued(job, (State.FAILED, State.CANCELLED, State.DONE), "retried", AFRESH | {"position": _last()})

    def edit(self, job: str, order: Order) -> Job:
        """Ask for something else, as long as it does not run."""
        with self.engine.begin() as connection:
            found = self._set(connection, job, IN_LINE, order=asdict(order), share=0.0, stage="", note="")
            if found:
                self.write(connection, job, "Its settings were changed.")
        return self._told(job, found, "edited")

    def move(self, job: str, before: str | None) -> Job:
        """Run it before another one, or last."""
        if before is not None:
            self.get(before)
        with self._in_turn() as connection:
            position = _last() if before is None else _nearer(before, job)
            found = self._set(connection, job, IN_LINE, position=position)
            self._spread(connection, job)
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

    def _wished(self, job: str, wish: RequestedAction, after: State) -> Job:
        """A running job is asked; one that is not is changed at once."""
        finished_at = time.time() if after.ended else None
        with self.engine.begin() as connection:
            since = sa.func.coalesce(jobs.c.wished_at, now())
            found = self._set(connection, job, (State.RUNNING,), wish=wish, wished_at=since) or self._set(
                connection, job, IN_LINE, state=after, finished_at=finished_at, needs_bytes=0
            )
            if found:
                self.write(connection, job, f"Somebody asked to {wish} it.")
        return self._told(job, found, after)

    @contextmanager
    def _in_turn(self) -> Iterator[sa.Connection]:
        """A change of the line, one after the other, so that no two jobs get one place. SQLite has but one writer."""
        with self.engine.begin() as connection:
            if self.engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LINE_LOCK)))
            yield connection

    def _queued(self, job: str, states: tuple[State, ...], done: str, values: Mapping[str, Any]) -> Job:
        with self._in_turn() as connection:
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
        told = self.get(job)
        if not found:
            raise JobError(f"A {told.state} job cannot be {done}.", "Reload the list to see how it stands now.")
        return told

    def _spread(self, connection: sa.Connection, job: str) -> None:
        """Where halving brought a job too close to another one, all are numbered anew."""
        here = sa.select(others.c.position).where(others.c.id == job).scalar_subquery()
        close = sa.and_(sa.func.abs(jobs.c.position - here) < CLOSEST, jobs.c.id != job)
        if connection.execute(sa.select(jobs.c.id).where(close).limit(1)).first() is None:
            return
        number = sa.func.row_number().over(order_by=(others.c.position, others.c.created_at)).label("number")
        line = sa.select(others.c.id, number).subquery()
        connection.execute(jobs.update().where(jobs.c.id == line.c.id).values(position=line.c.number))

    def _read(self, which: sa.ColumnElement[bool]) -> list[Job]:
        query = jobs.select().where(which).order_by(jobs.c.position, jobs.c.created_at)
        with self.engine.connect() as connection:
            return [job_of(row) for row in connection.execute(query).mappings()]


def _row(order: Order) -> dict[str, Any]:
    """A job as it begins, without its place in line."""
    values = {"owner": order.owner, "state": State.QUEUED, "created_at": time.time()}
    return {"id": secrets.token_hex(12), "order": asdict(order), **values}


def _last() -> sa.ScalarSelect[float]:
    """The place behind all others; found by the statement that takes it, so that no two get the same."""
    return sa.select(sa.func.coalesce(sa.func.max(others.c.position), 0.0) + 1.0).scalar_subquery()


def _nearer(before: str, job: str) -> sa.ColumnElement[float]:
    """The place between another job and the one that is before that; its own when the other one is gone."""
    first = sa.select(others.c.position).where(others.c.id == before).scalar_subquery()
    farthest = sa.select(sa.func.max(others.c.position)).where(others.c.position < first, others.c.id != job)
    return sa.func.coalesce((first + sa.func.coalesce(farthest.scalar_subquery(), first - 2.0)) / 2, jobs.c.position)
