"""How far a job is on the whole, and how long it still takes."""

import time
from collections import deque
from collections.abc import Callable
from itertools import takewhile

from utils.progress import Progress

SHARES = {
    "probe": 1, "analyse": 55, "segments": 1, "stabilise": 1, "footing": 1, "survey": 2,
    "generate": 20, "lock": 1, "plate": 2, "result": 13, "proxy": 3,
}  # fmt: skip
"""Of the time of a run with the embedded engine, in the order of the journey; a heavier one stretches its own."""
MEMORY_S = 30.0
"""Time left is judged from the pace of so long."""


class Pace:
    """Follows the stages of one run as they tell how far they are."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._done: dict[str, float] = {}
        self._passed: deque[tuple[float, float]] = deque()
        self.stage, self.note, self.place = "", "", 0

    def add(self, told: Progress) -> None:
        """What a stage said."""
        kind = told.stage.partition(" ")[0]
        part = told.done / told.total if told.total else 0.0
        if kind in SHARES:
            self._done |= dict.fromkeys(takewhile(lambda earlier: earlier != kind, SHARES), 1.0)
            self._done[kind] = max(self._done.get(kind, 0.0), part)
        self.stage, self.note, self.place = kind, told.note, self.place + told.ended
        self._remember()

    @property
    def share(self) -> float:
        """Done of the whole, 0..1."""
        return sum(SHARES[name] * part for name, part in self._done.items()) / sum(SHARES.values())

    @property
    def left_s(self) -> float | None:
        """Still to go at the present pace; None until there is one."""
        if not self._passed:
            return None
        (begun, first), (now, last) = self._passed[0], self._passed[-1]
        return (1 - last) * (now - begun) / (last - first) if last > first and now - begun > 1 else None

    def _remember(self) -> None:
        now = self._clock()
        self._passed.append((now, self.share))
        while now - self._passed[0][0] > MEMORY_S:
            self._passed.popleft()
