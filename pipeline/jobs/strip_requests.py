"""Requests for strips: frames of a clip to paint, which a worker finds beside the job that runs.

A request is a row under the strip's id, so that many pages may ask for one, and one that is loaded again finds it. It
is deleted when the strip is there; a row that somebody deletes before tells the worker to give up.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from pipeline.jobs.ledger import Ledger
from pipeline.jobs.order import Order
from pipeline.jobs.tables import claim_oldest, now
from pipeline.jobs.tables import strips as table
from utils.errors import ReshootError

MOST_WAITING = 20


class StripError(ReshootError):
    """A strip could not be made."""


@dataclass(frozen=True)
class StripRequest:
    """What was asked for: the order whose frames are to be painted, and frames that are wanted beside the proposed."""

    order: Order
    frames: tuple[int, ...] = ()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "StripRequest":
        """Read a request from the database."""
        return cls(Order.from_json(values["order"]), tuple(values["frames"]))


@dataclass(frozen=True)
class StripProgress:
    """How far a request is; a problem where it failed."""

    worker: str = ""
    """Whoever works on it; empty while it waits."""
    waits_s: float = 0.0
    share: float = 0.0
    stage: str = ""
    left_s: float | None = None
    problem: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class StripRequests:
    """The table of requests in a ledger's database; each home has its own."""

    ledger: Ledger

    def progress(self, id: str) -> StripProgress | None:
        """How far a request is; None if there is none."""
        told = [table.c[name] for name in ("worker", "share", "stage", "left_s", "problem", "remedy")]
        query = sa.select(*told, (now() - table.c.asked_at).label("waits_s")).where(self._this(id))
        with self.ledger.engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        return StripProgress(**row) if row else None

    def ask(self, id: str, request: StripRequest) -> None:
        """Insert a request, unless there is one of this id; StripError if too many wait."""
        asked = {"order": request.order.to_json(), "frames": list(request.frames)}
        waiting = sa.select(sa.func.count()).select_from(table).where(table.c.worker == "", table.c.problem == "")
        with self.ledger.engine.begin() as connection:
            if connection.execute(sa.select(table.c.id).where(self._this(id))).first():
                return
            if connection.execute(waiting).scalar_one() >= MOST_WAITING:
                raise StripError("Many clips are being looked through right now.", "Try again in a minute.")
            values = {"id": id, "request": asked, "home": self.ledger.home}
            connection.execute(table.insert().values(**values, asked_at=now()))

    def take_back(self, id: str) -> None:
        """Delete a request, which also cancels work on it."""
        with self.ledger.engine.begin() as connection:
            connection.execute(table.delete().where(self._this(id)))

    def claim(self, worker: str) -> tuple[str, StripRequest] | None:
        """Claim the oldest request of this home that waits; None if there is none."""
        free = sa.and_(table.c.worker == "", table.c.problem == "", table.c.home == self.ledger.home)
        row = claim_oldest(self.ledger.engine, table, free, worker)
        return (row["id"], StripRequest.from_json(row["request"])) if row else None

    def report(self, id: str, progress: StripProgress) -> bool:
        """Write how far a request is; returns whether it still exists, so that the work is wanted."""
        values = {name: value for name, value in asdict(progress).items() if name not in ("worker", "waits_s")}
        with self.ledger.engine.begin() as connection:
            return connection.execute(table.update().where(self._this(id)).values(**values)).rowcount > 0

    def let_go(self, worker: str) -> None:
        """Let other workers claim what this one works on, because it ends or is gone."""
        with self.ledger.engine.begin() as connection:
            mine = table.update().where(table.c.worker == worker, table.c.problem == "")
            connection.execute(mine.values(worker="", share=0.0, stage="", left_s=None))

    def recover(self, worker: str, problem: StripProgress) -> None:
        """After a crash of this worker, let its requests fail; a retry could crash it again."""
        values = {"problem": problem.problem, "remedy": problem.remedy}
        with self.ledger.engine.begin() as connection:
            connection.execute(table.update().where(table.c.worker == worker, table.c.problem == "").values(**values))

    def _this(self, id: str) -> sa.ColumnElement[bool]:
        return sa.and_(table.c.id == id, table.c.home == self.ledger.home)
