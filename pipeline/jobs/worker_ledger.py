"""A worker's side of the ledger: claims jobs, reports progress, sends heartbeats, and recovers jobs after a crash."""

import time
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from pipeline.jobs.job import Job, RequestedAction, Spot, State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.tables import job_of, jobs, now, workers

MOST_CRASHES = 3
IGNORED_REQUEST_S = 6.0
"""A worker that ignores a request to stop for so long is killed, so that cancelling a job takes ten seconds at most."""
SILENT_S, LEASE_S = 45.0, 60.0
"""A worker without heartbeats for SILENT_S counts as hanging; after LEASE_S others may claim its job."""


@dataclass(frozen=True)
class WorkerLedger:
    """The operations of one worker on the ledger. It changes only jobs that it holds, under its name."""

    ledger: Ledger
    worker: str

    def claim(self) -> Job | None:
        """Claim the first queued job, or one whose worker's lease ran out; None if there is none."""
        first = sa.select(jobs.c.id).where(_free()).order_by(jobs.c.position).limit(1).with_for_update(skip_locked=True)
        taken = jobs.update().where(jobs.c.id == first.scalar_subquery()).values(
            state=State.RUNNING,
            worker=self.worker,
            attempts=jobs.c.attempts + 1,
            requested_action=RequestedAction.NONE,
            requested_at=None,
            **asdict(Spot()),
            started_at=sa.func.coalesce(jobs.c.started_at, time.time()),
        )  # fmt: skip
        with self.ledger.engine.begin() as connection:
            row = connection.execute(taken.returning(jobs)).mappings().first()
        return job_of(row) if row else None

    def report(self, job: str, **values: Any) -> RequestedAction:
        """Store a job's progress; returns the requested action, CANCEL if another worker has taken the job over."""
        update = jobs.update().where(self._mine(job)).values(**values)
        with self.ledger.engine.begin() as connection:
            action = connection.execute(update.returning(jobs.c.requested_action)).scalar()
        return RequestedAction.CANCEL if action is None else RequestedAction(action)

    def end(self, job: str, state: State, sentence: str, **values: Any) -> bool:
        """Release a job in a new state (ended, paused, waiting, queued); False if it was no longer this worker's."""
        unset = dict.fromkeys(("requested_at", "left_s", "card"))
        values = {"state": state, "requested_action": RequestedAction.NONE, "worker": "", **unset, **values}
        if state.ended:
            values["finished_at"] = time.time()
        with self.ledger.engine.begin() as connection:
            changed = connection.execute(jobs.update().where(self._mine(job)).values(**values)).rowcount
            if changed:
                self.ledger.write(connection, job, sentence, "error" if state == State.FAILED else "note")
                if state == State.QUEUED:
                    self.ledger.wakeups.issue(connection)
        return bool(changed)

    def recover(self) -> None:
        """Queue again the jobs that this worker was running when it died; fail one after three deaths at one spot.

        To be called only by the one process that holds the worker's name.
        """
        for job in self.ledger.in_state(State.RUNNING):
            if job.worker == self.worker:
                self._recover(job)
        self.issue_missing()

    def issue_missing(self) -> None:
        """Issue wakeups until there are as many as jobs that can be claimed.

        Some go missing: taking over the job of a lost worker uses up a wakeup that was issued for another job, and a
        wakeup that the lost worker had taken is never recovered.
        """
        with self.ledger.engine.connect() as connection:
            free = connection.execute(sa.select(sa.func.count()).where(_free())).scalar() or 0
        if not free:
            return
        missing = free - self.ledger.wakeups.waiting()
        with self.ledger.engine.begin() as connection:
            for _ in range(missing):
                self.ledger.wakeups.issue(connection)

    def _recover(self, job: Job) -> None:
        same_spot = job.died_at is not None and job.died_at.near(job.spot)
        crashes = job.crashes + 1 if same_spot else 1
        crash: dict[str, Any] = {"crashes": crashes, "died_at": job.spot.to_json()}
        where = f"step {job.steps_done + 1} ({job.stage or 'the start'})"
        if job.frame:
            where = f"frame {job.frame} of {where}"
        if job.requested_action:
            after = State.CANCELLED if job.requested_action == RequestedAction.CANCEL else State.PAUSED
            self.end(job.id, after, f"It was {after} by ending the worker, which did not listen.")
        elif crashes < MOST_CRASHES:
            sentence = f"The worker died at {where}; the job goes on with what was finished."
            self.end(job.id, State.QUEUED, sentence, **crash)
        else:
            problem = f"The worker died {crashes} times in a row at {where}."
            remedy = "Look at the worker's log; a smaller clip or another engine may help. Then retry it."
            self.end(job.id, State.FAILED, problem, problem=problem, remedy=remedy, **crash)

    def beat(self, pid: int, job: str) -> None:
        """Send a heartbeat, which renews the lease on this worker's job."""
        values = {"pid": pid, "beat_at": now(), "job": job}
        mine = workers.c.name == self.worker
        with self.ledger.engine.begin() as connection:
            if not connection.execute(workers.update().where(mine).values(**values)).rowcount:
                connection.execute(workers.insert().values(name=self.worker, **values))

    def leave(self) -> None:
        """Delete this worker's heartbeat, so that its jobs can be claimed by others at once."""
        with self.ledger.engine.begin() as connection:
            connection.execute(workers.delete().where(workers.c.name == self.worker))

    def hangs(self, pid: int) -> bool:
        """Whether the worker process sends no heartbeats any more, or has ignored a request to stop for too long."""
        requested = sa.and_(
            jobs.c.worker == self.worker, jobs.c.state == State.RUNNING, jobs.c.requested_action != RequestedAction.NONE
        )
        mine = sa.and_(workers.c.name == self.worker, workers.c.pid == pid)
        with self.ledger.engine.connect() as connection:
            silent_s = connection.execute(sa.select(now() - workers.c.beat_at).where(mine)).scalar()
            ignored_s = connection.execute(
                sa.select(now() - sa.func.min(jobs.c.requested_at)).where(requested)
            ).scalar()
        return silent_s is not None and (silent_s > SILENT_S or (ignored_s or 0.0) > IGNORED_REQUEST_S)

    def _mine(self, job: str) -> sa.ColumnElement[bool]:
        return sa.and_(jobs.c.id == job, jobs.c.worker == self.worker, jobs.c.state == State.RUNNING)


def _free() -> sa.ColumnElement[bool]:
    """Jobs that can be claimed: queued ones, and running ones whose worker's lease ran out."""
    alive = sa.select(workers.c.name).where(workers.c.beat_at > now() - LEASE_S)
    lost = sa.and_(jobs.c.state == State.RUNNING, jobs.c.worker.not_in(alive))
    return sa.or_(jobs.c.state == State.QUEUED, lost)
