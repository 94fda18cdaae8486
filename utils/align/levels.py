"""Levels: the path of a long pair, found in averaged frames first, then in a narrow band around it, ever finer.

Pairs of frames grow with the square of the length. At the coarsest level few frames are left, and all their pairs are
compared; each finer level compares only what lies near the path of the coarser one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from utils.align.compared import Compared, band_of, everything
from utils.align.fingerprints import Fingerprints
from utils.align.path import Frames, Path, best_path

MOST_PAIRS, FINER = 1_500_000, 4
"""So many pairs are compared at the coarsest level; a level has so many times the frames of the one before."""
SLACK_COARSE, SLACK_FINE = 2.0, 3
"""Half the width of a band: so many frames of the coarser level, and so many of its own."""
AVERAGED_SHARE = 0.75
"""Averages of the same frames are more alike than those that share half of them, which most frames are that match."""
MOST_UNEQUAL = 3.0
"""Frames of one clip are averaged over at most so many times as many as would be needed."""
LANE_FRAMES = 5
"""How many frames at the end of a lane tell how fast time runs beyond it."""


@dataclass(frozen=True)
class Level:
    """How many frames of each clip are one at this level."""

    background: int
    foreground: int


@dataclass(frozen=True)
class Rules:
    """What a path must keep to: how many frames of the background pass in one of the foreground, and what is given."""

    ratio: float
    anchors: Mapping[int, int]
    """Frames of the foreground whose frame of the background is given."""
    reorder: bool = False


def levels_of(background: int, foreground: int, ratio: float, most_pairs: int = MOST_PAIRS) -> list[Level]:
    """The levels for clips of so many frames, the coarsest first; one where all pairs can be compared."""
    if background * foreground <= most_pairs:
        return [Level(1, 1)]
    needed = np.sqrt(background * foreground / most_pairs)
    # The same stretch of time in both clips: more frames of that which has more of them in a second.
    more = float(np.clip(np.sqrt(ratio), 1 / MOST_UNEQUAL, MOST_UNEQUAL))
    level = Level(*(max(1, int(np.ceil(needed * share))) for share in (more, 1 / more)))
    found = [level]
    while (level.background, level.foreground) != (1, 1):
        level = Level(*(max(1, round(each / FINER)) for each in (level.background, level.foreground)))
        found.append(level)
    return found


def found_path(
    prints: Fingerprints, rules: Rules, levels: list[Level] | None = None
) -> tuple[Path, Fingerprints, Compared]:
    """The path of a pair, its fingerprints once it is known which pixels to trust, and the measure of its costs."""
    levels = levels or levels_of(len(prints.background), len(prints.foreground), rules.ratio)
    coarse = prints.averaged(levels[0].background, levels[0].foreground)
    coarse = coarse.trusting()
    prints = replace(prints, weights=coarse.weights)
    path, compared = _at_level(coarse, everything(coarse), levels[0], rules)
    for before, level in pairwise(levels):
        finer = prints.averaged(level.background, level.foreground)
        path, compared = _at_level(finer, _near(path, before, level, finer), level, rules)
    return path, prints, compared


def _at_level(prints: Fingerprints, columns: list[Frames], level: Level, rules: Rules) -> tuple[Path, Compared]:
    held = {row // level.foreground: place // level.background for row, place in rules.anchors.items()}
    columns = [np.array([held[row]]) if row in held else each for row, each in enumerate(columns)] if held else columns
    share = 0.5 if level == Level(1, 1) else AVERAGED_SHARE
    band, compared = band_of(prints, columns, share)
    ratio = rules.ratio * level.foreground / level.background
    return best_path(band, ratio, reorder=rules.reorder, held=held.keys()), compared


def _near(path: Path, before: Level, level: Level, prints: Fingerprints) -> list[Frames]:
    """The frames near a path of a coarser level, for each frame of this one."""
    rows, places = len(prints.own), len(prints.theirs)
    scale = before.background / level.background
    half = SLACK_COARSE * scale + SLACK_FINE
    centres = ((np.arange(rows) + 0.5) * level.foreground) / before.foreground - 0.5  # as rows of the coarser level
    wanted = [list[Frames]() for _ in range(rows)]
    for first, last, values in _lanes(path, before, centres):
        found = (values + 0.5) * scale - 0.5
        for row, centre in zip(range(first, last), found, strict=True):
            low, high = max(0, int(centre - half)), min(places, int(centre + half) + 1)
            if low < high:
                wanted[row].append(np.arange(low, high))
    return [_united(each) for each in wanted]


def _united(parts: list[Frames]) -> Frames:
    if not parts:
        return np.zeros(0, np.int64)
    return parts[0] if len(parts) == 1 else np.unique(np.concatenate(parts))


def _lanes(path: Path, level: Level, centres: NDArray[np.float64]) -> list[tuple[int, int, NDArray[np.float64]]]:
    """Stretches of a path without a jump, and what lies between them, as rows of a finer level with their places.

    Each goes on beyond its ends, for where exactly time jumps is not known yet.
    """
    matched = path.matched
    found = list[tuple[int, int, NDArray[np.float64]]]()
    if not len(matched):
        return found
    runs = np.split(matched, [at for at in range(1, len(matched)) if path.jumps[matched[at]]])
    for run in runs:
        found.append(_lane(run, path.frames[run], centres))
    for one, other in pairwise(runs):  # what showed nothing in between, perhaps only when averaged
        ends = np.array([one[-1], other[0]])
        if path.frames[ends[1]] >= path.frames[ends[0]]:
            found.append(_lane(ends, path.frames[ends], centres))
    return found


def _lane(rows: Frames, places: Frames, centres: NDArray[np.float64]) -> tuple[int, int, NDArray[np.float64]]:
    first, last = np.searchsorted(centres, [rows[0] - SLACK_COARSE, rows[-1] + SLACK_COARSE])
    asked = centres[first:last]
    values = np.interp(asked, rows, places)
    for part, beyond, end in (
        (slice(None, LANE_FRAMES), asked < rows[0], 0),
        (slice(-LANE_FRAMES, None), asked > rows[-1], -1),
    ):
        if len(rows) > 1 and beyond.any():
            slope = np.polyfit(rows[part], places[part], 1)[0]
            values[beyond] = places[end] + slope * (asked[beyond] - rows[end])
    return int(first), int(last), values
