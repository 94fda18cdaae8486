"""Cache tasks: verify, prune or clear the cache, each in a child process that reports its progress as JSON lines.

python -m ui.cache_tasks HOME KIND LIMIT_BYTES
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.filesize import decimal

from utils.errors import ReshootError
from utils.guarded_child import apart, go_with_parent
from utils.home import cache_folder
from utils.store import Freed, Store

LIMIT_S = 3600.0
PULSE_S = 0.25
KINDS = ("verify", "prune", "clear")


class CacheTaskError(ReshootError):
    """A task cannot be started now, or its parameters are wrong."""


@dataclass(frozen=True)
class CacheTask:
    """A cache task and its progress: `share` is 0..1, `sentence` says what it did or why it failed."""

    kind: str
    started_at: float
    state: str = "running"
    share: float = 0.0
    sentence: str = ""


class CacheTasks:
    """Runs cache tasks, one at a time. `last` is the running or latest one; `changed` is called at its end."""

    def __init__(self, home: Path, changed: Callable[[], None]) -> None:
        self._home, self._changed = home, changed
        self._task: asyncio.Task[None] | None = None
        self.last: CacheTask | None = None

    def start(self, kind: str, limit_bytes: int = 0) -> CacheTask:
        """Start a task in a child process; needs a running event loop."""
        if self.last and self.last.state == "running":
            raise CacheTaskError(
                f"The cache is busy: {self.last.kind} is still running.", "Try again when it has ended."
            )
        self.last = CacheTask(kind, time.time())
        self._task = asyncio.get_running_loop().create_task(self._follow(self.last, limit_bytes))
        return self.last

    async def _follow(self, task: CacheTask, limit_bytes: int) -> None:
        """Follow a task to its end, and record how it ended; only then may another start."""
        end = replace(task, state="failed", sentence="It ended without an answer. Try it once more.")
        try:
            async with asyncio.timeout(LIMIT_S):
                end = await self._listen(task, limit_bytes) or end
        except TimeoutError:
            end = replace(end, sentence="It took more than an hour and was stopped. Try it when less is running.")
        except OSError as error:
            end = replace(end, sentence=f"It could not be started ({error.strerror}). Try it once more.")
        finally:
            self._changed()
            self.last = end

    async def _listen(self, task: CacheTask, limit_bytes: int) -> CacheTask | None:
        """Read the child's reports; returns the final one, None if there is none. Kills the child if cancelled."""
        command = (sys.executable, "-m", "ui.cache_tasks", str(self._home), task.kind, str(limit_bytes))
        null, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=null, **apart())
        end = None
        try:
            assert child.stdout
            async for line in child.stdout:
                report = replace(task, **json.loads(line))
                if report.state == "running":
                    self.last = report
                else:
                    end = report
            await child.wait()
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        return end


def work(store: Store, kind: str, limit_bytes: int) -> str:
    """Run a task; returns a sentence about what it did."""
    if kind == "verify":
        return _verify(store)
    return _removed(store.clear() if kind == "clear" else store.prune(limit_bytes))


def _verify(store: Store) -> str:
    total = sum(entry.held.bytes for entry in store.entries()) or 1
    read, checked, damaged, reported_at = 0, 0, 0, 0.0
    for verdict in store.verify():
        read, checked, damaged = read + verdict.bytes, checked + 1, damaged + bool(verdict.problem)
        if time.monotonic() - reported_at > PULSE_S:
            reported_at = time.monotonic()
            _report(share=min(1.0, read / total))
    if not damaged:
        return f"{_entries(checked)} read, {decimal(read)}: every byte is what it was."
    return (
        f"{_entries(checked)} read; {damaged} damaged. What is damaged is put aside, and made anew when it is needed."
    )


def _removed(freed: Freed) -> str:
    stay = (
        f" {decimal(freed.missed_bytes)} more would have to go, but are in use or pinned." if freed.missed_bytes else ""
    )
    return f"Removed {_entries(len(freed.removed))}, {decimal(freed.bytes)}.{stay}"


def _entries(count: int) -> str:
    return f"{count} {'result' if count == 1 else 'results'}"


def _report(**values: Any) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Entry point of the child, which runs at low priority so that the worker goes first."""
    go_with_parent()
    home, kind, limit_bytes = sys.argv[1:]
    with suppress(OSError):
        os.nice(10)
    try:
        _report(state="done", share=1.0, sentence=work(Store(cache_folder(Path(home))), kind, int(limit_bytes)))
    except ReshootError as error:
        _report(state="failed", sentence=str(error))


if __name__ == "__main__":
    main()
