"""Working ahead: the next items are made in a thread while the last one is used. Decoding and OpenCV free the GIL."""

import queue
import threading
from collections.abc import Generator, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class _Failed:
    """What the maker raised, on its way to whoever asks for the next item."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class _End:
    """There is no next item."""


class _Maker(threading.Thread, Generic[T]):
    """Makes items until nobody wants them any more."""

    def __init__(self, items: Iterable[T], depth: int) -> None:
        super().__init__(daemon=True, name="ahead")
        self._items = items
        self.made: queue.Queue[T | _Failed | _End] = queue.Queue(depth)
        self.unwanted = threading.Event()

    def run(self) -> None:
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

    def _offer(self, item: T | _Failed | _End) -> bool:
        """Wait for room; False when nobody wants items any more."""
        while not self.unwanted.is_set():
            try:
                self.made.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False


def ahead(items: Iterable[T], depth: int = 3) -> Generator[T]:
    """The same items in the same order, at most `depth` of them made ahead; the maker ends with the consumer."""
    maker = _Maker(items, depth)
    maker.start()
    try:
        while not isinstance(item := maker.made.get(), _End):
            if isinstance(item, _Failed):
                raise item.error
            yield item
    finally:
        maker.unwanted.set()
        maker.join()
