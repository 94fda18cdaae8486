"""Joint refinement: placement and times solved together, for under a moving camera one looks like the other.

Gauss-Newton on the difference between each frame of the foreground and the background at its moment. Each frame has its
own time, all share the placement; times are eliminated from the equations (Schur complement), which leaves three.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from utils.align.fingerprints import Prints
from utils.align.grid import Grid
from utils.align.placement import Placement, whole
from utils.align.proxies import Proxies

Values = NDArray[np.float64]
WIDTH_PX, BORDER_WIDTH_PX, MOST_FRAMES, MOST_ROUNDS = 96, 200, 60, 12
LARGEST_STEP_FRAMES, DONE_CELLS = 1.0, 0.004
STEP_SHARE = 0.7
"""Steps are too long, since differences of neighbouring pixels fall short of what fine texture changes from one to the
next: so much of each is gone."""
LEAST_GAIN = 0.05
"""A frame that hardly shows the background, not even weaker, is compared as it is."""
STEADY = 1e-3
"""Keeps the time of a frame in which hardly anything moves where it is, as a share of its contrast."""


@dataclass(frozen=True)
class Solved:
    """A placement, the moments of some frames of the foreground, and how alike the pictures are then."""

    placement: Placement
    indices: NDArray[np.int64]
    moments: Values
    likeness: float
    """Median correlation of the high-passed pictures."""


@dataclass(frozen=True)
class _Equations:
    """Those of one frame: for the placement, without its time; and what its time is when the placement is known."""

    normal: Values
    right: Values
    time_row: Values
    time_normal: float
    time_right: float
    square: Prints
    """The squared difference at each pixel."""
    error: float
    likeness: float

    def later(self, step: Values) -> float:
        """By how many frames the moment moves when the placement makes a step."""
        frames = (self.time_right - float(self.time_row @ step)) / self.time_normal if self.time_normal else 0.0
        return float(np.clip(frames, -LARGEST_STEP_FRAMES, LARGEST_STEP_FRAMES))


class Joint:
    """Refines a placement and the moments of some frames, in frames of the background."""

    def __init__(self, background: Proxies, foreground: Proxies, known: NDArray[np.int64], border_px: int = 0) -> None:
        """`known` are frames of the foreground whose moments are about known; some of them are taken."""
        self._background, self._size = background, foreground.size
        self._grid = Grid.of(foreground.size, BORDER_WIDTH_PX if border_px else WIDTH_PX, border_px)
        few = np.linspace(0, len(known) - 1, min(MOST_FRAMES, len(known))).round().astype(np.int64)
        self.indices = known[few]
        pictures = (whole(foreground.luma[index], foreground, self._grid.size) for index in self.indices)
        self._own = [self._grid.high(picture) for picture in pictures]
        down, across = np.mgrid[: self._grid.size.height_px, : self._grid.size.width_px].astype(np.float32) + 0.5
        self._across = across * np.float32(self._size.width_px / self._grid.size.width_px)
        self._down = down * np.float32(self._size.height_px / self._grid.size.height_px)

    def solve(self, placement: Placement, moments: Values, *, places: bool = True, turns: bool = False) -> Solved:
        """Iterate until the placement rests: one that is given stays, and it is turned only where it `turns`."""
        unknown = 4 if turns else 3
        moments, weights = moments.copy(), self._grid.mask
        frames: list[_Equations] = []
        for _ in range(MOST_ROUNDS):
            pairs = zip(moments, self._own, strict=True)
            frames = [self._equations(placement, float(moment), own, weights) for moment, own in pairs]
            step = STEP_SHARE * _step(frames, unknown) if places else np.zeros(4)
            later = np.array([each.later(step) for each in frames])
            moments = np.clip(moments + later, 0, len(self._background) - 1)
            left, top, scale, turn = (float(each) for each in step)
            placement = Placement(
                placement.scale + scale, placement.left + left, placement.top + top, placement.turn + turn
            )
            weights = _trust(np.mean([each.square for each in frames], axis=0), self._grid)
            moved_px = max(abs(left), abs(top), (abs(scale) + abs(turn)) * self._size.width_px)
            if moved_px < DONE_CELLS * placement.scale * self._size.width_px / self._grid.size.width_px:
                break
        return Solved(placement, self.indices, moments, float(np.median([each.likeness for each in frames])))

    def _equations(self, placement: Placement, moment: float, own: Prints, weights: Prints) -> _Equations:
        """The equations of one frame, linear around the current solution."""
        # 1. What the background shows there and then, and how that changes in time.
        before = min(int(moment), len(self._background) - 2)
        pair = [self._cut(placement, before + number) for number in (0, 1)]
        passing = pair[1] - pair[0]
        shown = pair[0] + np.float32(moment - before) * passing

        # 2. What differs, in the background's contrast.
        energy, agreeing = float((weights * shown * shown).sum()), float((weights * own * shown).sum())
        gain = agreeing / max(energy, 1e-6)
        residual = (own / np.float32(gain) if abs(gain) > LEAST_GAIN else own) - shown

        # 3. The equations for the placement, from which the time of this frame is eliminated.
        rows = self._slopes(placement, shown)
        weighted = rows * weights.ravel()
        time_row = weighted @ passing.ravel()
        time_normal = float((weights * passing * passing).sum()) + STEADY * energy
        time_right = float((weights * passing * residual).sum())
        normal = weighted @ rows.T - np.outer(time_row, time_row) / time_normal
        right = weighted @ residual.ravel() - time_row * (time_right / time_normal)

        square = residual * residual
        error, total = float((weights * square).mean()), float((weights * own * own).sum())
        likeness = agreeing / max(float(np.sqrt(total * energy)), 1e-6)
        return _Equations(normal, right, time_row, time_normal, time_right, square, error, likeness)

    def _cut(self, placement: Placement, index: int) -> Prints:
        picture = placement.crop(self._background.luma[index], self._background, self._size, self._grid.size)
        return self._grid.high(picture)

    def _slopes(self, placement: Placement, shown: Prints) -> Prints:
        """How each pixel changes when the placement goes right, goes down, grows and turns; 4 x pixels."""
        fits = [count / (placement.scale * side) for count, side in zip(self._grid.size, self._size, strict=True)]
        right, down = (np.gradient(shown, axis=axis) * np.float32(fit) for axis, fit in ((1, fits[0]), (0, fits[1])))
        growing, turning = right * self._across + down * self._down, down * self._across - right * self._down
        rows = np.stack([right, down, growing, np.float32(placement.scale) * turning])
        return np.asarray(rows.reshape(4, -1), np.float32)


def _step(frames: list[_Equations], unknown: int) -> Values:
    """The step of the placement that all frames ask for together; those that fit badly count for less.

    Only the first `unknown` parts of it are solved for.
    """
    usual = max(float(np.median([each.error for each in frames])), 1e-6)
    shares = [1.0 / (1.0 + each.error / usual) for each in frames]
    normal = np.sum([share * each.normal for share, each in zip(shares, frames, strict=True)], axis=0)
    right = np.sum([share * each.right for share, each in zip(shares, frames, strict=True)], axis=0)
    few = normal[:unknown, :unknown]
    few = few + 1e-9 * np.diag(few.diagonal())
    step = np.zeros(4)
    step[:unknown] = np.linalg.solve(few, right[:unknown])
    return step


def _trust(square: Prints, grid: Grid) -> Prints:
    """Less weight for pixels that differ in most frames, such as those of a subtitle."""
    usual = max(float(np.median(square.ravel()[grid.counted])), 1e-6)
    return np.asarray(grid.mask / (1.0 + (square / usual) ** 2), np.float32)
