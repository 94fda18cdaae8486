"""Orders and jobs for tests."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from pipeline.jobs.job import Job
from pipeline.jobs.order import Order
from pipeline.jobs.tables import jobs
from pipeline.jobs.workers.worker_ledger import WorkerLedger
from pipeline.restyle.kind import KIND


def restyle_order(
    clip: str, title: str, settings: Mapping[str, Any] | None = None, preset: str = "balanced", owner: str = "",
    batch: str = "",
) -> Order:  # fmt: skip
    """An order to restyle a clip, which is a digest or a path; its settings may be wrong."""
    rest, files = KIND.without_files(settings or {})
    return Order(KIND.name, {"clip": clip, **files}, title, rest, preset, owner, batch)


def begin_next(worker: WorkerLedger) -> Job | None:
    """Begin the job whose turn it is, as DBOS has a worker do; None if there is none or another worker was first."""
    with worker.ledger.engine.connect() as connection:
        called = connection.execute(sa.select(jobs.c.id, jobs.c.run).where(jobs.c.is_called)).first()
    return worker.begin(*called) if called else None
