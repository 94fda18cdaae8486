"""The path: for each frame of the foreground the frame of the background that it shows, as a whole the most likely one.

Time runs forward, mostly at one speed, sometimes with a jump, and some frames may show nothing of the background. The
path of least cost under these rules is found by dynamic programming (Viterbi) through a band: for each frame of the
foreground the frames of the background that it may show.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Costs = NDArray[np.float32]
Frames = NDArray[np.int64]
STEP_COST, CHANGE_COST, JUMP_COST, NOTHING_COST = 0.3, 0.3, 12.0, 8.0
"""Costs: a step that is not the usual one, a change of step, a jump forward, and a frame that shows nothing."""
HOPELESS_COST = 300.0
"""A way that costs so much more than another one is not followed: the number of ways stays small in long clips."""


@dataclass(frozen=True)
class Path:
    """The background's frame for each frame of the foreground, -1 where none; where time jumped; and the cost."""

    frames: Frames
    jumps: NDArray[np.bool_]
    cost: float

    @property
    def matched(self) -> Frames:
        """The frames of the foreground that show something of the background."""
        return np.flatnonzero(self.frames >= 0)


@dataclass(frozen=True)
class Band:
    """For each frame of the foreground the frames of the background that it may show, ascending, and their costs."""

    columns: Sequence[Frames]
    costs: Sequence[Costs]


@dataclass(frozen=True)
class _Left:
    """Ways on which the background was left: from which place, after which frame of the foreground, at which cost.

    Places ascend and costs descend: a way that leaves later and costs more is none that is ever taken.
    """

    places: Frames
    rows: Frames
    costs: Costs

    def later(self, places: Frames, ends: Costs, row: int, *, held: bool) -> "_Left":
        """One frame later, which showed nothing (unless it was held to show something), or left only then."""
        best = _descending(ends)
        places, rows, costs = places[best], np.full(int(best.sum()), row), ends[best]
        if not held:
            waited = self.costs + np.float32(NOTHING_COST)
            order = np.lexsort((np.append(waited, costs), np.append(self.places, places)))
            places, rows = np.append(self.places, places)[order], np.append(self.rows, rows)[order]
            costs = np.append(waited, costs)[order]
            best = _descending(costs) & (costs < costs.min() + np.float32(HOPELESS_COST))
            places, rows, costs = places[best], rows[best], costs[best]
        return _Left(places, rows, costs)

    def before(self, places: Frames, *, reorder: bool) -> Frames:
        """Which way leads to each of these places by a jump; -1 where none."""
        if reorder:
            return np.full(len(places), len(self.places) - 1)
        return np.searchsorted(self.places, places) - 1

    def jump(self, places: Frames, *, reorder: bool) -> Costs:
        """The cost of jumping to each of these places."""
        costs = np.append(self.costs + np.float32(JUMP_COST), np.float32(np.inf))
        return np.asarray(costs[self.before(places, reorder=reorder)])


def _descending(costs: Costs) -> NDArray[np.bool_]:
    """Which costs are less than all before them."""
    best = np.ones(len(costs), bool)
    best[1:] = costs[1:] < np.minimum.accumulate(costs)[:-1]
    return best


def best_path(band: Band, ratio: float, *, reorder: bool = False, held: Set[int] = frozenset()) -> Path:
    """The path of least cost.

    `ratio` is how many frames of the background pass in one of the foreground; frames that are `held` show something.
    """
    steps = np.arange(round(3 * ratio) + 3)
    prior = np.float32(STEP_COST) * np.abs(steps - ratio).astype(np.float32)[:, None]
    usual = int(prior.argmin())
    totals = [np.repeat(band.costs[0][None], len(steps), axis=0)]
    ways = [_Left(np.array([-1]), np.array([-1]), np.zeros(1, np.float32))]
    origins = _Origins(steps)
    for index in range(1, len(band.columns)):
        before, now = band.columns[index - 1], band.columns[index]
        ways.append(ways[-1].later(before, totals[-1].min(axis=0), index - 1, held=index - 1 in held))
        reached = np.concatenate([_changed(totals[-1]), np.full((len(steps), 1), np.inf, np.float32)], axis=1)
        fresh = prior + reached[steps[:, None], origins.between(before, now)]
        np.minimum(fresh[usual], ways[-1].jump(now, reorder=reorder), out=fresh[usual])
        totals.append(fresh + band.costs[index])
    last = len(totals) - 1
    ways.append(ways[-1].later(band.columns[-1], totals[-1].min(axis=0), last, held=last in held))
    return _traced(band, ratio, prior[:, 0], totals, ways, reorder=reorder)


class _Origins:
    """For each step and each place of a frame the position from which it is reached in the frame before."""

    def __init__(self, steps: Frames) -> None:
        self._steps = steps
        self._known: tuple[Frames, Frames, Frames] | None = None

    def between(self, before: Frames, now: Frames) -> Frames:
        """Positions in `before`; its length where there is none."""
        if self._known is None or self._known[0] is not before or self._known[1] is not now:
            wanted = now[None] - self._steps[:, None]
            found = np.searchsorted(before, wanted)
            there = np.append(before, -1)[found] == wanted
            self._known = before, now, np.where(there, found, len(before))
        return self._known[2]


def _changed(total: Costs) -> Costs:
    """The least cost at each place and step, when the step may still be changed, which costs by how much."""
    change = np.float32(CHANGE_COST)
    total = total.copy()
    for step in range(1, len(total)):
        np.minimum(total[step], total[step - 1] + change, out=total[step])
    for step in range(len(total) - 2, -1, -1):
        np.minimum(total[step], total[step + 1] + change, out=total[step])
    return total


def _traced(band: Band, ratio: float, prior: Costs, totals: list[Costs], ways: list[_Left], *, reorder: bool) -> Path:
    """Follow the path back from its end: what led to a place is seen by comparing once more.

    What goes on as if it had run all the while, after frames that showed nothing, is no jump in time.
    """
    count, usual = len(totals), int(prior.argmin())
    frames, jumps = np.full(count, -1, np.int64), np.zeros(count, bool)
    last = ways[count]
    at = int(last.costs.argmin())
    cost, index, place = float(last.costs[at]), int(last.rows[at]), int(last.places[at])
    step: int | None = None
    while index >= 0:
        position = int(np.searchsorted(band.columns[index], place))
        if step is None:
            step = int(totals[index][:, position].argmin())
        frames[index] = place
        if index == 0:
            break
        came, before = np.full(1, np.inf), int(np.searchsorted(band.columns[index - 1], place - step))
        if before < len(band.columns[index - 1]) and band.columns[index - 1][before] == place - step:
            change = CHANGE_COST * np.abs(np.arange(len(prior)) - step)
            came = totals[index - 1][:, before] + change + prior[step]
        here = np.array([place])
        if step == usual and ways[index].jump(here, reorder=reorder)[0] < came.min():
            way = int(ways[index].before(here, reorder=reorder)[0])
            row, origin = int(ways[index].rows[way]), int(ways[index].places[way])
            jumps[index] = row >= 0 and abs(place - origin - ratio * (index - row)) > max(1.0, ratio)
            index, place, step = row, origin, None
        else:
            index, place, step = index - 1, place - step, int(came.argmin())
    return Path(frames, jumps, cost)
