"""How far a job is on the whole, and how long it still takes."""

import threading
import time
from collections import deque
from collections.abc import Callable

from pipeline.jobs.job import Spot
from pipeline.stage_texts import JOURNEY, kind_of
from utils.progress import Progress

BESIDE = "steady"
"""The stage that runs beside another one: where a run is, is told by the windows that its engine has made."""
MEMORY_S = 30.0
"""Time left is judged from the pace of so long."""


class ProgressEstimate:
    """Follows the stages of one run as they tell how far they are."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._done: dict[str, float] = {}
        self._passed: deque[tuple[float, float]] = deque()
        self.stage, self.note = "", ""
        self._counting = threading.Lock()
        self._place = self._frame = self._told = self._slack = 0
        self._first: int | None = None

    def add(self, told: Progress) -> None:
        """What a stage said."""
        kind = kind_of(told.stage)
        if kind != BESIDE:
            self._advance(told)
        part = told.done / told.total if told.total else 0.0
        if kind in JOURNEY:
            group = JOURNEY[kind].group
            self._done |= {earlier: 1.0 for earlier, text in JOURNEY.items() if text.group < group}
            self._done[kind] = max(self._done.get(kind, 0.0), part)
        self.stage, self.note = kind, told.note
        self._remember()

    def spot(self) -> Spot:
        """Where it is now. Ask whenever the ledger is told: what is done from one time to the next is its slack."""
        with self._counting:
            self._slack = max(self._slack, self._frame - self._told)
            self._told = self._frame
            return Spot(self._place, self._frame, self._slack)

    @property
    def share(self) -> float:
        """Done of the whole, 0..1."""
        total = sum(text.share for text in JOURNEY.values())
        return sum(JOURNEY[name].share * part for name, part in self._done.items()) / total

    @property
    def left_s(self) -> float | None:
        """Still to go at the present pace; None until there is one."""
        if not self._passed:
            return None
        (begun, first), (now, last) = self._passed[0], self._passed[-1]
        return (1 - last) * (now - begun) / (last - first) if last > first and now - begun > 1 else None

    def _advance(self, told: Progress) -> None:
        """Count the frames of one stage or window, from the first that it tells of; its end begins the next one."""
        with self._counting:
            if told.ended:
                self._place, self._first = self._place + 1, None
                self._frame = self._told = self._slack = 0
            else:
                self._first = told.done if self._first is None else self._first
                self._frame = told.done - self._first

    def _remember(self) -> None:
        now = self._clock()
        self._passed.append((now, self.share))
        while now - self._passed[0][0] > MEMORY_S:
            self._passed.popleft()
