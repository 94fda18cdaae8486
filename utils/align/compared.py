"""Compared: how unlike frames of two clips are, for all pairs of short clips and for some pairs of long ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from utils.align.fingerprints import Fingerprints
from utils.align.path import Band, Costs, Frames

ROWS = 64
"""Frames of the foreground that are compared at once."""
SAMPLED_ROWS, SAMPLED_COLUMNS = 200, 500


@dataclass(frozen=True)
class Compared:
    """Costs of pairs of frames: squared distances of their vectors, in units of what is usual between true pairs."""

    prints: Fingerprints
    floor: float

    def block(self, rows: slice, columns: slice) -> Costs:
        """What the pairs of these frames of the foreground and of the background cost."""
        return distances(self.prints, rows, columns) / np.float32(self.floor)

    @property
    def usual(self) -> float:
        """What a pair that does not belong together usually costs more than one that does."""
        own, theirs = len(self.prints.own), len(self.prints.theirs)
        steps = max(1, own // SAMPLED_ROWS), max(1, theirs // SAMPLED_COLUMNS)
        sampled = self.block(slice(0, own, steps[0]), slice(0, theirs, steps[1]))
        return max(float(np.median(sampled)) - 1, 1e-6)


def distances(prints: Fingerprints, rows: slice, columns: slice) -> Costs:
    """The squared distances of vectors, from 0 to 4."""
    return np.maximum(2 - 2 * (prints.own[rows] @ prints.theirs[columns].T), 0)


def band_of(prints: Fingerprints, columns: Sequence[Frames], usual_share: float = 0.5) -> tuple[Band, Compared]:
    """The costs of the pairs in a band, in units of what this share of the frames are unlike at least."""
    found = list[Costs]()
    for start in range(0, len(columns), ROWS):
        wanted = columns[start : start + ROWS]
        ends = [(int(each[0]), int(each[-1]) + 1) for each in wanted if len(each)]
        first, stop = (min(end[0] for end in ends), max(end[1] for end in ends)) if ends else (0, 1)
        block = distances(prints, slice(start, start + len(wanted)), slice(first, stop))
        found += [row[each - first] for row, each in zip(block, wanted, strict=True)]
    nearest = [float(row.min()) for row in found if len(row)]
    floor = max(float(np.quantile(nearest, usual_share)), 1e-4) if nearest else 1.0
    return Band(columns, [row / np.float32(floor) for row in found]), Compared(prints, floor)


def everything(prints: Fingerprints) -> list[Frames]:
    """A band of all pairs."""
    return [np.arange(len(prints.theirs))] * len(prints.own)
