"""A worker's side of the ledger: begins and ends jobs, reports progress, sends heartbeats, and gives lost work back."""

import time
from dataclasses import asdict, dataclass
from math import inf
from typing import Any

import sqlalchemy as sa

from pipeline.jobs.costs import Use
from pipeline.jobs.job import Job, RequestedAction, Spot, State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.line import CHUNK, WINDOW, workflow
from pipeline.jobs.tables import job_of, jobs, now, wanted_windows, workers

LEFT = 3
"""How a worker's process ends that was asked to leave: its supervisor starts no other one."""
MOST_CRASHES = 3
IGNORED_REQUEST_S = 6.0
"""A worker that ignores a request to stop for so long is killed, so that cancelling a job takes ten seconds at most."""
SILENT_S = 45.0
"""A worker without heartbeats for so long hangs: its supervisor kills it, and other workers are given its job."""

STALE_S = 2.0
"""What a worker has read for longer before it acts on it may not be so any more: it was frozen meanwhile."""


@dataclass(frozen=True)
class WorkerLedger:
    """The operations of one worker on the ledger. It changes only jobs that it holds, under its name."""

    ledger: Ledger
    worker: str

    def begin(self, job: str, run: int) -> Job | None:
        """Begin a run of a job that DBOS gave to this worker; None if there is nothing to do.

        A job that is running already was cut short: its worker died, or is silent and will be refused.
        """
        called = sa.or_(jobs.c.is_called, jobs.c.state == State.RUNNING)
        this = jobs.select().where(self.ledger.ours, jobs.c.id == job, jobs.c.run == run, called)
        with self.ledger.changing() as connection:
            row = connection.execute(this).mappings().first()
            if row is None:
                return None
            if (found := job_of(row)).state is State.RUNNING and not self._write_off(connection, found):
                return None
            taken = jobs.update().where(jobs.c.id == job).values(
                state=State.RUNNING,
                is_called=False,
                worker=self.worker,
                attempts=jobs.c.attempts + 1,
                stage="",
                note="",
                requested_action=RequestedAction.NONE,
                requested_at=None,
                **asdict(Spot()),
                started_at=sa.func.coalesce(jobs.c.started_at, time.time()),
            )  # fmt: skip
            return job_of(connection.execute(taken.returning(jobs)).mappings().one())

    def report(self, job: str, **values: Any) -> RequestedAction:
        """Store a job's progress; returns the requested action, CANCEL if another worker has taken the job over."""
        update = jobs.update().where(self._mine(job)).values(**values)
        with self.ledger.engine.begin() as connection:
            action = connection.execute(update.returning(jobs.c.requested_action)).scalar()
        return RequestedAction.CANCEL if action is None else RequestedAction(action)

    def end(self, job: str, state: State, sentence: str, **values: Any) -> bool:
        """Release a job in a new state (ended, paused, waiting, queued); False if it was no longer this worker's."""
        with self.ledger.changing() as connection:
            return self._release(connection, self._mine(job), job, state, sentence, **values)

    def obey(self) -> None:
        """Cancel or pause, as was requested, what this worker was running when it died.

        To be called by the one process that holds the worker's name, before its first heartbeat: who gives signs and
        does not obey is killed.
        """
        mine = sa.and_(jobs.c.worker == self.worker, jobs.c.state == State.RUNNING)
        requested = jobs.select().where(mine, jobs.c.requested_action != RequestedAction.NONE)
        with self.ledger.changing() as connection:
            for row in connection.execute(requested).mappings().all():
                self._write_off(connection, job_of(row))

    def tend(self, *, idle: bool) -> None:
        """Give back what nobody works on: what DBOS holds for a silent worker, and what it has finished or lost.

        To be called from time to time. What this worker itself has left is given back while it is idle. The signs are
        read last, so that what somebody takes at his first sign is not given back for the lack of one.
        """
        with self.ledger.changing() as connection:  # which also calls a first job that an earlier version left
            active = sa.select(jobs.c.id).where(jobs.c.state.in_((State.RUNNING, State.QUEUED)))
            connection.execute(wanted_windows.delete().where(wanted_windows.c.job.not_in(active)))
        began_s = time.monotonic()
        under_way = sa.or_(jobs.c.state == State.RUNNING, jobs.c.is_called)
        query = jobs.select().where(self.ledger.ours, under_way)
        with self.ledger.engine.connect() as connection:
            begun = [job_of(row) for row in connection.execute(query).mappings()]
        kept = self.ledger.workflows.of([workflow(job.id, job.run) for job in begun])
        held = {**kept, **self.ledger.workflows.held(WINDOW, CHUNK)}
        signs = sa.select(workers.c.name).where(workers.c.beat_at > now() - SILENT_S)
        with self.ledger.engine.connect() as connection:
            alive = {self.worker, *connection.execute(signs).scalars()}
        if time.monotonic() - began_s > STALE_S:
            return
        lost = self.ledger.workflows.lost(held, alive, self.worker)
        self.ledger.workflows.give_back([held[id] for id in lost])
        others = alive - {self.worker} if idle else alive
        for job in begun:
            run = kept.get(workflow(job.id, job.run))
            if (run is None or run.is_finished) and job.worker not in others:
                self._queue_again(job)

    def _queue_again(self, job: Job) -> None:
        """Let a job be enqueued anew whose workflow is finished or gone although the job is not."""
        same = sa.and_(jobs.c.id == job.id, jobs.c.run == job.run, jobs.c.state == job.state)
        with self.ledger.changing() as connection:
            changed = connection.execute(jobs.update().where(same).values(is_called=False)).rowcount
            if changed and job.state is State.RUNNING:
                self._write_off(connection, job)

    def _write_off(self, connection: sa.Connection, job: Job) -> bool:
        """Record that the worker of a job died; whether the job goes on, which it does not after three at one spot."""
        same_spot = job.died_at is not None and job.died_at.near(job.spot)
        crashes = job.crashes + 1 if same_spot else 1
        values: dict[str, Any] = {"crashes": crashes, "died_at": job.spot.to_json()}
        where = f"step {job.steps_done + 1} ({job.stage or 'the start'})"
        if job.frame:
            where = f"frame {job.frame} of {where}"
        if job.requested_action:
            after = State.CANCELLED if job.requested_action == RequestedAction.CANCEL else State.PAUSED
            sentence, values = f"It was {after} by ending the worker, which did not listen.", {}
        elif crashes < MOST_CRASHES:
            after, sentence = State.QUEUED, f"The worker died at {where}; the job goes on with what was finished."
        else:
            after, sentence = State.FAILED, f"The worker died {crashes} times in a row at {where}."
            remedy = "Look at the worker's log; a smaller clip or another engine may help. Then retry it."
            values |= {"problem": sentence, "remedy": remedy}
        self._release(connection, jobs.c.id == job.id, job.id, after, sentence, **values)
        return after is State.QUEUED

    def _release(
        self,
        connection: sa.Connection,
        which: sa.ColumnElement[bool],
        job: str,
        state: State,
        sentence: str,
        **values: Any,
    ) -> bool:
        unset = dict.fromkeys(("requested_at", "left_s", "card"))
        values = {"state": state, "requested_action": RequestedAction.NONE, "worker": "", **unset, **values}
        if state.ended:
            values["finished_at"] = time.time()
        changed = connection.execute(jobs.update().where(which).values(**values)).rowcount
        if changed:
            self.ledger.write(connection, job, sentence, "error" if state == State.FAILED else "note")
        return bool(changed)

    def beat(self, pid: int, job: str, device: str = "", use: Use | None = None) -> bool:
        """Send a heartbeat: without one, others are given this worker's job. Returns whether it was asked to leave."""
        values = {"pid": pid, "beat_at": now(), "job": job, "device": device, **asdict(use or Use())}
        beat = workers.update().where(workers.c.name == self.worker).values(**values)
        with self.ledger.engine.begin() as connection:
            is_leaving = connection.execute(beat.returning(workers.c.is_leaving)).scalar()
            if is_leaving is None:
                connection.execute(workers.insert().values(name=self.worker, **values))
        return bool(is_leaving)

    def leave(self) -> None:
        """Delete this worker's heartbeat, so that others are given at once what it could not end."""
        with self.ledger.engine.begin() as connection:
            connection.execute(workers.delete().where(workers.c.name == self.worker))

    def last_sign(self) -> tuple[float, float]:
        """When this worker gave its last sign by the database's clock, and how many seconds ago; 0 and ever without."""
        sign = sa.select(workers.c.beat_at, now() - workers.c.beat_at).where(workers.c.name == self.worker)
        with self.ledger.engine.connect() as connection:
            row = connection.execute(sign).first()
        return (row[0], row[1]) if row else (0.0, inf)

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
