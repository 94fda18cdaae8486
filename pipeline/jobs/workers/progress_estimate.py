"""Estimates the overall progress of a job and its remaining time from the progress of its stages."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from math import fsum

from pipeline.jobs.job import Spot
from pipeline.stage_texts import StageText, kind_of
from utils.progress import Progress

MEMORY_S = 30.0
"""Length of the sliding window from which the remaining time is extrapolated."""
TRUSTED_SHARE = 0.25
"""When so much of a run was seen within the sliding window, its pace alone counts, and no longer what was expected."""


class ProgressEstimate:
    """Progress of one run, updated by the reports of its stages."""

    def __init__(self, stages: Mapping[str, StageText], clock: Callable[[], float] = time.monotonic) -> None:
        self._stages, self._clock = stages, clock
        self._done: dict[str, float] = {}
        self._passed: deque[tuple[float, float]] = deque()
        self.stage, self.note = "", ""
        self._counting = threading.Lock()
        self._steps_done = self._frame = self._reported_frame = self._slack = 0
        self._first: int | None = None
        self.expected_s: float | None = None
        """What the whole run is expected to take, if that is known."""

    def add(self, report: Progress) -> None:
        """Take in a report of a stage."""
        kind = kind_of(report.stage)
        if kind not in self._stages or self._stages[kind].counts:
            self._advance(report)
        part = report.done / report.total if report.total else 0.0
        if kind in self._stages:
            group = self._stages[kind].group
            self._done |= {earlier: 1.0 for earlier, text in self._stages.items() if text.group < group}
            self._done[kind] = max(self._done.get(kind, 0.0), part)
        self.stage, self.note = kind, report.note
        self._remember()

    def spot(self) -> Spot:
        """The position now. Call it once per report to the ledger: `slack` is the most frames between two calls."""
        with self._counting:
            self._slack = max(self._slack, self._frame - self._reported_frame)
            self._reported_frame = self._frame
            return Spot(self._steps_done, self._frame, self._slack)

    @property
    def share(self) -> float:
        """Overall progress, 0..1, weighted by the usual share of each stage."""
        total = fsum(text.share for text in self._stages.values())
        return fsum(self._stages[name].share * part for name, part in self._done.items()) / total

    @property
    def left_s(self) -> float | None:
        """Remaining seconds: at first as expected, then more and more by the pace of the last half minute.

        None while neither is known.
        """
        (begun, first), (now, last) = (self._passed[0], self._passed[-1]) if self._passed else ((0.0, 0.0), (0.0, 0.0))
        seen = last - first
        whole_s = (now - begun) / seen if seen > 0 and now - begun > 1 else None
        if whole_s is None or self.expected_s is None:
            whole_s = whole_s or self.expected_s
        else:
            trust = min(1.0, seen / TRUSTED_SHARE)
            whole_s = whole_s**trust * self.expected_s ** (1 - trust)
        return None if whole_s is None else (1 - last) * whole_s

    def _advance(self, report: Progress) -> None:
        """Count the frames of a stage or window from its first report on; the end of one starts the next at zero."""
        with self._counting:
            if report.ended:
                self._steps_done, self._first = self._steps_done + 1, None
                self._frame = self._reported_frame = self._slack = 0
            else:
                self._first = report.done if self._first is None else self._first
                self._frame = report.done - self._first

    def _remember(self) -> None:
        now = self._clock()
        self._passed.append((now, self.share))
        while now - self._passed[0][0] > MEMORY_S:
            self._passed.popleft()
