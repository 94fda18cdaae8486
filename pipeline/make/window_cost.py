"""What making windows took, beside what was expected of them; later estimates learn from it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pipeline.engines.base import Call, Cost
from pipeline.engines.clearing import Clearing
from pipeline.engines.costs import record


@dataclass(frozen=True)
class WindowCost:
    """The cost of one window that was really made, and not found in the cache."""

    frames: int
    seconds: float
    expected: Cost
    clearing: Clearing
    calls: tuple[Call, ...] = ()


@dataclass
class Costs:
    """The costs of the windows of a run, kept for the report, and for the estimates of later runs on this card."""

    engine: str
    card: str
    windows: list[WindowCost] = field(default_factory=list)
    problem: str = ""
    """Why later estimates will not learn from this run."""

    @contextmanager
    def learning(self) -> Iterator[None]:
        """Keep what the calls took once the block ends, however it does: estimates within it rest on those before."""
        try:
            yield
        finally:
            try:
                record(self.engine, self.card, [call for window in self.windows for call in window.calls])
            except OSError as error:
                self.problem = error.strerror or type(error).__name__
