"""Log lines that would come with every try: each is written once a minute at most, and as one line."""

import logging
import re
import time

EVERY_S = 60.0
MOST = 1000
"""Different lines that are remembered."""


class Seldom(logging.Filter):
    """For a logger; lines that differ only in their numbers count as the same. What has a traceback always passes."""

    def __init__(self) -> None:
        super().__init__()
        self._written: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write it now."""
        if record.exc_info:
            return True
        line, now = record.getMessage().partition("\n")[0], time.monotonic()
        record.msg, record.args = line, ()
        same = re.sub(r"\d+", "0", line)
        if now - self._written.get(same, -EVERY_S) < EVERY_S:
            return False
        if len(self._written) >= MOST:
            self._written.clear()
        self._written[same] = now
        return True
