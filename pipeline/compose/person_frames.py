"""Person frames: the steadied frames of the whole clip, blended where two windows overlap."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from pipeline.compose.steady_window import SteadyWindow
from pipeline.engines.base import EngineFrame
from utils.digest import canonical_json, digest_bytes
from utils.image import RGB, Box
from utils.image.blending import blend, overlap_shares


@dataclass(frozen=True)
class PlacedFrame:
    """One generated frame and the box of the stable picture that it shows, with its own matte where it has one.

    `over_source` is true where the picture is an edit of the source's own pixels.
    """

    index: int
    box: Box
    rgb: RGB
    alpha: NDArray[np.uint8] | None
    over_source: bool

    def cut(self, box: Box) -> "PlacedFrame":
        """The part of it that a smaller box shows."""
        part = box.within(self.box).slices
        return replace(self, box=box, rgb=self.rgb[part], alpha=None if self.alpha is None else self.alpha[part])


@dataclass(frozen=True)
class PersonFrames:
    """The steadied windows of a clip, read from the cache; frames can be read in any order, fastest in sequence."""

    windows: tuple[SteadyWindow, ...]

    @property
    def digest(self) -> str:
        """The digest of all windows."""
        return digest_bytes(canonical_json([each.digest for each in self.windows]))

    @property
    def keeps_feet(self) -> bool:
        """Whether the engine leaves feet where the source has them."""
        return all(each.facts["keeps_feet"] for each in self.windows)

    @property
    def joins(self) -> list[int]:
        """The frames at which one window gives way to the next: the middle of each overlap."""
        return [each.plan.span.start + each.plan.overlap // 2 for each in self.windows if each.plan.overlap]

    def __iter__(self) -> Iterator[PlacedFrame]:
        """All generated frames in order; frames that no window covers are left out."""
        covered = sorted({index for window in self.windows for index in window.plan.span})
        yield from (frame for frame in self.read(covered) if frame)

    def read(self, wanted: Iterable[int]) -> Iterator[PlacedFrame | None]:
        """The wanted frames, ascending; None for those that no window covers."""
        readers: dict[int, _Reader] = {}
        starts = [window.plan.span.start for window in self.windows]
        for index in wanted:
            last = bisect_right(starts, index)
            covering = [n for n in range(max(0, last - 2), last) if index in self.windows[n].plan.span]
            readers = {number: readers.get(number) or _Reader(self.windows[number]) for number in covering}
            yield self._blended(index, [readers[number] for number in covering])

    def _blended(self, index: int, readers: "list[_Reader]") -> PlacedFrame | None:
        """A frame of the one window that covers it, or the blend of two in the box that both show.

        None where these boxes do not meet: each holds whoever its window sees, so nobody is in such a frame.
        """
        if not readers:
            return None
        if len(readers) == 1:
            return readers[0].frame(index)
        after = readers[1].window.plan
        share = float(overlap_shares(after.overlap)[index - after.span.start])
        frames = [reader.frame(index) for reader in readers]
        box = frames[0].box & frames[1].box
        if not box.size.area_px:
            return None
        first, second = (frame.cut(box) for frame in frames)
        alpha = None
        if first.alpha is not None and second.alpha is not None:
            alpha = np.rint((1 - share) * first.alpha + share * second.alpha).astype(np.uint8)
        return PlacedFrame(index, box, blend(first.rgb, second.rgb, share), alpha, first.over_source)


class _Reader:
    """Reads frames of one window; goes on from the last one where they come in order."""

    def __init__(self, window: SteadyWindow) -> None:
        self.window = window
        self._coming: Iterator[EngineFrame] = iter(())
        self._next = -1

    def frame(self, index: int) -> PlacedFrame:
        """The frame of this window with an index of the clip."""
        offset = index - self.window.plan.span.start
        if offset != self._next:
            self._coming = self.window.frames(offset)
        frame = next(self._coming)
        self._next = offset + 1
        return placed_frame(self.window, index, frame)


def placed_frame(window: SteadyWindow, index: int, frame: EngineFrame) -> PlacedFrame:
    """A frame of a window with the place that the window's plan gives it."""
    return PlacedFrame(index, window.plan.box, frame.rgb, frame.alpha, window.facts["is_edit_of_source"])


def shared(before: SteadyWindow, after: SteadyWindow) -> Iterator[tuple[PlacedFrame, PlacedFrame]]:
    """The frames that two windows share, from each of them, cut to the box that both show, if there is one."""
    overlap = after.plan.overlap
    indices = range(after.plan.span.start, after.plan.span.start + overlap)
    tail = before.frames(len(before.plan.span) - overlap)
    for index, one, other in zip(indices, tail, islice(after.frames(), overlap), strict=True):
        first, second = placed_frame(before, index, one), placed_frame(after, index, other)
        box = first.box & second.box
        if box.size.area_px:
            yield first.cut(box), second.cut(box)
