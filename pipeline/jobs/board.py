"""The board: a snapshot of a home's jobs for one page: running jobs, the head of the queue, and jobs that ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from pipeline.jobs.costs import WindowWork, read_window_work
from pipeline.jobs.job import Job, State, WorkerSign
from pipeline.jobs.ledger import IN_LINE, Ledger
from pipeline.jobs.tables import job_of, jobs, read_signs

ENDED = tuple(state for state in State if state.ended)


@dataclass(frozen=True)
class Batch:
    """Summary of jobs that were submitted together."""

    name: str
    """For people; empty for those of earlier versions."""
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
    windows: Mapping[str, Sequence[WindowWork]]
    """Who made windows of the jobs that are shown."""


def read_board(ledger: Ledger, most_in_line: int, most_ended: int) -> Board:
    """Read the board from the database, with at most so many queued and ended jobs."""
    order = (jobs.c.position, jobs.c.created_at)
    queries = (
        jobs.select().where(ledger.ours, jobs.c.state == State.RUNNING).order_by(*order),
        jobs.select().where(ledger.ours, jobs.c.state.in_(IN_LINE)).order_by(*order).limit(most_in_line),
        jobs.select().where(ledger.ours, jobs.c.state.in_(ENDED)).order_by(jobs.c.finished_at.desc()).limit(most_ended),
    )
    with ledger.engine.connect() as connection:
        shown = tuple(job_of(row) for query in queries for row in connection.execute(query).mappings())
        by_state = sa.select(jobs.c.state, sa.func.count()).where(ledger.ours).group_by(jobs.c.state)
        counts = connection.execute(by_state).all()
        signs = tuple(read_signs(connection))
        batches = _batches(connection, {job.order.batch for job in shown} - {""})
        made = read_window_work(connection, [job.id for job in shown])
    return Board(shown, {State(state): count for state, count in counts}, batches, signs, made)


def _batches(connection: sa.Connection, names: set[str]) -> dict[str, Batch]:
    """Summaries of these batches, counting also the jobs that the board does not show."""
    if not names:
        return {}
    batch, name = (jobs.c.order[key].as_string() for key in ("batch", "batch_name"))
    columns = batch, jobs.c.state, sa.func.count(), sa.func.sum(jobs.c.share), sa.func.max(name)
    called: dict[str, str] = {}
    by_batch: dict[str, dict[State, tuple[int, float]]] = {}
    query = sa.select(*columns).where(batch.in_(names)).group_by(batch, jobs.c.state)
    for id, state, count, share, its_name in connection.execute(query):
        by_batch.setdefault(id, {})[State(state)] = (count, count if State(state).ended else share)
        called[id] = its_name or called.get(id, "")
    return {id: _batch(called[id], by_state) for id, by_state in by_batch.items()}


def _batch(name: str, by_state: Mapping[State, tuple[int, float]]) -> Batch:
    total = sum(count for count, _ in by_state.values())
    share = sum(share for _, share in by_state.values()) / total
    return Batch(name, share, {state: count for state, (count, _) in by_state.items()})
