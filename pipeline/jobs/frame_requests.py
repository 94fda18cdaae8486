"""Requests for frames that a worker answers beside the job that runs: a preview of one, a strip of those to paint.

A request is a row. The web process polls it for its answer and then deletes it; a row that is deleted before tells the
worker that nobody waits any more. Beside an SQLite ledger the rows have a file of their own, whose writes are not
synced to the disk: nothing is lost with it, and syncing took most of a preview's time.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipeline.jobs.ledger import Ledger
from pipeline.jobs.order import Order
from pipeline.jobs.tables import frame_requests as table
from pipeline.jobs.tables import now
from utils.errors import ReshootError

FILE = "frame_requests.sqlite"
PREVIEW, STRIP = "preview", "strip"
"""What can be asked for."""
SETTLED_NS = 50_000_000
"""Times of files are told in steps of some milliseconds."""
KEPT_S = 600.0
"""Age at which answers are deleted whose process died before it could delete them."""
MOST_WAITING = 20


class FrameRequestError(ReshootError):
    """Frames could not be made."""


@dataclass(frozen=True)
class FrameRequest:
    """What was asked for: the order that would finish the clip, and which of its frames."""

    order: Order
    at: float | None = None
    """Position in the clip of the one to preview, 0 to 1; None lets the analysis choose."""
    frames: tuple[int, ...] = ()
    """Frames to paint that are wanted beside the proposed ones."""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "FrameRequest":
        """Read a request from the database."""
        return cls(Order.from_json(values["order"]), values["at"], tuple(values["frames"]))

    def to_json(self) -> dict[str, Any]:
        """Plain values for the database."""
        return {"order": self.order.to_json(), "at": self.at, "frames": list(self.frames)}


@dataclass(frozen=True)
class Standing:
    """How a request stands."""

    worker: str = ""
    """Whoever works on it; empty while it waits."""
    waits_s: float = 0.0
    share: float = 0.0
    stage: str = ""
    left_s: float | None = None


@dataclass(frozen=True)
class FrameRequests:
    """The requests of one sort, previews or strips, in a ledger's database; each home has its own."""

    ledger: Ledger
    what: str

    @cached_property
    def engine(self) -> sa.Engine:
        """Where the rows are."""
        beside = self.ledger.database.file
        return self.ledger.engine if beside is None else _own_file(beside.with_name(FILE))

    @property
    def poll_s(self) -> float:
        """How often a worker looks for requests: a file of this machine costs nothing, many workers ask a server."""
        return 0.1 if self.ledger.database.file else 0.4

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

    def ask(self, id: str, request: FrameRequest) -> None:
        """Insert a request, unless there is one of this id; FrameRequestError if too many wait."""
        values = {"id": id, "what": self.what, "home": self.ledger.home, "request": request.to_json()}
        waiting = sa.select(sa.func.count()).select_from(table).where(self._unanswered, table.c.worker == "")
        with self.engine.begin() as connection:
            if connection.execute(sa.select(table.c.id).where(self._this(id))).first():
                return
            if connection.execute(waiting).scalar_one() >= MOST_WAITING:
                raise FrameRequestError("Many frames are being asked for right now.", "Try again in a minute.")
            connection.execute(table.insert().values(**values, asked_at=now()))

    def answer(self, id: str) -> dict[str, Any] | None:
        """The worker's answer; None until there is one."""
        with self.engine.connect() as connection:
            answer = connection.execute(sa.select(table.c.answer).where(self._this(id))).scalar()
        return None if answer is None else dict(answer)

    def standing(self, id: str) -> Standing | None:
        """How a request stands; None if there is none."""
        names = ("worker", "share", "stage", "left_s")
        query = sa.select(*(table.c[name] for name in names), (now() - table.c.asked_at).label("waits_s"))
        with self.engine.connect() as connection:
            row = connection.execute(query.where(self._this(id))).mappings().first()
        return Standing(**row) if row else None

    def take_back(self, id: str) -> None:
        """Delete a request, which also cancels work on it."""
        with self.engine.begin() as connection:
            connection.execute(table.delete().where(self._this(id)))

    def claim(self, worker: str) -> tuple[str, FrameRequest] | None:
        """Claim the oldest request that waits, for a worker; where there is none nothing is locked."""
        free = sa.and_(self._unanswered, table.c.worker == "")
        oldest = sa.select(table.c.id).where(free).order_by(table.c.asked_at).limit(1)
        with self.engine.connect() as connection:
            if connection.execute(oldest).first() is None:
                return None
        taken = table.update().where(table.c.id == oldest.with_for_update(skip_locked=True).scalar_subquery(), free)
        with self.engine.begin() as connection:
            row = connection.execute(taken.values(worker=worker).returning(table)).mappings().first()
        return (row["id"], FrameRequest.from_json(row["request"])) if row else None

    def report(self, id: str, standing: Standing | None = None) -> bool:
        """Write how far a request is; returns whether it still exists, so that somebody waits for it."""
        if standing is None:
            return self.standing(id) is not None
        values = {"share": standing.share, "stage": standing.stage, "left_s": standing.left_s}
        with self.engine.begin() as connection:
            return connection.execute(table.update().where(self._this(id)).values(**values)).rowcount > 0

    def store_answer(self, id: str, answer: Mapping[str, Any]) -> None:
        """Store the answer of a request."""
        with self.engine.begin() as connection:
            connection.execute(table.update().where(self._this(id)).values(answer=dict(answer)))

    def let_go(self, worker: str) -> None:
        """Let other workers claim what this one works on, because it ends or is gone."""
        with self.engine.begin() as connection:
            mine = table.update().where(self._unanswered, table.c.worker == worker)
            connection.execute(mine.values(worker="", share=0.0, stage="", left_s=None))

    def recover(self, worker: str, answer: Mapping[str, Any]) -> None:
        """After a crash of this worker, answer its requests with an error; a retry could crash it again."""
        with self.engine.begin() as connection:
            mine = table.update().where(self._unanswered, table.c.worker == worker)
            connection.execute(mine.values(answer=dict(answer)))
            connection.execute(table.delete().where(table.c.answer.is_not(None), table.c.asked_at < now() - KEPT_S))

    @property
    def _ours(self) -> sa.ColumnElement[bool]:
        return sa.and_(table.c.what == self.what, table.c.home == self.ledger.home)

    @property
    def _unanswered(self) -> sa.ColumnElement[bool]:
        return sa.and_(self._ours, table.c.answer.is_(None))

    def _this(self, id: str) -> sa.ColumnElement[bool]:
        return sa.and_(self._ours, table.c.id == id)


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
