"""Rolling: stretches of a clip, one after the other, each beginning a little before the last one ended.

Decoding goes on where it was. A fresh start for every stretch would decode again from the last key frame, which may lie
hundreds of frames before it.
"""

from collections import deque
from collections.abc import Iterable, Iterator

from utils.image import Size
from utils.media.video import Frame, FrameSource


class Rolling:
    """A frame source for one reader at a time, which keeps its last few frames and its place."""

    def __init__(self, source: FrameSource, keep: int) -> None:
        self._source, self._kept = source, deque[Frame](maxlen=max(1, keep))
        self._coming: Iterator[Frame] = iter(())
        self._next = -1

    @property
    def size(self) -> Size:
        return self._source.size

    def __len__(self) -> int:
        return len(self._source)

    def read(self, wanted: Iterable[int]) -> Iterator[Frame]:
        """The wanted frames, ascending."""
        for index in wanted:
            yield self._frame(index)

    def _frame(self, index: int) -> Frame:
        if self._kept and self._kept[0].index <= index < self._next:
            return self._kept[index - self._next]
        if not self._next <= index < self._next + len(self._kept) + 1:
            self._start(index)
        while self._next <= index:
            self._kept.append(next(self._coming))
            self._next += 1
        return self._kept[-1]

    def _start(self, index: int) -> None:
        close = getattr(self._coming, "close", None)
        if close is not None:
            close()
        self._kept.clear()
        self._coming, self._next = self._source.read(range(index, len(self))), index
