"""Frame previews: requests for one finished frame, answered by the worker, which has all code and models loaded.

A request is a row of the ledger's database. The web process polls the row for its answer and then deletes it; a
deleted row tells the worker that nobody waits for the answer any more. Beside an SQLite ledger the rows have a file of
their own, whose writes are not synced to the disk: nothing is lost with it, and syncing took most of a preview's time.
"""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipeline.jobs.ledger import Ledger
from pipeline.jobs.order import Order
from pipeline.jobs.tables import claim_oldest, now
from pipeline.jobs.tables import frame_previews as table

FILE = "frame_previews.sqlite"
SETTLED_NS = 50_000_000
"""Times of files are told in steps of some milliseconds."""
KEPT_S = 600.0
"""Age at which rows are deleted whose process died before it could delete them."""


@dataclass(frozen=True)
class PreviewRequest:
    """One requested frame: the order that would finish it, and the moment."""

    order: Order
    at: float | None = None
    """Position in the clip, 0 to 1; None lets the analysis choose."""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "PreviewRequest":
        """Read a request from the database."""
        return cls(Order.from_json(values["order"]), values["at"])

    def to_json(self) -> dict[str, Any]:
        """Plain values for the database."""
        return {"order": self.order.to_json(), "at": self.at}


@dataclass(frozen=True)
class FramePreviews:
    """The table of preview requests in a ledger's database."""

    ledger: Ledger

    @cached_property
    def engine(self) -> sa.Engine:
        """Where the rows are."""
        beside = self.ledger.database.file
        return self.ledger.engine if beside is None else _own_file(beside.with_name(FILE))

    def written_ns(self) -> int | None:
        """When a row was last written; None where that is not known, or so lately that more may follow unseen."""
        beside = self.ledger.database.file
        if beside is None:
            return None
        try:
            at_ns = beside.with_name(FILE).stat().st_mtime_ns
        except OSError:
            return None
        return at_ns if time.time_ns() - at_ns > SETTLED_NS else None

    def ask(self, request: PreviewRequest) -> str:
        """Insert a request; returns its id."""
        id = secrets.token_hex(12)
        with self.engine.begin() as connection:
            values = {"id": id, "request": request.to_json(), "asked_at": now(), "worker": "", "home": self.ledger.home}
            connection.execute(table.insert().values(**values))
        return id

    def answer(self, id: str) -> dict[str, Any] | None:
        """The worker's answer; None until there is one."""
        with self.engine.connect() as connection:
            answer = connection.execute(sa.select(table.c.answer).where(table.c.id == id)).scalar()
        return None if answer is None else dict(json.loads(answer))

    def take_back(self, id: str) -> None:
        """Delete a request, which also cancels work on it."""
        with self.engine.begin() as connection:
            connection.execute(table.delete().where(table.c.id == id))

    def claim(self, worker: str) -> tuple[str, PreviewRequest] | None:
        """Claim the oldest unclaimed request of this home for this worker; None if there is none."""
        free = sa.and_(table.c.worker == "", table.c.answer.is_(None), table.c.home == self.ledger.home)
        row = claim_oldest(self.engine, table, free, worker)
        return (row["id"], PreviewRequest.from_json(row["request"])) if row else None

    def is_wanted(self, id: str) -> bool:
        """Whether a request still exists, so that somebody waits for its answer."""
        with self.engine.connect() as connection:
            return connection.execute(sa.select(table.c.id).where(table.c.id == id)).first() is not None

    def store_answer(self, id: str, answer: Mapping[str, Any]) -> None:
        """Store the answer of a request."""
        with self.engine.begin() as connection:
            connection.execute(table.update().where(table.c.id == id).values(answer=json.dumps(answer)))

    def recover(self, worker: str, answer: Mapping[str, Any]) -> None:
        """After a crash of this worker, answer its claimed requests with an error; a retry could crash it again."""
        mine = sa.and_(table.c.worker == worker, table.c.answer.is_(None))
        with self.engine.begin() as connection:
            connection.execute(table.update().where(mine).values(answer=json.dumps(answer)))
            connection.execute(table.delete().where(table.c.asked_at < now() - KEPT_S))


def _own_file(file: Path) -> sa.Engine:
    """A file that is made whenever it is missing."""
    engine = sa.create_engine(f"sqlite:///{file}", poolclass=sa.NullPool)
    made = str(sa.schema.CreateTable(table, if_not_exists=True).compile(engine))

    def configure(connection: Any, record: object) -> None:
        connection.isolation_level = "IMMEDIATE"
        for each in ("PRAGMA busy_timeout=30000", "PRAGMA synchronous=OFF", made):
            connection.execute(each)

    sa.event.listen(engine, "connect", configure)
    return engine
