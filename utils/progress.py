"""How work says how far it is, and how it is stopped."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from utils.errors import Cancelled


@dataclass(frozen=True)
class Progress:
    """How far a stage is: done of total (None when nobody can know), and what there is to say."""

    stage: str
    done: int
    total: int | None
    note: str = ""
    ended: bool = False
    """Whether the stage has its result."""


Listener = Callable[[Progress], None]


def one_at_a_time(listener: Listener) -> Listener:
    """The same listener for several threads: it hears one of them after the other."""
    turn = threading.Lock()

    def listen(told: Progress) -> None:
        with turn:
            listener(told)

    return listen


class Cancel:
    """Set from any thread; work calls `check` between steps and stops there."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def ask(self) -> None:
        """Ask the work to stop."""
        self._asked.set()

    @property
    def asked(self) -> bool:
        """Whether it should stop."""
        return self._asked.is_set()

    def check(self) -> None:
        """Raise Cancelled once it should stop."""
        if self.asked:
            raise Cancelled

    def wait(self, seconds: float) -> None:
        """Rest, but no longer than until it should stop; then raise Cancelled."""
        self._asked.wait(seconds)
        self.check()
