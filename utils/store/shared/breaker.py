"""Circuit breaker: after repeated failures the shared cache is left alone for a while, so that nothing waits for it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from utils.store.shared.trouble import NoObject, ObjectError

MOST_FAILURES = 3
REST_S = 120.0
"""How long it is left alone; then one attempt decides whether for as long again."""


class Breaker:
    """Counts failures in a row, of all threads. Reading and writing have one each: rights may differ."""

    def __init__(self, rest_s: float = REST_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._rest_s, self._clock = rest_s, clock
        self._failures = 0
        self._open_until_s = 0.0
        self._last: ObjectError | None = None
        self._changing = threading.Lock()

    @property
    def problem(self) -> ObjectError | None:
        """Why nothing is attempted now; None when the next attempt may be made."""
        return self._last if self._clock() < self._open_until_s else None

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """One attempt: raises what failed last, without trying, while it is left alone."""
        if problem := self.problem:
            raise problem
        try:
            yield
        except NoObject:
            self._succeeded()
            raise
        except ObjectError as error:
            self._failed(error)
            raise
        self._succeeded()

    def _failed(self, error: ObjectError) -> None:
        with self._changing:
            self._failures, self._last = self._failures + 1, error
            if error.lasting or self._failures >= MOST_FAILURES:
                self._open_until_s = self._clock() + self._rest_s

    def _succeeded(self) -> None:
        with self._changing:
            self._failures = 0
