"""The path: for each frame of the foreground the frame of the background that it shows, as a whole the most likely one.

Time runs forward, mostly at one speed, sometimes with a jump, and some frames may show nothing of the background. The
path of least cost under these rules is found by dynamic programming (Viterbi).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Costs = NDArray[np.float32]
STEP_COST, CHANGE_COST, JUMP_COST, NOTHING_COST = 0.3, 0.3, 12.0, 8.0
"""Costs: a step that is not the usual one, a change of step, a jump forward, and a frame that shows nothing."""
JUMP = -1


@dataclass(frozen=True)
class Path:
    """The background's frame for each frame of the foreground, -1 where none; where the path jumped; and its cost."""

    frames: NDArray[np.int64]
    jumps: NDArray[np.bool_]
    cost: float

    @property
    def matched(self) -> NDArray[np.int64]:
        """The frames of the foreground that show something of the background."""
        return np.flatnonzero(self.frames >= 0)


def costs_of(background: Costs, foreground: Costs) -> Costs:
    """The squared distance of each pair of unit vectors, in units of what is usual between true pairs."""
    distance = np.maximum(2 - 2 * (foreground @ background.T), 0)
    floor = max(float(np.median(distance.min(axis=1))), 1e-4)
    return np.asarray(distance / floor, np.float32)


def best_path(costs: Costs, ratio: float, *, reorder: bool = False) -> Path:
    """The path of least cost; `ratio` is how many frames of the background pass in one of the foreground."""
    steps = np.arange(round(3 * ratio) + 3)
    prior = STEP_COST * np.abs(steps - ratio).astype(np.float32)
    change = CHANGE_COST * np.abs(steps[:, None] - steps[None]).astype(np.float32)
    usual, (count, places) = round(ratio), costs.shape
    total = np.repeat(costs[0][:, None], len(steps), axis=1)
    nothing = np.full(places, NOTHING_COST, np.float32)
    from_step = np.zeros((count, places, len(steps)), np.int8)
    jumped_from = np.zeros((count, places), np.int32)
    stays = np.zeros((count, places), np.int8)
    for index in range(1, count):
        ways = total[:, :, None] + change[None]
        before = ways.argmin(axis=1)
        reached = np.take_along_axis(ways, before[:, None], axis=1)[:, 0] + prior
        fresh = np.full_like(total, np.inf)
        for step in steps:
            fresh[step:, step] = reached[: places - step, step]
            from_step[index, step:, step] = before[: places - step, step]
        ends, ends_step = total.min(axis=1), total.argmin(axis=1)
        lowest = np.minimum(ends, nothing)
        origin = _forward_argmin(lowest) if not reorder else np.full(places, int(lowest.argmin()))
        jump = lowest[origin] + JUMP_COST
        jump[0] = np.inf if not reorder else jump[0]
        better = jump < fresh[:, usual]
        fresh[better, usual] = jump[better]
        from_step[index, better, usual] = JUMP
        jumped_from[index] = origin
        stays[index] = np.where(nothing <= ends, JUMP, ends_step)
        nothing = np.minimum(nothing, ends) + np.float32(NOTHING_COST)
        total = fresh + costs[index][:, None]
    return _traced(total, nothing, from_step, jumped_from, stays)


def _forward_argmin(values: Costs) -> NDArray[np.int64]:
    """For each place the place before it with the least value."""
    running = np.minimum.accumulate(values)
    first = np.maximum.accumulate(np.where(values <= running, np.arange(len(values)), 0))
    return np.concatenate([[0], first[:-1]])


def _traced(
    total: Costs, nothing: Costs, from_step: NDArray[np.int8], jumped_from: NDArray[np.int32], stays: NDArray[np.int8]
) -> Path:  # fmt: skip
    """Follow the path back from its end. A state is a place with a step, or a place with nothing (step JUMP)."""
    count = len(from_step)
    frames, jumps = np.full(count, -1, np.int64), np.zeros(count, bool)
    is_nothing = nothing.min() < total.min()
    place = int(nothing.argmin()) if is_nothing else int(total.min(axis=1).argmin())
    step = JUMP if is_nothing else int(total[place].argmin())
    cost = float(min(nothing.min(), total.min()))
    for index in range(count - 1, -1, -1):
        if step == JUMP:
            step = int(stays[index, place])
            continue
        frames[index] = place
        if index == 0:
            break
        before = int(from_step[index, place, step])
        if before != JUMP:
            place, step = place - step, before
            continue
        jumps[index] = True
        place = int(jumped_from[index, place])
        step = int(stays[index, place])
    return Path(frames, jumps, cost)
