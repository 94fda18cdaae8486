"""The board: a snapshot of the ledger for one page, with running jobs, the head of the queue, and jobs that ended."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from pipeline.jobs.job import Job, State, WorkerSign
from pipeline.jobs.ledger import IN_LINE, Ledger
from pipeline.jobs.tables import job_of, jobs, read_signs

ENDED = tuple(state for state in State if state.ended)


@dataclass(frozen=True)
class Batch:
    """Summary of jobs that were submitted together."""

    share: float
    """Mean progress of its jobs, 0..1."""
    counts: Mapping[State, int]


@dataclass(frozen=True)
class Board:
    """Running jobs, then queued ones in order, then ended ones, newest first; `counts` includes jobs not shown."""

    jobs: tuple[Job, ...]
    counts: Mapping[State, int]
    batches: Mapping[str, Batch]
    workers: tuple[WorkerSign, ...]


def read_board(ledger: Ledger, most_in_line: int, most_ended: int) -> Board:
    """Read the board from the database, with at most so many queued and ended jobs."""
    order = (jobs.c.position, jobs.c.created_at)
    queries = (
        jobs.select().where(jobs.c.state == State.RUNNING).order_by(*order),
        jobs.select().where(jobs.c.state.in_(IN_LINE)).order_by(*order).limit(most_in_line),
        jobs.select().where(jobs.c.state.in_(ENDED)).order_by(jobs.c.finished_at.desc()).limit(most_ended),
    )
    with ledger.engine.connect() as connection:
        shown = tuple(job_of(row) for query in queries for row in connection.execute(query).mappings())
        counts = connection.execute(sa.select(jobs.c.state, sa.func.count()).group_by(jobs.c.state)).all()
        signs = tuple(read_signs(connection))
        batches = _batches(connection, {job.order.batch for job in shown if not job.state.ended} - {""})
    return Board(shown, {State(state): count for state, count in counts}, batches, signs)


def _batches(connection: sa.Connection, names: set[str]) -> dict[str, Batch]:
    """Summaries of these batches, counting also the jobs that the board does not show."""
    if not names:
        return {}
    name = jobs.c.order["batch"].as_string()
    query = sa.select(name, jobs.c.state, sa.func.count(), sa.func.sum(jobs.c.share)).group_by(name, jobs.c.state)
    by_batch: dict[str, dict[State, tuple[int, float]]] = {}
    for batch, state, count, share in connection.execute(query.where(name.in_(names))):
        by_batch.setdefault(batch, {})[State(state)] = (count, count if State(state).ended else share)
    return {batch: _batch(by_state) for batch, by_state in by_batch.items()}


def _batch(by_state: Mapping[State, tuple[int, float]]) -> Batch:
    total = sum(count for count, _ in by_state.values())
    share = sum(share for _, share in by_state.values()) / total
    return Batch(share, {state: count for state, (count, _) in by_state.items()})
