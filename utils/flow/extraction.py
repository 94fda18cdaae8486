"""Extraction of a clip's optical flow into two flow files: between all neighbouring frames, forward and backward.

Two pairs of frames are searched at the same time: OpenCV's own threads leave a core idle for much of a search.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol, TypeVar

import cv2

from utils.flow.field import Flow
from utils.flow.flow_file import FlowHeader, FlowWriter, encoded
from utils.flow.search import LEAST_PX, Grey, Search, flow_pair
from utils.media.clip import Clip
from utils.media.timebase import Span
from utils.media.video import ClipBrightness
from utils.size import Size

STEPS_PER_PX = 32
"""How exactly flow is kept: at 1/16 px the error of flow of the walker grows by 1.1 %, at 1/32 by 0.3 %."""
FORWARD, BACKWARD = "forward.flow", "backward.flow"
WORKERS = 2
_Item = TypeVar("_Item")


class Estimator(Protocol):
    """A way to find flow: which pictures of a clip it looks at, and the flow between two of them, both ways."""

    @property
    def method(self) -> str:
        """The name of this way, with version and options; recorded beside the flow."""
        ...

    def pictures(self, clip: Clip, span: Span, size: Size) -> Generator[Any]:
        """The pictures of a span, at the size of the flow."""
        ...

    def pair(self, before: Any, after: Any, indices: tuple[int, int]) -> tuple[Flow, Flow]:
        """Flow from a frame to the next one, and back."""
        ...


@dataclass(frozen=True)
class Dis:
    """OpenCV's DIS, which needs no weights."""

    search: Search = field(default_factory=lambda: Search("medium", shrink=1))

    @property
    def method(self) -> str:
        return self.search.backend

    def pictures(self, clip: Clip, span: Span, size: Size) -> Generator[Grey]:
        """The luma of the frames."""
        with closing(ClipBrightness(clip).read(span)) as planes:
            for plane in planes:
                yield plane if Size.of(plane) == size else cv2.resize(plane, size, interpolation=cv2.INTER_AREA)

    def pair(self, before: Grey, after: Grey, indices: tuple[int, int]) -> tuple[Flow, Flow]:
        return flow_pair(before, after, indices, self.search)


@dataclass(frozen=True)
class Extraction:
    """What is extracted: a span of a clip's frames, at its own size or, if that is larger, at most `most_area_px`."""

    clip: Clip
    span: Span
    estimator: Estimator = field(default_factory=Dis)
    most_area_px: int | None = None
    steps_per_px: int = STEPS_PER_PX

    def size(self) -> Size:
        """The size at which flow is found and kept."""
        size = self.clip.size
        most = self.most_area_px or size.area_px
        return size if size.area_px <= most else size.scaled((most / size.area_px) ** 0.5, LEAST_PX)

    def header(self, step: int) -> FlowHeader:
        """The header of the file in one direction: 1 is forward, -1 backward."""
        return FlowHeader(
            source=self.clip.digest,
            picture_size=self.clip.size,
            size=self.size(),
            rate=self.clip.rate,
            first=self.span.start + (step < 0),
            count=max(0, len(self.span) - 1),
            step=step,
            method=self.estimator.method,
            steps_per_px=self.steps_per_px,
        )


def extract(extraction: Extraction, folder: Path, report: Callable[[int], None] = lambda done: None) -> None:
    """Write forward.flow and backward.flow into a folder; `report` is told how many pairs are done."""
    with (
        FlowWriter(folder / FORWARD, extraction.header(1)) as forward,
        FlowWriter(folder / BACKWARD, extraction.header(-1)) as backward,
        closing(_pairs(extraction)) as pairs,
    ):
        for done, (there, back) in enumerate(pairs, start=1):
            forward.add(there)
            backward.add(back)
            report(done)


def _pairs(extraction: Extraction) -> Generator[tuple[bytes, bytes]]:
    """The encoded flows of each pair of neighbours, forward and backward."""
    clip, span, estimator = extraction.clip, extraction.span, extraction.estimator

    def both(pair: tuple[Any, Any], index: int) -> tuple[bytes, bytes]:
        there, back = estimator.pair(*pair, (index, index + 1))
        return encoded(there, extraction.steps_per_px), encoded(back, extraction.steps_per_px)

    with closing(estimator.pictures(clip, span, extraction.size())) as pictures, ThreadPoolExecutor(WORKERS) as pool:
        started = (pool.submit(both, pair, index) for index, pair in enumerate(pairwise(pictures), start=span.start))
        for each in _ahead(started, WORKERS):
            yield each.result()


def _ahead(started: Iterable[Future[_Item]], count: int) -> Iterator[Future[_Item]]:
    """Futures in their order, with `count` more of them started before one is waited for."""
    waiting: deque[Future[_Item]] = deque()
    for future in started:
        waiting.append(future)
        if len(waiting) > count:
            yield waiting.popleft()
    yield from waiting
