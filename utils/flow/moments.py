"""Flow between any two moments of a clip, composed of the flows between its frames.

A moment is a frame index, or lies between two frames. A flow over a part of the way from one frame to the next is that
part of the displacement, so however a way is cut into steps, the displacements of the steps add up to the same.
"""

from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor

import numpy as np

from utils.flow.field import Flags, Flow, Vectors, fetched
from utils.size import Size

FlowFrom = Callable[[int], Flow]
"""The flow from a frame of this index to its neighbour."""


class Moments:
    """The motion of a clip at one size: `forward(n)` leads from frame n to n + 1, `backward(n)` from n to n - 1."""

    def __init__(self, size: Size, forward: FlowFrom, backward: FlowFrom) -> None:
        self.size, self._forward, self._backward = size, forward, backward

    def between(self, begin: Fraction, end: Fraction, indices: tuple[int, int] = (0, 1)) -> Flow:
        """The flow from the picture at one moment to that at another; `indices` name the two in the result."""
        height, width = self.size.height_px, self.size.width_px
        vectors, valid = np.zeros((height, width, 2), np.float32), np.ones((height, width), bool)
        at = begin
        while at != end:
            reached, step, good = self._step(at, end)
            if at == begin:
                vectors, valid = step, good
            else:
                valid = valid & (fetched(good.view(np.uint8), vectors) > 0)
                vectors = np.add(vectors, fetched(step, vectors))
            at = reached
        return Flow(vectors, valid, *indices)

    def _step(self, at: Fraction, end: Fraction) -> tuple[Fraction, Vectors, Flags]:
        """The way to the next frame or to the end, whichever is nearer: where it ends, its vectors, where they hold."""
        if end > at:
            frame, flow_from = floor(at), self._forward
            reached = min(end, Fraction(frame + 1))
        else:
            frame, flow_from = ceil(at), self._backward
            reached = max(end, Fraction(frame - 1))
        flow = flow_from(frame)
        vectors, valid = _on_the_way(flow, float(abs(at - frame)))
        return reached, np.multiply(vectors, np.float32(abs(reached - at))), valid


def _on_the_way(flow: Flow, gone: float) -> tuple[Vectors, Flags]:
    """The vectors of a flow for the picture in which a share of the way is gone: each pixel's from where it began."""
    if not gone:
        return flow.vectors, flow.valid
    behind = np.float32(-gone)
    began = behind * fetched(flow.vectors, behind * flow.vectors)
    return fetched(flow.vectors, began), fetched(flow.valid.view(np.uint8), began) > 0
