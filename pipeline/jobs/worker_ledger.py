"""A worker's side of the ledger: taking jobs, telling how far they are, and what becomes of them when it dies."""

import time
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from pipeline.jobs.job import Job, RequestedAction, Spot, State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.tables import job_of, jobs, now, workers

MOST_CRASHES = 3
UNHEARD_S = 6.0
"""After so long a job that should stop is stopped by force; ten seconds are promised."""
SILENT_S, LOST_AFTER_S = 45.0, 60.0
"""A worker that gave no sign for so long hangs; after that it is gone, and others may take its job."""


@dataclass(frozen=True)
class WorkerLedger:
    """What one worker does in the ledger, under its name."""

    ledger: Ledger
    worker: str

    def claim(self) -> Job | None:
        """Take the first job in line. One whose worker gave no sign for long counts as in line."""
        first = sa.select(jobs.c.id).where(_free()).order_by(jobs.c.position).limit(1).with_for_update(skip_locked=True)
        taken = jobs.update().where(jobs.c.id == first.scalar_subquery()).values(
            state=State.RUNNING,
            worker=self.worker,
            attempts=jobs.c.attempts + 1,
            wish=RequestedAction.NONE,
            wished_at=None,
            **asdict(Spot()),
            started_at=sa.func.coalesce(jobs.c.started_at, time.time()),
        )  # fmt: skip
        with self.ledger.engine.begin() as connection:
            row = connection.execute(taken.returning(jobs)).mappings().first()
        return job_of(row) if row else None

    def tell(self, job: str, **values: Any) -> RequestedAction:
        """How far it is; returns what it is asked to do. A job that was taken away is to be dropped."""
        update = jobs.update().where(self._mine(job)).values(**values)
        with self.ledger.engine.begin() as connection:
            wish = connection.execute(update.returning(jobs.c.wish)).scalar()
        return RequestedAction.CANCEL if wish is None else RequestedAction(wish)

    def end(self, job: str, state: State, sentence: str, **values: Any) -> bool:
        """It came to an end, to a pause, or back in line; False when it was no longer this worker's."""
        told = {"state": state, "wish": RequestedAction.NONE, "wished_at": None, "worker": "", "left_s": None, **values}
        if state.ended:
            told["finished_at"] = time.time()
        with self.ledger.engine.begin() as connection:
            found = connection.execute(jobs.update().where(self._mine(job)).values(**told)).rowcount
            if found:
                self.ledger.write(connection, job, sentence, "error" if state == State.FAILED else "note")
                if state == State.QUEUED:
                    self.ledger.tickets.issue(connection)
        return bool(found)

    def recover(self) -> None:
        """What this worker left running when it died is put in line again, or given up after three deaths at one spot.

        Only for the one process that holds the worker's name.
        """
        for job in self.ledger.in_state(State.RUNNING):
            if job.worker == self.worker:
                self._recover(job)
        self.issue_missing()

    def issue_missing(self) -> None:
        """A ticket for each job that could be taken and has none.

        Whoever takes over a lost worker's job uses up a ticket that was for another one; the ticket of a worker that
        is gone for good comes back to nobody.
        """
        with self.ledger.engine.connect() as connection:
            free = connection.execute(sa.select(sa.func.count()).where(_free())).scalar() or 0
        if not free:
            return
        missing = free - self.ledger.tickets.waiting()
        with self.ledger.engine.begin() as connection:
            for _ in range(missing):
                self.ledger.tickets.issue(connection)

    def _recover(self, job: Job) -> None:
        again = job.died_at is not None and job.died_at.near(job.spot)
        crashes = job.crashes + 1 if again else 1
        told: dict[str, Any] = {"crashes": crashes, "died_at": asdict(job.spot)}
        where = f"step {job.place + 1} ({job.stage or 'the start'})"
        if job.frame:
            where = f"frame {job.frame} of {where}"
        if job.wish:
            after = State.CANCELLED if job.wish == RequestedAction.CANCEL else State.PAUSED
            self.end(job.id, after, f"It was {after} by ending the worker, which did not listen.")
        elif crashes < MOST_CRASHES:
            sentence = f"The worker died at {where}; the job goes on with what was finished."
            self.end(job.id, State.QUEUED, sentence, **told)
        else:
            problem = f"The worker died {crashes} times in a row at {where}."
            remedy = "Look at the worker's log; a smaller clip or another engine may help. Then retry it."
            self.end(job.id, State.FAILED, problem, problem=problem, remedy=remedy, **told)

    def beat(self, pid: int, job: str) -> None:
        """A sign of life."""
        values = {"pid": pid, "beat_at": now(), "job": job}
        mine = workers.c.name == self.worker
        with self.ledger.engine.begin() as connection:
            if not connection.execute(workers.update().where(mine).values(**values)).rowcount:
                connection.execute(workers.insert().values(name=self.worker, **values))

    def leave(self) -> None:
        """Gone home."""
        with self.ledger.engine.begin() as connection:
            connection.execute(workers.delete().where(workers.c.name == self.worker))

    def hangs(self, pid: int) -> bool:
        """Whether the process that works under this name was asked to stop and did not, or gives no sign any more."""
        asked = sa.and_(
            jobs.c.worker == self.worker, jobs.c.state == State.RUNNING, jobs.c.wish != RequestedAction.NONE
        )
        mine = sa.and_(workers.c.name == self.worker, workers.c.pid == pid)
        with self.ledger.engine.connect() as connection:
            silent_s = connection.execute(sa.select(now() - workers.c.beat_at).where(mine)).scalar()
            unheard_s = connection.execute(sa.select(now() - sa.func.min(jobs.c.wished_at)).where(asked)).scalar()
        return silent_s is not None and (silent_s > SILENT_S or (unheard_s or 0.0) > UNHEARD_S)

    def _mine(self, job: str) -> sa.ColumnElement[bool]:
        return sa.and_(jobs.c.id == job, jobs.c.worker == self.worker, jobs.c.state == State.RUNNING)


def _free() -> sa.ColumnElement[bool]:
    """In line, or left behind by a worker that is gone."""
    alive = sa.select(workers.c.name).where(workers.c.beat_at > now() - LOST_AFTER_S)
    lost = sa.and_(jobs.c.state == State.RUNNING, jobs.c.worker.not_in(alive))
    return sa.or_(jobs.c.state == State.QUEUED, lost)
