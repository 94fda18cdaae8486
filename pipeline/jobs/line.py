"""The line: of all queued jobs of a home, the first is a durable workflow that some worker of that home will run.

People reorder, pause and edit jobs, and the place of a workflow of DBOS cannot be changed. So only the first job is
enqueued, as the workflow `job-run`; when it is begun, or is not the first any more, the next one is.
"""

import sqlalchemy as sa

from pipeline.jobs.durable import Workflows
from pipeline.jobs.job import State
from pipeline.jobs.tables import jobs

WORKFLOW = "job"
WINDOW, CHUNK = "window", "chunk"
"""The workflows of parts of jobs, which workers of all homes make."""
CHUNKS = "chunks"
"""The queue of chunks of films, which want the processor: no window, which wants the card, waits for one."""


def queue(home: str) -> str:
    """The queue of a home's jobs: its worker has their files. Of an SQLite ledger there is one home, without a mark."""
    return f"jobs {home}".strip()


def windows(needs: str) -> str:
    """The queue of windows that need this engine or checkpoint: only workers that have it take some."""
    return f"windows {needs}"


def workflow(job: str, run: int) -> str:
    """The id of the workflow of a run of a job."""
    return f"{job}-{run}"


def call(connection: sa.Connection, workflows: Workflows, home: str) -> list[str]:
    """Enqueue the first queued job unless it is, as part of a transaction; returns workflows that nobody needs."""
    ours = jobs.c.home == home
    queued = sa.select(jobs.c.id, jobs.c.run, jobs.c.is_called).where(ours, jobs.c.state == State.QUEUED)
    first = connection.execute(queued.order_by(jobs.c.position, jobs.c.created_at).limit(1)).first()
    others = jobs.update().where(ours, jobs.c.is_called, jobs.c.id != (first.id if first else ""))
    unneeded = connection.execute(others.values(is_called=False).returning(jobs.c.id, jobs.c.run)).all()
    if first and not first.is_called:
        run = first.run + 1
        connection.execute(jobs.update().where(jobs.c.id == first.id).values(run=run, is_called=True))
        workflows.enqueue(connection, queue(home), WORKFLOW, workflow(first.id, run), first.id, run)
    return [workflow(*each) for each in unneeded]


def in_hand(workflows: Workflows) -> dict[str, list[str]]:
    """What parts each worker makes now: "window", "chunk"."""
    making = dict[str, list[str]]()
    for each in workflows.held(WINDOW, CHUNK).values():
        making.setdefault(each.worker, []).append(each.name)
    return making
