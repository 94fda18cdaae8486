"""The ledger: all jobs and their events, and the changes that people make to them.

Each change is one statement or transaction that names the states it starts from, so that the web process, workers and
command line may write concurrently. The same database holds the workflows of DBOS, so that a job and its workflow are
stored together or not at all.
"""

import secrets
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from zlib import crc32

import sqlalchemy as sa

from pipeline.jobs.costs import WindowWork, read_parts, read_window_work
from pipeline.jobs.database import begin_alone, open_database
from pipeline.jobs.durable import Workflows
from pipeline.jobs.job import Job, JobError, JobEvent, RequestedAction, State, WorkerSign
from pipeline.jobs.line import call, queue, workflow
from pipeline.jobs.locations import machine_name
from pipeline.jobs.order import Order
from pipeline.jobs.tables import homes, job_events, job_of, jobs, now, read_signs, window_work, workers
from pipeline.library import inputs

IN_LINE = (State.QUEUED, State.WAITING, State.PAUSED)
QUEUE_LOCK = 0x5E5407
"""What the keys of the locks of all lines begin with."""
RESET: dict[str, Any] = {
    "requested_action": "", "requested_at": None, "worker": "", "stage": "", "note": "", "share": 0.0, "left_s": None,
    "steps_done": 0, "frame": 0, "slack": 0, "died_at": None, "crashes": 0, "needs_bytes": 0, "problem": "",
    "remedy": "", "started_at": None, "finished_at": None, "result": {}, "worked_s": 0.0, "card": None,
    "waited_s": 0.0, "price": None,
}  # fmt: skip
NO_PROBLEM: dict[str, Any] = {"needs_bytes": 0, "problem": "", "remedy": ""}
CLOSEST = 1e-6
"""Least distance of two positions: repeated halving between neighbours must not make two jobs' positions equal."""
others = jobs.alias()


