"""Windows of jobs that any worker of a database may make, whatever its home: each is a durable workflow.

The workflow of a window is named by the key of its result, `key-generation`: two jobs that want the same window wait
for one workflow. Its result travels through the shared cache, where the first valid one counts. A job that ends takes
back what it wanted, and a window that no job wants is stopped.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipeline.engines.device import this_device
from pipeline.engines.sessions import Sessions
from pipeline.jobs.costs import card_price
from pipeline.jobs.database import Outage
from pipeline.jobs.durable import WAITING, Kept
from pipeline.jobs.job import Job
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.line import CHUNK, CHUNKS, WINDOW
from pipeline.jobs.line import windows as queue_of
from pipeline.jobs.order import Order
from pipeline.jobs.outage import OutageRetry
from pipeline.jobs.tables import wanted_windows as wanted
from pipeline.jobs.tables import window_starts as starts
from pipeline.jobs.tables import window_work as work
from pipeline.jobs.worker_ledger import STALE_S
from pipeline.library import inputs, shared_files
from pipeline.stage import RunContext
from utils.digest import is_digest
from utils.errors import Cancelled, ReshootError
from utils.key import Key
from utils.progress import Cancel, repeating
from utils.store import Store
from utils.store.shared.opening import open_store
from utils.store.shared.trouble import ObjectError
from utils.store.shared.worth import Worth

log = logging.getLogger(__name__)

POLL_S, PULSE_S = 0.2, 0.5
MOST_STARTS = 3
"""A window that was begun so often and never finished ends its job: it has killed that many workers."""
ARRIVE_S = 600.0
"""How long what a run has made may take to reach the shared cache."""
MADE, KILLED, UNWANTED = "made", "killed", "unwanted"


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
            shared_files.offer(self.home, _files(order), self.store.folder, self.cancel)
        except ObjectError:
            return False  # which the run's own use of the place tells
        return _arrived(self.store)

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


class Watch(Cancel):
    """Cancels the making of a window as soon as it is not needed here, by a look at the database twice a second.

    A process that was frozen looks before it goes on: its window may have been given to another worker meanwhile.
    """

    def __init__(self, is_needed: Callable[[], bool]) -> None:
        super().__init__()
        self._is_needed, self._looked_s = is_needed, time.monotonic()

    def look(self) -> bool:
        """Look now; during an outage the work goes on."""
        with suppress(Outage):
            if not self._is_needed():
                self.ask()
        self._looked_s = time.monotonic()
        return not self._asked.is_set()

    @property
    def asked(self) -> bool:
        """Whether it is to stop."""
        return self._asked.is_set() or (time.monotonic() - self._looked_s > STALE_S and not self.look())


@dataclass(frozen=True)
class WindowMaker:
    """A worker's part in windows: makes them one at a time, each as the run of its job would."""

    ledger: Ledger
    home: Path
    sessions: Sessions
    stopping: threading.Event
    retry: OutageRetry
    is_mine: Callable[[sa.Connection], bool]
    """Whether this worker still has what it began to make, and keeps it until the transaction ends."""
    worker: str = ""

    def make(self, order: Mapping[str, Any], index: int, window: str) -> str:
        """Make a window; returns what became of it."""
        if not self.retry.until_done(lambda: self._is_needed(window)):
            return UNWANTED
        start = secrets.token_hex(8)
        times = self.retry.until_done(lambda: self._started(window, start))
        if not 0 < times <= MOST_STARTS:
            return KILLED if times else UNWANTED
        began_s = time.monotonic()

        watch = Watch(lambda: not self.stopping.is_set() and self.retry.once(lambda: self._is_needed(window)))
        try:
            with repeating("window watch", PULSE_S, watch.look):
                said = self._make(Order.from_json(order), index, window, watch)
        except Cancelled:
            said = UNWANTED
        except Exception as error:
            log.warning("Window %d of another machine's job was not made here.", index + 1, exc_info=error)
            said = str(error)
        if not self.stopping.is_set():
            took_s = time.monotonic() - began_s if said == MADE else None
            self.retry.until_done(lambda: self._ended(window, start, took_s))
        return said

    def _make(self, order: Order, index: int, window: str, cancel: Cancel) -> str:
        store = open_store(self.home, owner=f"window-{window}", all=True)
        shared_files.fetch(self.home, _files(order), store.folder, cancel)
        kind, task, settings = order.task(self.home)
        assert kind.part, "only kinds with parts offer any"
        made = kind.part(task, RunContext(store, settings, cancel=cancel, sessions=self.sessions), index)
        if not _arrived(store):
            return "What this machine made does not reach the shared cache."
        return MADE if made == window else "This machine makes it in another way: its versions or its card differ."

    def _is_needed(self, window: str) -> bool:
        """Whether some job wants a window, and wants it of this worker."""
        with self.ledger.engine.connect() as connection:
            wants = connection.execute(sa.select(wanted.c.job).where(wanted.c.window == window)).first()
            return wants is not None and self.is_mine(connection)

    def _started(self, window: str, start: str) -> int:
        """Count one more beginning, once however often it is told; returns how many did not end, 0 if it was lost."""
        this, again = starts.c.window == window, starts.c.last == start
        count = starts.update().where(this).values(times=starts.c.times + sa.case((again, 0), else_=1), last=start)
        try:
            with self.ledger.engine.begin() as connection:
                if not self.is_mine(connection):
                    return 0
                times: int | None = connection.execute(count.returning(starts.c.times)).scalar()
                if times is None:
                    connection.execute(starts.insert().values(window=window, times=1, last=start))
                return times or 1
        except sa.exc.IntegrityError:  # another worker, which it was given to meanwhile, has begun just now
            return self._started(window, start)

    def _ended(self, window: str, start: str, took_s: float | None) -> None:
        """Forget the beginnings, unless the window was lost, and note what it took if it was made.

        That counts for one of the jobs that want it.
        """
        with self.ledger.engine.begin() as connection:
            if not self.is_mine(connection):
                return
            connection.execute(starts.delete().where(starts.c.window == window, starts.c.last == start))
            job = connection.execute(sa.select(sa.func.min(wanted.c.job)).where(wanted.c.window == window)).scalar()
            if took_s is not None and job:
                about = {"worker": self.worker, "device": str(this_device()), "price": card_price()}
                connection.execute(work.delete().where(work.c.window == window, work.c.job == job))
                connection.execute(work.insert().values(window=window, job=job, seconds=round(took_s, 3), **about))


def _files(order: Order) -> set[str]:
    """The digests of all files that an order names."""
    named = {value for value in order.inputs.values() if is_digest(value)}
    return {*named, *inputs.mentioned(order.settings)}


def _arrived(store: Store) -> bool:
    """Wait until what a run has made is in the shared cache; False when not all of it is."""
    sharing = store.sharing
    if sharing is None:
        return False
    sharing.flush(ARRIVE_S)
    return sharing.is_whole


def _window(workflow: str) -> str:
    return workflow.rpartition("-")[0]


def _next_generation(earlier: Mapping[str, Kept]) -> int:
    return 1 + max((int(id.rpartition("-")[2]) for id in earlier), default=0)
