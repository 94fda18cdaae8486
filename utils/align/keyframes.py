"""Keyframes: few frames of a clip, evenly spread, in which a placement is looked for before times are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from utils.align.placing import BACKGROUND_FRAMES, MOST_BETWEEN_S
from utils.align.proxies import Luma, Pictures, Proxies

MOST = 200
"""So many frames of a clip are looked at, if nothing else is said."""


@dataclass(frozen=True)
class Some:
    """Some of the pictures of a clip, each read when it is asked for."""

    pictures: Pictures
    indices: Sequence[int]

    @property
    def shape(self) -> tuple[int, ...]:
        """That of all of them in one array."""
        return (len(self.indices), *self.pictures.shape[1:])

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Luma:
        return self.pictures[self.indices[index]]


def part(clip: Proxies, indices: range) -> Proxies:
    """Some of the frames of a clip, which take no memory."""
    return Proxies(Some(clip.luma, indices), clip.times_s[indices.start : indices.stop : indices.step], clip.size)


def every(clip: Proxies, step: int) -> Proxies:
    """Every so many frames of a clip."""
    return part(clip, range(0, len(clip), step))


def spread(clip: Proxies, count: int) -> list[int]:
    """So many frames of a clip, evenly spread, none at its ends."""
    places = np.linspace(0, len(clip) - 1, count + 2)[1:-1].round().astype(int)
    return [int(place) for place in places]


def keyframes(clip: Proxies, most: int) -> Proxies:
    """At most so many frames of a clip; all of it where a placement is looked for in no more of them, or 0 is given."""
    looked_at = len(clip) / max(1, min(len(clip) // BACKGROUND_FRAMES, round(MOST_BETWEEN_S * clip.rate)))
    return every(clip, -(-len(clip) // most)) if most and looked_at > most else clip
