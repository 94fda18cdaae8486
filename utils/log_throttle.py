"""Rate limit for log messages that repeat with every retry: each is written at most once a minute, as one line."""

import logging
import re
import time

EVERY_S = 60.0
MOST = 1000
"""How many different messages are remembered."""


class LogThrottle(logging.Filter):
    """A filter for a logger, also usable by itself. Messages that differ only in numbers count as the same."""

    def __init__(self) -> None:
        super().__init__()
        self._written: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write a record now; one with a traceback always is."""
        if record.exc_info:
            return True
        record.msg, record.args = record.getMessage().partition("\n")[0], ()
        return self.allows(record.msg)

    def allows(self, line: str) -> bool:
        """Whether to write a message now; counts it as written if so."""
        same, now = re.sub(r"\d+", "0", line), time.monotonic()
        if now - self._written.get(same, -EVERY_S) < EVERY_S:
            return False
        if len(self._written) >= MOST:
            self._written.clear()
        self._written[same] = now
        return True
