"""Makes parts of jobs, windows of clips and chunks of films, for the runs of jobs of any home.

What a worker has begun may be given to another one while it stands still. So it looks before it writes.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipeline.engines.device import this_device
from pipeline.engines.sessions import Sessions
from pipeline.jobs.costs import card_price
from pipeline.jobs.database import Outage
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.order import Order
from pipeline.jobs.outage import OutageRetry
from pipeline.jobs.tables import wanted_windows as wanted
from pipeline.jobs.tables import window_starts as starts
from pipeline.jobs.tables import window_work as work
from pipeline.jobs.workers.worker_ledger import STALE_S
from pipeline.library import shared_files
from pipeline.stage import RunContext
from utils.errors import Cancelled
from utils.progress import Cancel, repeating
from utils.store import Store
from utils.store.shared.opening import open_store

log = logging.getLogger(__name__)

PULSE_S = 0.5
MOST_STARTS = 3
"""A window that was begun so often and never finished ends its job: it has killed that many workers."""
ARRIVE_S = 600.0
"""How long what a run has made may take to reach the shared cache."""
MADE, KILLED, UNWANTED = "made", "killed", "unwanted"


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
        shared_files.fetch(self.home, order.digests, store.folder, cancel)
        kind, task, settings = order.task(self.home)
        assert kind.part, "only kinds with parts offer any"
        made = kind.part(task, RunContext(store, settings, cancel=cancel, sessions=self.sessions), index)
        if not arrived(store):
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


def arrived(store: Store) -> bool:
    """Wait until what a run has made is in the shared cache; False when not all of it is."""
    sharing = store.sharing
    if sharing is None:
        return False
    sharing.flush(ARRIVE_S)
    return sharing.is_whole
