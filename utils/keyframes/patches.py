"""Nearest patches: for each pixel of a picture, the place in another one whose surroundings look most like its own.

PatchMatch (Barnes and others, 2009): a pixel tries the places that its neighbours found, shifted by one, for what lies
beside each other here mostly does there; then places at random, ever nearer to the best one. A picture has eight 8-bit
channels that lie beside each other in memory, so that a row of a patch is compared in a few instructions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utils.compiled import kernel

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Places = NDArray[np.int32]
"""h x w x 2: row and column in the other picture."""
Costs = NDArray[np.int32]
Flags = NDArray[np.bool_]

RADIUS = 2
SIDE = 2 * RADIUS + 1
CHANNELS = 8


@dataclass(frozen=True)
class Packed:
    """A picture of up to eight channels, rows x (columns * 8), with a border of repeated pixels around it."""

    pixels: Bytes

    @classmethod
    def of(cls, channels: Sequence[NDArray[np.generic]]) -> "Packed":
        """Channels (h x w), each scaled by how much it counts; what is beyond 0..255 is cut."""
        height, width = channels[0].shape
        pixels = np.zeros((height, width, CHANNELS), np.uint8)
        for number, channel in enumerate(channels):
            pixels[..., number] = channel if channel.dtype == np.uint8 else np.clip(np.rint(channel), 0, 255)
        edged = np.pad(pixels, ((RADIUS, RADIUS), (RADIUS, RADIUS), (0, 0)), mode="edge")
        return cls(edged.reshape(height + 2 * RADIUS, -1))


@dataclass(frozen=True)
class Expected:
    """Where a pixel is expected to be found, and what each px² of distance from there costs, up to a distance."""

    places: Places
    weight: NDArray[np.int32]
    most_px: int


@dataclass(frozen=True)
class Nearest:
    """The nearest patches of the pixels `inside`, and what they cost: the sum of squared differences, and distance."""

    places: Places
    costs: Costs
    inside: Flags

    @classmethod
    def at(cls, places: Places, inside: Flags) -> "Nearest":
        """A first guess."""
        return cls(places.copy(), np.zeros(inside.shape, np.int32), inside)

    def improved(
        self, picture: Packed, other: Packed, expected: Expected, rounds: int, reach_px: int, seed: int
    ) -> "Nearest":
        """Better ones, after so many rounds of looking up to `reach_px` away."""
        places, costs = self.places.copy(), self.costs.copy()
        rows, columns = other.pixels.shape
        size = rows - 2 * RADIUS, columns // CHANNELS - 2 * RADIUS
        given = picture.pixels, other.pixels, expected.places, expected.weight, expected.most_px**2, size
        state = places, costs, self.inside
        _start(given, state)
        turn = np.uint64(2 * seed + 1)
        for number in range(rounds):
            turn = np.uint64(_round(given, state, -1 if number % 2 else 1, reach_px, turn))
        return replace(self, places=places, costs=costs)

    def voted(self, other: Floats, alike: float) -> Floats:
        """The picture (h x w x channels) that the patches of `other` make together: each pixel the mean of all that
        cover it. A patch that costs `alike` counts half as much as one that costs nothing."""
        made = np.zeros((*self.inside.shape, other.shape[2]), np.float32)
        _vote(self.places, self.costs, self.inside, other, alike, made)
        return made


@kernel
def _difference(given: Any, y: int, x: int, v: int, u: int, most: int) -> int:
    """The sum of squared differences of two patches; anything from `most` on once it is that large."""
    picture, other = given[0], given[1]
    total = 0
    first, second = x * CHANNELS, u * CHANNELS
    for row in range(SIDE):
        one, two = picture[y + row], other[v + row]
        part = 0
        for k in range(SIDE * CHANNELS):
            difference: Any = np.int32(one[first + k]) - np.int32(two[second + k])
            part += difference * difference
        total += part
        if total >= most:
            break
    return total


@kernel
def _distance_cost(given: Any, y: int, x: int, v: int, u: int) -> int:
    """What it costs that a place is away from where it is expected."""
    expected, weight, most2 = given[2], given[3], given[4]
    away2 = (v - expected[y, x, 0]) ** 2 + (u - expected[y, x, 1]) ** 2
    cost: int = weight[y, x] * min(away2, most2)
    return cost


@kernel
def _start(given: Any, state: Any) -> None:
    """The costs of the places as they are."""
    places, costs, inside = state
    for y in range(inside.shape[0]):
        for x in range(inside.shape[1]):
            if inside[y, x]:
                v, u = places[y, x, 0], places[y, x, 1]
                costs[y, x] = _distance_cost(given, y, x, v, u) + _difference(given, y, x, v, u, 1 << 30)


@kernel
def _try(given: Any, state: Any, y: int, x: int, v: int, u: int) -> None:
    """Take a place for a pixel if it costs less than the one it has."""
    places, costs, size = state[0], state[1], given[5]
    if 0 <= v < size[0] and 0 <= u < size[1]:
        cost = _distance_cost(given, y, x, v, u)
        if cost < costs[y, x]:
            cost += _difference(given, y, x, v, u, costs[y, x] - cost)
            if cost < costs[y, x]:
                costs[y, x], places[y, x, 0], places[y, x, 1] = cost, v, u


@kernel
def _round(given: Any, state: Any, step: int, reach: int, turn: Any) -> Any:
    """Go over all pixels once, forwards or (with step -1) backwards; returns the state of the random numbers."""
    places, _, inside = state
    height, width = inside.shape
    for i in range(height):
        y = i if step > 0 else height - 1 - i
        for j in range(width):
            x = j if step > 0 else width - 1 - j
            if not inside[y, x]:
                continue
            if 0 <= y - step < height and inside[y - step, x]:
                _try(given, state, y, x, places[y - step, x, 0] + step, places[y - step, x, 1])
            if 0 <= x - step < width and inside[y, x - step]:
                _try(given, state, y, x, places[y, x - step, 0], places[y, x - step, 1] + step)
            radius = reach
            while radius >= 1:
                turn ^= turn << np.uint64(13)  # xorshift (Marsaglia, 2003)
                turn ^= turn >> np.uint64(7)
                turn ^= turn << np.uint64(17)
                down = np.int64(turn & np.uint64(0xFFFF)) * (2 * radius + 1) >> 16
                right = np.int64((turn >> np.uint64(24)) & np.uint64(0xFFFF)) * (2 * radius + 1) >> 16
                _try(given, state, y, x, places[y, x, 0] - radius + down, places[y, x, 1] - radius + right)
                radius //= 3
    return turn


@kernel
def _vote(places: Places, costs: Costs, inside: Flags, other: Floats, alike: float, made: Floats) -> None:
    """Add up what all patches that cover a pixel show there."""
    height, width = inside.shape
    channels = other.shape[2]
    for y in range(height):
        for x in range(width):
            if not inside[y, x]:
                continue
            total = np.float32(0)
            for ny in range(max(0, y - RADIUS), min(height, y + RADIUS + 1)):
                for nx in range(max(0, x - RADIUS), min(width, x + RADIUS + 1)):
                    v, u = places[ny, nx, 0] + y - ny, places[ny, nx, 1] + x - nx
                    if inside[ny, nx] and 0 <= v < other.shape[0] and 0 <= u < other.shape[1]:
                        share = np.float32(1 / (1 + costs[ny, nx] / alike))
                        total += share
                        for c in range(channels):
                            made[y, x, c] += share * other[v, u, c]
            for c in range(channels):
                made[y, x, c] /= total
