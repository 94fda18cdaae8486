"""Frame previews: one finished frame that somebody waits for, asked of the worker, which has everything loaded already.

A request is a row of the ledger's database. Whoever asked looks for its answer and takes the row away; a row that is
gone is a request that nobody waits for any more.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from pipeline.jobs.ledger import Ledger
from pipeline.jobs.tables import frame_previews as table
from pipeline.jobs.tables import now

KEPT_S = 600.0
"""Rows of processes that died without taking their request back."""


@dataclass(frozen=True)
class PreviewRequest:
    """What is to be seen: a clip, the settings that it is to be finished with, and which moment of it."""

    clip: str
    preset: str
    settings: Mapping[str, Any]
    at: float | None = None
    """0 to 1 of the clip; None leaves the choice to what is seen."""


@dataclass(frozen=True)
class FramePreviews:
    """The requests in a ledger's database."""

    ledger: Ledger

    def ask(self, request: PreviewRequest) -> str:
        """A new request; returns its id."""
        id = secrets.token_hex(12)
        with self.ledger.engine.begin() as connection:
            connection.execute(table.insert().values(id=id, request=asdict(request), asked_at=now(), worker=""))
        return id

    def answer(self, id: str) -> dict[str, Any] | None:
        """What the worker found out; None as long as it is not done."""
        with self.ledger.engine.connect() as connection:
            answer = connection.execute(sa.select(table.c.answer).where(table.c.id == id)).scalar()
        return None if answer is None else dict(json.loads(answer))

    def take_back(self, id: str) -> None:
        """Nobody waits for it any more."""
        with self.ledger.engine.begin() as connection:
            connection.execute(table.delete().where(table.c.id == id))

    def claim(self, worker: str) -> tuple[str, PreviewRequest] | None:
        """The oldest request that nobody works on; it is this worker's from now on."""
        free = sa.and_(table.c.worker == "", table.c.answer.is_(None))
        oldest = sa.select(table.c.id).where(free).order_by(table.c.asked_at).limit(1)
        with self.ledger.engine.connect() as connection:
            if connection.execute(oldest).first() is None:
                return None
        taken = table.update().where(table.c.id == oldest.with_for_update(skip_locked=True).scalar_subquery(), free)
        with self.ledger.engine.begin() as connection:
            row = connection.execute(taken.values(worker=worker).returning(table)).mappings().first()
        return (row["id"], PreviewRequest(**row["request"])) if row else None

    def is_wanted(self, id: str) -> bool:
        """Whether somebody still waits for it."""
        with self.ledger.engine.connect() as connection:
            return connection.execute(sa.select(table.c.id).where(table.c.id == id)).first() is not None

    def tell(self, id: str, answer: Mapping[str, Any]) -> None:
        """The answer, for whoever waits."""
        with self.ledger.engine.begin() as connection:
            connection.execute(table.update().where(table.c.id == id).values(answer=json.dumps(answer)))

    def recover(self, worker: str, answer: Mapping[str, Any]) -> None:
        """Answer what this worker had in hand when it died; trying it again could end it again."""
        mine = sa.and_(table.c.worker == worker, table.c.answer.is_(None))
        with self.ledger.engine.begin() as connection:
            connection.execute(table.update().where(mine).values(answer=json.dumps(answer)))
            connection.execute(table.delete().where(table.c.asked_at < now() - KEPT_S))
