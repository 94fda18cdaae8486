"""Offers parts of a job, windows or chunks, to all workers of a database: each is a durable workflow.

The workflow of a window is named by the key of its result, `key-generation`: two jobs that want the same window wait
for one workflow. Its result travels through the shared cache, where the first valid one counts. A job that ends takes
back what it wanted, and a window that no job wants is stopped.
"""

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipeline.jobs.durable import WAITING, Kept
from pipeline.jobs.job import Job
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.line import CHUNK, CHUNKS, WINDOW
from pipeline.jobs.line import windows as queue_of
from pipeline.jobs.order import Order
from pipeline.jobs.outage import OutageRetry
from pipeline.jobs.tables import wanted_windows as wanted
from pipeline.jobs.tables import window_starts as starts
from pipeline.jobs.workers.window_maker import KILLED, MADE, MOST_STARTS, arrived
from pipeline.library import shared_files
from utils.errors import ReshootError
from utils.key import Key
from utils.progress import Cancel
from utils.store import Store
from utils.store.shared.trouble import ObjectError
from utils.store.shared.worth import Worth

POLL_S = 0.2


class WindowError(ReshootError):
    """A window cannot be made by any worker."""


@dataclass
class OfferedWindows:
    """The windows of one job as they are offered to all workers; a run waits for them (`pipeline.stage.Spread`)."""

    ledger: Ledger
    job: Job
    home: Path
    store: Store
    cancel: Cancel
    retry: OutageRetry
    queues: Collection[str]
    """Those that the worker of the job takes windows from: what is put into another one may wait for ever."""
    _workflows: dict[int, str] = field(default_factory=dict)
    _part: str = "Window"
    """What people call its parts."""
    _waited_s: float = 0.0
    _waits_since_s: float | None = None

    def offer(self, parts: Mapping[int, Key], settings: Mapping[str, Any], /, needs: str = "") -> None:
        """Enqueue what is not in the cache, once all that leads to it can be found by other machines."""
        lacking = {index: key for index, key in parts.items() if not self.store.holds(key)}
        order = replace(self.job.order, owner="", settings={**self.job.order.settings, **settings})
        self._part = "Window" if needs else "Chunk"
        if needs and queue_of(needs) not in self.queues:
            self._tell(
                f"Other workers make no window of it: this one was started before {needs} was here. Start it again."
            )
        elif lacking and self._can_be_found(order):
            self._enqueue_all(order, lacking, needs)
        if self.store.sharing:  # what comes after the windows is offered where it is worth it: nobody waits for it
            self.store.sharing.offering = Worth()

    def _enqueue_all(self, order: Order, lacking: Mapping[int, Key], needs: str) -> None:
        for index, key in lacking.items():
            enqueue = partial(self._enqueue, order, index, key.digest, needs)
            self._workflows[index] = self.retry.until_done(enqueue)

    def wait(self, window: int) -> None:
        """Return when a window was made, or was left to this run; WindowError when it killed whoever tried."""
        if (id := self._workflows.get(window)) is None:
            return
        with self._waiting():
            while (kept := self._kept(id)) and not kept.is_finished:
                self.cancel.wait(POLL_S)
        if kept and kept.output == KILLED:
            problem = f"{self._part} {window + 1} has ended {MOST_STARTS} workers."
            raise WindowError(problem, "Look at their logs; a smaller clip or another engine may help. Then retry it.")
        if kept and kept.output != MADE:
            why = kept.output or "Another machine failed at it."
            self.retry.until_done(lambda: self._tell(f"{self._part} {window + 1} is left to this job: {why}"))

    @property
    def is_waiting(self) -> bool:
        """Whether the run waits for a window now."""
        return self._waits_since_s is not None

    @property
    def waited_s(self) -> float:
        """For how long the run has waited for windows."""
        since_s = self._waits_since_s
        return self._waited_s + (time.monotonic() - since_s if since_s is not None else 0.0)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        self._waits_since_s = time.monotonic()
        try:
            yield
        finally:
            self._waited_s, self._waits_since_s = self.waited_s, None

    def _kept(self, id: str) -> Kept | None:
        return self.retry.until_done(lambda: self.ledger.workflows.of([id])).get(id)

    def close(self) -> None:
        """Take back what the job wanted; what nobody else wants is stopped, or not begun."""
        with self.ledger.engine.begin() as connection:
            connection.execute(wanted.delete().where(wanted.c.job == self.job.id))
            still = set(connection.execute(sa.select(wanted.c.window)).scalars())
        found = self.ledger.workflows.of(list(self._workflows.values()))
        unneeded = [id for id, kept in found.items() if kept.status == WAITING and _window(id) not in still]
        self.ledger.workflows.drop(unneeded)

    def _tell(self, sentence: str) -> None:
        with self.ledger.engine.begin() as connection:
            self.ledger.write(connection, self.job.id, sentence)

    def _can_be_found(self, order: Order) -> bool:
        """Whether all that leads to the windows is in the shared cache; without it, nobody else makes any."""
        try:
            shared_files.offer(self.home, order.digests, self.store.folder, self.cancel)
        except ObjectError:
            return False  # which the run's own use of the place tells
        return arrived(self.store)

    def _enqueue(self, order: Order, index: int, window: str, needs: str) -> str:
        """The workflow that makes a window: one that is under way, or the next generation."""
        queue, name = (queue_of(needs), WINDOW) if needs else (CHUNKS, CHUNK)
        earlier = self.ledger.workflows.beginning(window)
        under_way = [id for id, kept in earlier.items() if not kept.is_finished]
        id = under_way[0] if under_way else f"{window}-{_next_generation(earlier)}"
        with self.ledger.engine.begin() as connection:
            connection.execute(wanted.delete().where(wanted.c.window == window, wanted.c.job == self.job.id))
            connection.execute(wanted.insert().values(window=window, job=self.job.id))
            if not under_way:
                connection.execute(starts.delete().where(starts.c.window == window))
                self.ledger.workflows.enqueue(connection, queue, name, id, order.to_json(), index, window)
        return id


def _window(workflow: str) -> str:
    return workflow.rpartition("-")[0]


def _next_generation(earlier: Mapping[str, Kept]) -> int:
    return 1 + max((int(id.rpartition("-")[2]) for id in earlier), default=0)
