"""Login queue: a fair, rate-limited order of password checks, so that a flood of guesses locks nobody out."""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from utils.errors import ReshootError

AT_ONCE, EVERY_S = 5, 5.0
"""Rate limit: a visitor may send so many wrong passwords in a row, and one more every EVERY_S seconds."""
MOST_WAITING, MOST_STRANGERS_WAITING = 4, 400
"""Most attempts in the queue of one visitor, and of all who never signed in here. Each holds a connection open."""
MOST_VISITORS = 10_000
"""How many visitors' wrong passwords are remembered, at about 300 bytes each."""


class TooManyAttempts(ReshootError):
    """The attempt was refused unchecked; another one is possible in `after_s` seconds."""

    def __init__(self, after_s: int) -> None:
        super().__init__("Too many attempts to sign in are coming.", f"Wait {after_s} seconds and try again.")
        self.after_s = after_s


@dataclass(slots=True)
class _Visitor:
    """The attempts of one visitor, as a leaky bucket of wrong passwords."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    free_at: float = 0.0
    """When the delay for all wrong passwords so far is over (monotonic clock)."""

    def rest_s(self) -> float:
        """Seconds until the next attempt may be checked."""
        return max(0.0, self.free_at - time.monotonic() - (AT_ONCE - 1) * EVERY_S)

    def was_wrong(self) -> None:
        self.free_at = max(self.free_at, time.monotonic()) + EVERY_S


class LoginQueue:
    """Checks one password at a time, round-robin between visitors.

    Each visitor has a queue (a lock) of its own, and only its head waits for the common lock. An asyncio.Lock is fair:
    it admits waiters in the order in which they came.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._visitors: dict[str, _Visitor] = {}
        self._strangers = 0

    async def check(self, visitor: str, password_check: Callable[[], bool], stranger: bool = True) -> bool:
        """Run a check when it is this visitor's turn; returns its result. TooManyAttempts if the queue is full."""
        queue = self._visitor(visitor)
        if queue.waiting >= MOST_WAITING or (stranger and self._strangers >= MOST_STRANGERS_WAITING):
            raise TooManyAttempts(math.ceil(queue.rest_s() + max(1, queue.waiting) * EVERY_S))
        queue.waiting += 1
        self._strangers += stranger
        try:
            async with queue.turn:
                await asyncio.sleep(queue.rest_s())
                async with self._turn:
                    right = await asyncio.to_thread(password_check)
                if not right:
                    queue.was_wrong()
                return right
        finally:
            queue.waiting -= 1
            self._strangers -= stranger

    def _visitor(self, visitor: str) -> _Visitor:
        """The queue of a visitor. Above MOST_VISITORS the least recently used one is forgotten."""
        queue = self._visitors[visitor] = self._visitors.pop(visitor, _Visitor())
        if len(self._visitors) > MOST_VISITORS:
            oldest = next(name for name, other in self._visitors.items() if not other.waiting)
            del self._visitors[oldest]
        return queue
