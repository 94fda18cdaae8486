"""The order in which the frames of a window are made: keys first, then what lies between two finished frames, halving.

So every frame but the first one starts from finished ones around it, nothing is carried along further than a few times,
and all that halves a gap in the same round can be made at once. Encoders of video order their B-frames like this.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import ceil

KEY_EVERY = 16
"""Most frames from key to key; keys are spread evenly, so there are at least half as many."""


@dataclass(frozen=True)
class Turn:
    """A frame that is made, and the finished ones that it starts from; a key is renewed more than what lies between."""

    index: int
    sources: tuple[int, ...]
    is_key: bool


def rounds(frames: int, key_every: int = KEY_EVERY) -> list[list[Turn]]:
    """All frames of a window by rounds; the frames of a round do not depend on each other."""
    keys = key_indices(frames, key_every)
    chain = [[Turn(0, (), is_key=True)], *([Turn(key, (before,), is_key=True)] for before, key in pairwise(keys))]
    return chain + _halvings(list(pairwise(keys)))


def key_indices(frames: int, key_every: int = KEY_EVERY) -> list[int]:
    """The keys: the first frame, the last one, and some between them at even distances."""
    last = frames - 1
    gaps = ceil(last / key_every)
    return [round(last * part / gaps) for part in range(gaps + 1)] if gaps else [0]


def _halvings(gaps: list[tuple[int, int]]) -> list[list[Turn]]:
    """The frames in the middle of gaps, then those in the middle of what is left."""
    found: list[list[Turn]] = []
    while gaps := [(before, after) for before, after in gaps if after - before > 1]:
        middles = [(before + after) // 2 for before, after in gaps]
        found.append([Turn(middle, gap, is_key=False) for middle, gap in zip(middles, gaps, strict=True)])
        gaps = [half for middle, (before, after) in zip(middles, gaps, strict=True)
                for half in ((before, middle), (middle, after))]  # fmt: skip
    return found
