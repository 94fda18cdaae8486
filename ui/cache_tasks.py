"""Chores: checking the cache, pruning it, clearing it. Each runs in a child process that tells how far it is.

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
from utils.guarded_child import environment
from utils.home import cache_folder
from utils.store import Freed, Store

HOUSE = Path(__file__).resolve().parents[1]
LIMIT_S = 3600.0
PULSE_S = 0.25
KINDS = ("verify", "prune", "clear")


class ChoreError(ReshootError):
    """It cannot be done now, or not like this."""


@dataclass(frozen=True)
class Chore:
    """One of them, as it stands: `share` is done of the whole, `sentence` what came of it or why nothing did."""

    kind: str
    started_at: float
    state: str = "running"
    share: float = 0.0
    sentence: str = ""


class Chores:
    """Those of one home, one at a time. `last` is the one that runs, or ran; `changed` is called when one ended."""

    def __init__(self, home: Path, changed: Callable[[], None]) -> None:
        self._home, self._changed = home, changed
        self._task: asyncio.Task[None] | None = None
        self.last: Chore | None = None

    def start(self, kind: str, limit_bytes: int = 0) -> Chore:
        """Begin in a child; called where an event loop runs."""
        if self.last and self.last.state == "running":
            raise ChoreError(f"The cache is busy: {self.last.kind} is still running.", "Try again when it has ended.")
        self.last = Chore(kind, time.time())
        self._task = asyncio.get_running_loop().create_task(self._follow(self.last, limit_bytes))
        return self.last

    async def _follow(self, chore: Chore, limit_bytes: int) -> None:
        """To its end, whatever that is; only then may another begin."""
        end = replace(chore, state="failed", sentence="It ended without an answer. Try it once more.")
        try:
            async with asyncio.timeout(LIMIT_S):
                end = await self._listen(chore, limit_bytes) or end
        except TimeoutError:
            end = replace(end, sentence="It took more than an hour and was stopped. Try it when less is running.")
        except OSError as error:
            end = replace(end, sentence=f"It could not be started ({error.strerror}). Try it once more.")
        finally:
            self._changed()
            self.last = end

    async def _listen(self, chore: Chore, limit_bytes: int) -> Chore | None:
        """How it ended, as the child tells it; it does not outlive the server."""
        command = (sys.executable, "-m", "ui.cache_tasks", str(self._home), chore.kind, str(limit_bytes))
        null, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            *command, cwd=HOUSE, env=environment(), stdin=null, stdout=pipe, stderr=null
        )
        end = None
        try:
            assert child.stdout
            async for line in child.stdout:
                told = replace(chore, **json.loads(line))
                if told.state == "running":
                    self.last = told
                else:
                    end = told
            await child.wait()
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        return end


def work(store: Store, kind: str, limit_bytes: int) -> str:
    """Do one, and say what came of it."""
    if kind == "verify":
        return _verify(store)
    return _removed(store.clear() if kind == "clear" else store.prune(limit_bytes))


def _verify(store: Store) -> str:
    total = sum(entry.held.bytes for entry in store.entries()) or 1
    read, checked, damaged, told_at = 0, 0, 0, 0.0
    for verdict in store.verify():
        read, checked, damaged = read + verdict.bytes, checked + 1, damaged + bool(verdict.problem)
        if time.monotonic() - told_at > PULSE_S:
            told_at = time.monotonic()
            _say(share=min(1.0, read / total))
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


def _say(**told: Any) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def main() -> None:
    """The child. It gives way to the worker."""
    home, kind, limit_bytes = sys.argv[1:]
    with suppress(OSError):
        os.nice(10)
    try:
        _say(state="done", share=1.0, sentence=work(Store(cache_folder(Path(home))), kind, int(limit_bytes)))
    except ReshootError as error:
        _say(state="failed", sentence=str(error))


if __name__ == "__main__":
    main()
