"""Log lines that would come with every try: each is written once a minute at most, and as one line."""

import logging
import re
import time

EVERY_S = 60.0
MOST = 1000
"""Different lines that are remembered."""


class Seldom(logging.Filter):
    """For a logger, or for who asks by himself; lines that differ only in their numbers count as the same."""

    def __init__(self) -> None:
        super().__init__()
        self._written: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write it now. What has a traceback always is."""
        if record.exc_info:
            return True
        record.msg, record.args = record.getMessage().partition("\n")[0], ()
        return self.due(record.msg)

    def due(self, line: str) -> bool:
        """Whether to write a line now."""
        same, now = re.sub(r"\d+", "0", line), time.monotonic()
        if now - self._written.get(same, -EVERY_S) < EVERY_S:
            return False
        if len(self._written) >= MOST:
            self._written.clear()
        self._written[same] = now
        return True
