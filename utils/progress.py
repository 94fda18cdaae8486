"""Progress reports of running work, and cancelling it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from utils.errors import Cancelled


@dataclass(frozen=True)
class Progress:
    """Progress of a stage: `done` of `total` (None when unknown), and a note for the user."""

    stage: str
    done: int
    total: int | None
    note: str = ""
    ended: bool = False
    """Whether the stage has finished."""


Listener = Callable[[Progress], None]


def one_at_a_time(listener: Listener) -> Listener:
    """Wrap a listener for use by several threads: calls are serialised by a lock."""
    lock = threading.Lock()

    def listen(progress: Progress) -> None:
        with lock:
            listener(progress)

    return listen


@contextmanager
def repeating(name: str, every_s: float, step: Callable[[], bool]) -> Iterator[None]:
    """Call `step` in a thread again and again while the block runs, until it returns False."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(every_s) and step():
            pass

    thread = threading.Thread(target=repeat, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Cancel:
    """Cancellation flag: any thread may set it; the work calls `check` between its steps."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def ask(self) -> None:
        """Request cancellation."""
        self._asked.set()

    @property
    def asked(self) -> bool:
        """Whether cancellation was requested."""
        return self._asked.is_set()

    def check(self) -> None:
        """Raise Cancelled if cancellation was requested."""
        if self.asked:
            raise Cancelled

    def wait(self, seconds: float) -> None:
        """Sleep for some seconds; raise Cancelled as soon as cancellation is requested."""
        self._asked.wait(seconds)
        self.check()
