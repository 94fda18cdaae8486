"""Calls that may never answer: each ends within its limit, or at once when the run is cancelled.

They run in an event loop of a thread of its own, and not as blocking calls of the library, which nothing could
interrupt and which a process would have to wait for at its end.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future, wait
from typing import Any, TypeVar

from utils.errors import Cancelled
from utils.progress import Cancel

POLL_S = 0.1
END_S = 2.0

Value = TypeVar("Value")
Call = Callable[[], Coroutine[Any, Any, Value]]


class Calls:
    """The loop and its thread, which start with the first call."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._starting = threading.Lock()

    def result(self, call: Call[Value], limit_s: float, cancel: Cancel) -> Value:
        """What a call returns or raises; TimeoutError after the limit, Cancelled when the run is, or after `close`."""

        async def bounded() -> Value:
            return await asyncio.wait_for(call(), limit_s)

        cancel.check()
        future: Future[Value] = asyncio.run_coroutine_threadsafe(bounded(), self._running())
        try:
            while not wait([future], POLL_S).done:
                cancel.check()
            return future.result()
        except CancelledError as error:
            raise Cancelled from error
        finally:
            future.cancel()

    def close(self) -> None:
        """Cancel what still runs, and end the thread; no call starts any more."""
        with self._starting:
            loop, self._loop, self._closed = self._loop, None, True
        if loop:
            wait([asyncio.run_coroutine_threadsafe(_cancel_others(), loop)], END_S)
            loop.call_soon_threadsafe(loop.stop)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._closed:
                raise Cancelled
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=_run, args=(self._loop,), name="shared cache", daemon=True).start()
            return self._loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
