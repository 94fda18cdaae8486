"""Background: one thread that writes to the shared cache, so that no run waits for it."""

import logging
import queue
import threading
import time
from collections.abc import Callable

from utils.errors import Cancelled
from utils.progress import Cancel

log = logging.getLogger(__name__)

MOST_WAITING = 256
"""What comes while so much waits is left out."""
POLL_S = 0.05

Task = Callable[[Cancel], None]


class Background:
    """Does tasks one after the other, in a thread that starts with the first one."""

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self._waiting: queue.Queue[Task] = queue.Queue(most_waiting)
        self._cancel = Cancel()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """How many tasks are not done."""
        return self._waiting.unfinished_tasks

    def add(self, task: Task) -> bool:
        """Do a task later; False when too much waits already."""
        try:
            self._waiting.put_nowait(task)
        except queue.Full:
            return False
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="shared cache writes", daemon=True)
                self._thread.start()
        return True

    def flush(self, limit_s: float) -> int:
        """Wait until all is done, at most so long; returns how many tasks are not."""
        until_s = time.monotonic() + limit_s
        while self.waiting and time.monotonic() < until_s:
            time.sleep(POLL_S)
        return self.waiting

    def close(self) -> None:
        """Leave everything that is not done, and end the thread."""
        self._cancel.ask()
        self.add(lambda cancel: None)

    def _work(self) -> None:
        while not self._cancel.asked:
            task = self._waiting.get()
            try:
                task(self._cancel)
            except Cancelled:
                log.debug("A write to the shared cache was left.")
            finally:
                self._waiting.task_done()
