"""Prefetching: a thread computes the next items while the consumer uses the last one.

It helps with decoding and OpenCV, which release the GIL.
"""

import queue
import sys
import threading
from collections.abc import Generator, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class _Failed:
    """An exception of the producer, passed to the consumer."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class _End:
    """Marks the end of the items."""


class _Producer(threading.Thread, Generic[T]):
    """Thread that computes items until they end or the consumer stops."""

    def __init__(self, items: Iterable[T], depth: int) -> None:
        super().__init__(daemon=True, name="prefetch")
        self._items = items
        self.queue: queue.Queue[T | _Failed | _End] = queue.Queue(depth)
        self.stopped, self.finished = threading.Event(), threading.Event()
        self.consumer = threading.current_thread()
        """Which thread takes the items."""

    def run(self) -> None:
        try:
            self._produce()
        finally:
            self.finished.set()

    def _produce(self) -> None:
        source = iter(self._items)
        try:
            for item in source:
                if not self._offer(item):
                    return
            self._offer(_End())
        except BaseException as error:  # noqa: BLE001 - it is raised again where the item was asked for
            self._offer(_Failed(error))
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                close()

    def is_fed_by(self, thread: threading.Thread) -> bool:
        """Whether it may be waiting for items of this thread, directly or through others, or is this thread."""
        while isinstance(thread, _Producer):
            if thread is self:
                return True
            thread = thread.consumer
        return False

    def _offer(self, item: T | _Failed | _End) -> bool:
        """Put an item into the queue when there is room; False when the consumer has stopped."""
        while not self.stopped.is_set():
            try:
                self.queue.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False


def prefetch(items: Iterable[T], depth: int = 3) -> Generator[T]:
    """Yield the same items in order, computing up to `depth` of them in advance; the thread ends with the generator."""
    producer = _Producer(items, depth)
    producer.start()
    try:
        while not isinstance(item := producer.queue.get(), _End):
            if isinstance(item, _Failed):
                raise item.error
            yield item
    finally:
        producer.stopped.set()
        # A forgotten generator may be collected in any thread: in one that the producer waits for, and in one that
        # holds the lock under which threads end. So it is the work that is waited for, and not the thread; and nothing
        # when the interpreter ends, which stops all threads before it collects what is left.
        if not sys.is_finalizing() and not producer.is_fed_by(threading.current_thread()):
            producer.finished.wait()