class Ledger:
    """The store of all jobs, opened once per process. Without `new`, its database must exist already.

    Where several homes share a database, `home` is the mark of the one whose worker runs what is submitted here.
    """

    def __init__(self, url: str, home: str = "", *, new: bool = True) -> None:
        self.url, self.home = url, home
        self.database = open_database(url, new=new)
        self.engine = self.database.engine
        self.workflows = Workflows(self.database)
        self.ours = jobs.c.home == home
        if home:
            self._adopt()

    def _adopt(self) -> None:
        """Take the jobs of earlier versions, in which a database knew no homes, and tell this home's name."""
        mine = sa.select(sa.literal(self.home), sa.literal(machine_name()))
        unknown = ~sa.exists().where(homes.c.mark == self.home)
        with self.engine.begin() as connection:
            connection.execute(jobs.update().where(jobs.c.home == "").values(home=self.home))
            connection.execute(homes.insert().from_select(["mark", "name"], mine.where(unknown)))

    def close(self) -> None:
        """Close the database."""
        self.workflows.close()
        self.engine.dispose()

    def submit(self, order: Order) -> Job:
        """Accept a job; it is stored durably once this returns."""
        return self.submit_all([order])[0]

    def submit_all(self, orders: Sequence[Order]) -> list[Job]:
        """Accept several jobs in one transaction."""
        new = [_row(order) | {"home": self.home} for order in orders]
        with self.changing() as connection:
            connection.execute(jobs.insert().values(position=_last()), new)
        return self._read(jobs.c.id.in_([row["id"] for row in new]))

    def get(self, job: str) -> Job:
        """One job of this home; JobError if there is none."""
        with self.engine.connect() as connection:
            row = connection.execute(jobs.select().where(self.ours, jobs.c.id == job)).mappings().first()
        if row is None:
            raise JobError(f"There is no job {job!r}.", "`python -m pipeline jobs list` shows all of them.")
        return job_of(row)

    def all(self) -> list[Job]:
        """Every job of this home, by its position in the queue."""
        return self._read(self.ours)

    def of_all_homes(self) -> list[Job]:
        """Every job of the database, by home: for who looks after all of it."""
        query = jobs.select().order_by(jobs.c.home, jobs.c.position, jobs.c.created_at)
        with self.engine.connect() as connection:
            return [job_of(row) for row in connection.execute(query).mappings()]

    def home_names(self) -> dict[str, str]:
        """The names of the homes by their marks: the machine that each was on first."""
        with self.engine.connect() as connection:
            return {row.mark: row.name for row in connection.execute(sa.select(homes))}

    def in_state(self, *states: State) -> list[Job]:
        """The jobs of this home in one of these states, by their position in the queue."""
        return self._read(sa.and_(self.ours, jobs.c.state.in_(states)))

    def has_work(self) -> bool:
        """Whether a job of this home runs or can be begun, by whatever worker."""
        active = jobs.c.state.in_((State.QUEUED, State.RUNNING))
        wanted = sa.select(jobs.c.id).where(self.ours, active).limit(1)
        with self.engine.connect() as connection:
            return connection.execute(wanted).first() is not None

    def last_settings(self, kinds: Collection[str]) -> dict[str, Any]:
        """The settings of the last job of these kinds that was submitted; empty if there is none."""
        of_kinds = jobs.c.order["kind"].as_string().in_(kinds)
        query = sa.select(jobs.c.order).where(self.ours, of_kinds).order_by(jobs.c.created_at.desc()).limit(1)
        with self.engine.connect() as connection:
            row = connection.execute(query).first()
        return {} if row is None else dict(row.order["settings"])

    def inputs_in_use(self) -> set[str]:
        """The ids under which the library keeps the inputs of all jobs."""
        orders = [job.order for job in self.all()]
        return inputs.ids(
            value for order in orders for value in (*order.inputs.values(), *inputs.mentioned(order.settings))
        )

    def waiting(self) -> int:
        """How many workflows of this home no worker has taken yet: one, if there is a queued job."""
        return self.workflows.waiting(queue(self.home))

    def workers(self) -> list[WorkerSign]:
        """The last heartbeat of each worker."""
        with self.engine.connect() as connection:
            return read_signs(connection)

    def send_away(self, worker: str) -> None:
        """Ask a worker to finish what it has, take nothing new, and end; JobError if there is no such worker."""
        with self.engine.begin() as connection:
            asked = workers.update().where(workers.c.name == worker).values(is_leaving=True)
            if not connection.execute(asked).rowcount:
                problem = f"There is no worker {worker!r}."
                raise JobError(problem, "`python -m pipeline worker list` shows all of them.")

    def window_work(self, job: str) -> list[WindowWork]:
        """Who made windows of a job."""
        with self.engine.connect() as connection:
            return read_window_work(connection, [job]).get(job, [])

    def parts(self) -> dict[str, list[tuple[str, int, int]]]:
        """What each worker made of the jobs that run now: (job, windows made, of so many)."""
        with self.engine.connect() as connection:
            return read_parts(connection)

    def job_events(self, job: str) -> list[JobEvent]:
        """The history of a job, oldest event first."""
        columns = (job_events.c.at, job_events.c.level, job_events.c.sentence)
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(*columns).where(job_events.c.job == job).order_by(job_events.c.id))
            return [JobEvent(*row) for row in rows]

    def cancel(self, job: str) -> Job:
        """Cancel a job; what was finished stays in the cache."""
        return self._request(job, RequestedAction.CANCEL, State.CANCELLED)

    def pause(self, job: str) -> Job:
        """Pause a job until it is resumed."""
        return self._request(job, RequestedAction.PAUSE, State.PAUSED)

    def resume(self, job: str) -> Job:
        """Queue a paused or waiting job again, at its old position."""
        return self._queue_again(job, (State.PAUSED, State.WAITING), "resumed", NO_PROBLEM)

    def find_room(self, free_bytes: int) -> None:
        """Queue again the waiting jobs that need less disk space than is free now."""
        fits = sa.and_(self.ours, jobs.c.state == State.WAITING, jobs.c.needs_bytes < free_bytes)
        with self.engine.connect() as connection:
            if connection.execute(sa.select(jobs.c.id).where(fits).limit(1)).first() is None:
                return
        update = jobs.update().where(fits).values(state=State.QUEUED, **NO_PROBLEM).returning(jobs.c.id)
        with self.changing() as connection:
            for job in connection.execute(update).scalars().all():
                self.write(connection, job, "There is room now; it goes on.")

    def retry(self, job: str) -> Job:
        """Queue an ended job once more, at the end; it resumes from what is in the cache."""
        values = RESET | {"position": _last()}
        return self._queue_again(job, (State.FAILED, State.CANCELLED, State.DONE), "retried", values)

    def edit(self, job: str, order: Order) -> Job:
        """Replace the order of a job that is not running and has not ended."""
        with self.engine.begin() as connection:
            changed = self._set(connection, job, IN_LINE, order=order.to_json(), share=0.0, stage="", note="")
            if changed:
                self.write(connection, job, "Its settings were changed.")
        return self._outcome(job, changed, "edited")

    def move(self, job: str, before: str | None) -> Job:
        """Move a job in the queue, before another one or to the end."""
        if before is not None:
            self.get(before)
        with self.changing() as connection:
            position = _last() if before is None else _just_before(before, job)
            changed = self._set(connection, job, IN_LINE, position=position)
            self._spread(connection, job)
        return self._outcome(job, changed, "moved")

    def remove(self, job: str) -> Job:
        """Delete a job that is not running, with its events; returns the deleted job."""
        removed = self.get(job)
        with self.changing() as connection:
            changed = connection.execute(jobs.delete().where(jobs.c.id == job, jobs.c.state != State.RUNNING)).rowcount
            if changed:
                connection.execute(job_events.delete().where(job_events.c.job == job))
                connection.execute(window_work.delete().where(window_work.c.job == job))
        if not changed:
            return self._outcome(job, changed, "removed")
        self.workflows.drop([workflow(job, removed.run)])
        return removed

    def write(self, connection: sa.Connection, job: str, sentence: str, level: str = "note") -> None:
        """Add an event to a job's history, as part of the given transaction."""
        connection.execute(job_events.insert().values(job=job, at=time.time(), level=level, sentence=sentence))

    @property
    def line_lock(self) -> int:
        """The key of the Postgres advisory lock under which the line of its home changes."""
        return QUEUE_LOCK << 32 | crc32(self.home.encode())

    @contextmanager
    def changing(self) -> Iterator[sa.Connection]:
        """A transaction that may change the line; at its end, the first queued job is the one that workers are offered.

        Such transactions follow each other, so that no two jobs get the same position and no two are first.
        """
        with self.engine.begin() as connection:
            begin_alone(connection, self.line_lock)
            yield connection
            unneeded = call(connection, self.workflows, self.home)
        self.workflows.drop(unneeded)

    def _request(self, job: str, action: RequestedAction, after: State) -> Job:
        """Ask a running job to cancel or pause at its next step; change one that waits at once."""
        finished_at = time.time() if after.ended else None
        with self.changing() as connection:
            since = sa.func.coalesce(jobs.c.requested_at, now())
            changed = self._set(
                connection, job, (State.RUNNING,), requested_action=action, requested_at=since
            ) or self._set(connection, job, IN_LINE, state=after, finished_at=finished_at, needs_bytes=0)
            if changed:
                self.write(connection, job, f"Somebody asked to {action} it.")
        return self._outcome(job, changed, after)

    def _queue_again(self, job: str, states: tuple[State, ...], done: str, values: Mapping[str, Any]) -> Job:
        with self.changing() as connection:
            changed = self._set(connection, job, states, state=State.QUEUED, **values)
            if changed and "worked_s" in values:
                connection.execute(window_work.delete().where(window_work.c.job == job))
            if changed:
                self.write(connection, job, f"It was {done}.")
        return self._outcome(job, changed, done)

    def _set(self, connection: sa.Connection, job: str, states: tuple[State, ...], **values: Any) -> int:
        """Update a job if it is in one of these states (compare and set); returns how many rows changed, 0 or 1."""
        update = jobs.update().where(self.ours, jobs.c.id == job, jobs.c.state.in_(states))
        return connection.execute(update.values(**values)).rowcount

    def _outcome(self, job: str, changed: int, done: str) -> Job:
        """The job after a change; JobError if its state did not allow the change."""
        current = self.get(job)
        if not changed:
            raise JobError(f"A {current.state} job cannot be {done}.", "Reload the list to see how it stands now.")
        return current

    def _spread(self, connection: sa.Connection, job: str) -> None:
        """Renumber the whole queue if halving has brought a job's position too close to another one's."""
        here = sa.select(others.c.position).where(others.c.id == job).scalar_subquery()
        close = sa.and_(self.ours, sa.func.abs(jobs.c.position - here) < CLOSEST, jobs.c.id != job)
        if connection.execute(sa.select(jobs.c.id).where(close).limit(1)).first() is None:
            return
        number = sa.func.row_number().over(order_by=(others.c.position, others.c.created_at)).label("number")
        line = sa.select(others.c.id, number).where(others.c.home == self.home).subquery()
        connection.execute(jobs.update().where(jobs.c.id == line.c.id).values(position=line.c.number))

    def _read(self, which: sa.ColumnElement[bool]) -> list[Job]:
        query = jobs.select().where(which).order_by(jobs.c.position, jobs.c.created_at)
        with self.engine.connect() as connection:
            return [job_of(row) for row in connection.execute(query).mappings()]


def _row(order: Order) -> dict[str, Any]:
    """The row of a new job, without its position."""
    values = {"owner": order.owner, "state": State.QUEUED, "created_at": time.time()}
    return {"id": secrets.token_hex(12), "order": order.to_json(), **values}


def _last() -> sa.ScalarSelect[float]:
    """The position after all others, as a subquery of the statement that takes it."""
    return sa.select(sa.func.coalesce(sa.func.max(others.c.position), 0.0) + 1.0).scalar_subquery()


def _just_before(before: str, job: str) -> sa.ColumnElement[float]:
    """The position halfway between job `before` and its predecessor; unchanged if `before` was removed meanwhile."""
    upper = sa.select(others.c.position).where(others.c.id == before).scalar_subquery()
    lower = sa.select(sa.func.max(others.c.position)).where(others.c.position < upper, others.c.id != job)
    return sa.func.coalesce((upper + sa.func.coalesce(lower.scalar_subquery(), upper - 2.0)) / 2, jobs.c.position)
