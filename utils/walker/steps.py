"""Path and footfalls of a walker: where they go, and when and where each foot touches the ground.

Both are functions of time, so that any frame can be asked for alone. A footfall passes heel strike, flat, heel off and
toe off; between strike and heel off the heel does not move, between flat and toe off the toe does not.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

from utils.walker.kernel import Doubles

STEP_S = 0.54
SPEED_M_S = 1.22
_BRAKE_S, _START_S = 1.35, 1.10
_TURN_S = 1.05
_FIRST_STRIKE_S = 0.62
_SIDE_M, _TOE_OUT = 0.082, math.radians(6)
_TABLE_HZ = 500


def forward(heading: float) -> Doubles:
    """Direction of a heading: 0 points towards the camera, a quarter turn to the picture's right."""
    return np.array([math.sin(heading), 0.0, -math.cos(heading)])


def leftward(heading: float) -> Doubles:
    """Direction to the walker's own left."""
    return np.array([math.cos(heading), 0.0, math.sin(heading)])


def smooth(t: float) -> float:
    """Smooth step from 0 to 1 with continuous acceleration."""
    t = min(1.0, max(0.0, t))
    return t * t * t * (t * (6 * t - 15) + 10)


class Path(Protocol):
    """Path: position and heading of a walker over time."""

    def place(self, time_s: float) -> Doubles:
        """World position on the ground, metres."""
        ...

    def heading(self, time_s: float) -> float:
        """Heading in radians, as for `forward`."""
        ...


@dataclass(frozen=True)
class Straight:
    """Path of walking straight on."""

    start: tuple[float, float]
    towards: float
    speed_m_s: float = SPEED_M_S

    def place(self, time_s: float) -> Doubles:
        """Position at constant speed, from (x, z) at time 0."""
        start = np.array([self.start[0], 0.0, self.start[1]])
        return np.asarray(start + forward(self.towards) * self.speed_m_s * time_s)

    def heading(self, time_s: float) -> float:
        """The constant heading."""
        return self.towards


@dataclass(frozen=True)
class UpAndOff:
    """Path of walking up to a spot, standing there from `stop_s` to `go_s`, turning and walking off."""

    spot: tuple[float, float]
    coming: float
    leaving: float
    stop_s: float
    go_s: float

    def place(self, time_s: float) -> Doubles:
        """Position, with deceleration before the stop and acceleration after it."""
        spot = np.array([self.spot[0], 0.0, self.spot[1]])
        if time_s < self.go_s:
            return np.asarray(spot - forward(self.coming) * self._left_to_go(time_s))
        table = _way_off(self.coming, self.leaving)
        index = (time_s - self.go_s) * _TABLE_HZ
        last = len(table) - 1
        if index >= last:
            return np.asarray(spot + table[last] + forward(self.leaving) * SPEED_M_S * (index - last) / _TABLE_HZ)
        low = int(index)
        return np.asarray(spot + table[low] + (table[low + 1] - table[low]) * (index - low))

    def heading(self, time_s: float) -> float:
        """Heading, which turns while the walker starts again."""
        return _turned(self.coming, self.leaving, time_s - self.go_s)

    def _left_to_go(self, time_s: float) -> float:
        u = (time_s - (self.stop_s + 0.35 - _BRAKE_S)) / _BRAKE_S
        if u <= 0:
            return SPEED_M_S * _BRAKE_S * (0.5 - u)
        u = min(1.0, u)
        return SPEED_M_S * _BRAKE_S * (0.5 - (u - u**3 + u**4 / 2))


def _turned(coming: float, leaving: float, since_s: float) -> float:
    """Heading while standing: towards the camera."""
    arrived = coming * (1 - smooth((since_s + 0.5) / 0.5)) if since_s < 0 else 0.0
    return arrived + leaving * smooth((since_s + 0.08) / _TURN_S)


@lru_cache(maxsize=8)
def _way_off(coming: float, leaving: float) -> Doubles:
    """Table of offsets from the spot while starting and turning, with `_TABLE_HZ` entries per second."""
    seconds = np.arange(int((max(_TURN_S, _START_S) + 0.1) * _TABLE_HZ) + 1) / _TABLE_HZ
    u = np.minimum(seconds / _START_S, 1)
    speed = SPEED_M_S * (3 * u**2 - 2 * u**3)
    ways = np.array([forward(_turned(coming, leaving, since)) for since in seconds])
    moves = speed[:, None] * ways / _TABLE_HZ
    return np.concatenate([np.zeros((1, 3)), np.cumsum((moves[1:] + moves[:-1]) / 2, 0)])


@dataclass(frozen=True)
class Footfall:
    """One footfall (0 left, 1 right): its four times, its place, and the length of the stride before it."""

    side: int
    strike_s: float
    flat_s: float
    heel_off_s: float
    toe_off_s: float
    place: Doubles
    heading: float
    stride_m: float


@dataclass(frozen=True)
class Plan:
    """All footfalls of a walker: 0 is the right foot's last before the stand, 1 the left foot's first after it."""

    path: Path
    stop_s: float
    go_s: float

    @classmethod
    def steady(cls, path: Path) -> "Plan":
        """Footfalls of walking without a stop."""
        return cls(path, 0.0, STEP_S - _FIRST_STRIKE_S)

    def strike_s(self, index: int) -> float:
        """Time at which the heel of a footfall touches the ground."""
        if index <= 0:
            return self.stop_s + index * STEP_S
        return self.go_s + _FIRST_STRIKE_S + (index - 1) * STEP_S

    def footfall(self, index: int) -> Footfall:
        """The footfall with a number."""
        strike = self.strike_s(index)
        off = self.strike_s(1) - 0.42 if index == -1 else self.strike_s(index + 1) + 0.22 * STEP_S
        rise = 0.24 if index == -1 else 0.52 * STEP_S
        place, heading = self._landing(index)
        before, _ = self._landing(index - 2)
        return Footfall(
            index % 2 ^ 1, strike, strike + 0.105, off - rise, off, place, heading, math.dist(place, before)
        )

    def around(self, side: int, time_s: float) -> tuple[Footfall, Footfall]:
        """The current or last footfall of a foot at a time, and its next one."""
        if time_s < self.strike_s(1):
            index = min(0, math.floor((time_s - self.stop_s) / STEP_S))
        else:
            index = 1 + math.floor((time_s - self.strike_s(1)) / STEP_S)
        while index % 2 ^ 1 != side or self.strike_s(index) > time_s:
            index -= 1
        return self.footfall(index), self.footfall(index + 2)

    def _landing(self, index: int) -> tuple[Doubles, float]:
        """Position of a foot: beside the walker's position as it passes over the foot."""
        passes = self.strike_s(index) + 0.5 * STEP_S
        if index <= 0 and self.go_s > self.stop_s:
            passes = min(passes, self.go_s - 1e-3)
        heading = self.path.heading(passes)
        out = 1 if index % 2 else -1
        return self.path.place(passes) + leftward(heading) * out * _SIDE_M, heading - out * _TOE_OUT
