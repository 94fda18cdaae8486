"""Turns: in which order passwords are checked, so that a flood of guesses keeps nobody out who knows theirs."""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from utils.errors import ReshootError

AT_ONCE, EVERY_S = 5, 5.0
"""How many wrong passwords a visitor may send one after the other, and how often another one after that."""
MOST_WAITING, MOST_STRANGERS_WAITING = 4, 400
"""Of one visitor, and of all who never signed in here. Each holds a connection open."""
MOST_VISITORS = 10_000
"""Whose wrong passwords are remembered. Some 300 bytes each."""


class TooMany(ReshootError):
    """This attempt is not looked at; another one may be in `after_s` seconds."""

    def __init__(self, after_s: int) -> None:
        super().__init__("Too many attempts to sign in are coming.", f"Wait {after_s} seconds and try again.")
        self.after_s = after_s


@dataclass(slots=True)
class _Line:
    """The attempts of one visitor."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    free_at: float = 0.0
    """When every wrong password so far has been waited for."""

    def rest_s(self) -> float:
        """How long until the next attempt may be looked at."""
        return max(0.0, self.free_at - time.monotonic() - (AT_ONCE - 1) * EVERY_S)

    def was_wrong(self) -> None:
        self.free_at = max(self.free_at, time.monotonic()) + EVERY_S


class Turns:
    """Visitors take turns: one check at a time, and never two of one visitor while another one waits.

    Each visitor has a line of its own, and only the head of a line stands in the common one. A lock of asyncio lets
    those who wait in by the order in which they came.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._lines: dict[str, _Line] = {}
        self._strangers = 0

    async def right(self, visitor: str, check: Callable[[], bool], stranger: bool = True) -> bool:
        """Whether the check comes out well, once it is its turn; TooMany when the lines are full."""
        line = self._line(visitor)
        if line.waiting >= MOST_WAITING or (stranger and self._strangers >= MOST_STRANGERS_WAITING):
            raise TooMany(math.ceil(line.rest_s() + max(1, line.waiting) * EVERY_S))
        line.waiting += 1
        self._strangers += stranger
        try:
            async with line.turn:
                await asyncio.sleep(line.rest_s())
                async with self._turn:
                    right = await asyncio.to_thread(check)
                if not right:
                    line.was_wrong()
                return right
        finally:
            line.waiting -= 1
            self._strangers -= stranger

    def _line(self, visitor: str) -> _Line:
        """The line of a visitor; of too many, those are forgotten who tried longest ago."""
        line = self._lines[visitor] = self._lines.pop(visitor, _Line())
        if len(self._lines) > MOST_VISITORS:
            oldest = next(name for name, each in self._lines.items() if not each.waiting)
            del self._lines[oldest]
        return line
