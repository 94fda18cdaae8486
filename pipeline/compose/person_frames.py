"""The generated person as one stream: windows one after the other, blended where two of them made the same frames."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from pipeline.make.generation import WindowResult
from utils.digest import canonical_json, digest_bytes
from utils.image import RGB, Box
from utils.image.blending import blend, overlap_shares


@dataclass(frozen=True)
class Drawn:
    """One generated frame: a picture of a part of the stable picture, with its own outline where it has one.

    `over_source` is true of pictures that are the source with something laid on.
    """

    index: int
    box: Box
    rgb: RGB
    alpha: NDArray[np.uint8] | None
    over_source: bool


@dataclass(frozen=True)
class Generated:
    """Everything that the engine made, read from the cache."""

    windows: tuple[WindowResult, ...]

    def __iter__(self) -> Iterator[Drawn]:
        """Frames in order; those that no window covers are left out."""
        tail: list[Drawn] = []
        for window, after in zip(self.windows, (*self.windows[1:], None), strict=True):
            shared_next = after.plan.overlap if after else 0
            frames = _drawn(window)
            yield from _crossed(tail, list(islice(frames, window.plan.overlap)))
            yield from islice(frames, len(window.plan.span) - window.plan.overlap - shared_next)
            tail = list(frames)

    @property
    def keeps_geometry(self) -> bool:
        """Whether feet are where the source has them anyway."""
        return all(each.facts["keeps_geometry"] for each in self.windows)

    @property
    def digest(self) -> str:
        """Of all windows."""
        return digest_bytes(canonical_json([each.digest for each in self.windows]))

    @property
    def joins(self) -> list[int]:
        """The frames around which one window gives way to the next: the middle of each overlap."""
        return [each.plan.span.start + each.plan.overlap // 2 for each in self.windows if each.plan.overlap]


def _drawn(window: WindowResult, start: int = 0) -> Iterator[Drawn]:
    indices = range(window.plan.span.start + start, window.plan.span.stop)
    for index, made in zip(indices, window.pictures(start), strict=True):
        yield Drawn(index, window.plan.box, made.rgb, made.alpha, window.facts["keeps_geometry"])


def shared(before: WindowResult, after: WindowResult) -> Iterator[tuple[Drawn, Drawn]]:
    """The frames that two windows both made, in the part that both show."""
    overlap = after.plan.overlap
    tail = _drawn(before, len(before.plan.span) - overlap)
    for one, other in zip(tail, islice(_drawn(after), overlap), strict=True):
        box = one.box & other.box
        yield _cut(one, box), _cut(other, box)


def _crossed(before: Sequence[Drawn], after: Sequence[Drawn]) -> Iterator[Drawn]:
    """The overlap of two windows, in the part that both show."""
    for one, other, share in zip(before, after, overlap_shares(len(after)), strict=True):
        box = one.box & other.box
        first, second = _cut(one, box), _cut(other, box)
        alpha = None
        if first.alpha is not None and second.alpha is not None:
            alpha = np.rint((1 - share) * first.alpha + share * second.alpha).astype(np.uint8)
        yield Drawn(one.index, box, blend(first.rgb, second.rgb, float(share)), alpha, one.over_source)


def _cut(drawn: Drawn, box: Box) -> Drawn:
    part = box.within(drawn.box).slices
    alpha = None if drawn.alpha is None else drawn.alpha[part]
    return replace(drawn, box=box, rgb=drawn.rgb[part], alpha=alpha)
