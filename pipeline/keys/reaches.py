"""Which frames are made from each painted one: from the one before it to the one after it, within its shot."""

from collections.abc import Iterable, Sequence

Reach = tuple[int, int]
"""The first frame that is made from a painted one, and the one after the last."""


def reaches(shots: Iterable[Reach], frames: Sequence[int]) -> list[Reach]:
    """The reach of each frame, ascending; shots are half-open."""
    found = list[Reach]()
    for start, stop in shots:
        edges = [start - 1, *(frame for frame in frames if start <= frame < stop), stop]
        found += [(before + 1, after) for before, after in zip(edges, edges[2:], strict=False)]
    return found
