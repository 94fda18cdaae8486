"""Handheld camera motion: the intended pan and zoom, and the shake.

Both are rotations and zooms about one point, so source -> stable is an exact 3 x 3 for every pixel of every depth.
The shake is a sum of sinusoids whose speed spectrum is flat to about 2 Hz and falls off beyond, as hands do, with the
small bump of tremor near 9 Hz. It is a function of time: any frame can be asked for alone.
"""

import math
from dataclasses import dataclass

import numpy as np

from utils.walker.kernel import Doubles
from utils.walker.shot import Lens, Shot
from utils.walker.steps import smooth

_LOW_HZ, _HIGH_HZ, _WAVES = 0.12, 10.5, 56
_TREMOR_HZ, _TREMOR = 8.8, 0.018
_SPREAD = np.array([0.0062, 0.0056, 0.0042, 0.0040])
"""Standard deviation of the shake in pan, tilt and roll (radians), and in the logarithm of the zoom."""


@dataclass(frozen=True)
class View:
    """Camera matrices of one frame, source -> stable: total, intended part, and shake.

    `camera` = `intended` @ `shake`.
    """

    camera: Doubles
    intended: Doubles
    shake: Doubles

    def __post_init__(self) -> None:
        assert self.camera.shape == self.intended.shape == self.shake.shape == (3, 3)


@dataclass(frozen=True)
class Hand:
    """Camera motion: frequencies, amplitudes and phases of the shake (4 axes x waves), and the intended moves."""

    lens: Lens
    hz: Doubles
    amplitude: Doubles
    phase: Doubles
    stop_s: float
    go_s: float
    follows: tuple[float, float]
    """Pan in radians at the start, and at the end of the walk off."""

    def view(self, time_s: float) -> View:
        """The camera matrices at a time."""
        intended, shake = self._moved(*self._meant(time_s)), self._moved(*self._shaken(time_s))
        camera = intended @ shake
        return View(camera / camera[2, 2], intended, shake)

    def _meant(self, time_s: float) -> tuple[float, float, float, float]:
        """Intended motion: follow the walker in, hold, follow them off in part, and zoom in a little."""
        if self.follows == (0.0, 0.0):
            return 0.0, 0.0, 0.0, 0.0
        near = smooth((time_s + 0.8) / (self.stop_s + 1.2))
        gone = smooth((time_s - self.go_s - 0.15) / 2.6)
        pan = self.follows[0] * (1 - near) + self.follows[1] * gone
        return pan, 0.011 * (1 - near), 0.0, 0.028 * near

    def _shaken(self, time_s: float) -> tuple[float, float, float, float]:
        wave = np.sin(2 * math.pi * self.hz * time_s + self.phase)
        pan, tilt, roll, zoom = (self.amplitude * wave).sum(1)
        return float(pan), float(tilt), float(roll), float(zoom)

    def _moved(self, pan: float, tilt: float, roll: float, zoom: float) -> Doubles:
        """Homography source -> stable of a camera panned right, tilted up, rolled, and zoomed by exp(`zoom`)."""
        k = self.lens.intrinsics
        (cp, sp), (ct, st), (cr, sr) = ((math.cos(a), math.sin(a)) for a in (pan, tilt, roll))
        across = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
        up = np.array([[1, 0, 0], [0, ct, -st], [0, st, ct]])
        level = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        zoomed = np.diag([math.exp(zoom), math.exp(zoom), 1.0])
        matrix = k @ across @ up @ level @ np.linalg.inv(k @ zoomed)
        return np.asarray(matrix / matrix[2, 2])


def hand(shot: Shot, lens: Lens, stop_s: float, go_s: float, follows: tuple[float, float]) -> Hand:
    """The camera motion of a shot; its shake depends on the seed alone, not on size or length."""
    rng = shot.rng(1)
    edges = np.geomspace(_LOW_HZ, _HIGH_HZ, _WAVES + 1)
    hz = edges[:-1] + (edges[1:] - edges[:-1]) * rng.random((4, _WAVES))
    power = hz / (1 + (hz / 0.5) ** 2) ** 1.25 / (1 + (hz / 6.0) ** 4)
    power /= power.sum(1, keepdims=True)
    power += _TREMOR**2 * np.exp(-(((hz - _TREMOR_HZ) / 0.7) ** 2)) / 3
    amplitude = np.sqrt(2 * power) * _SPREAD[:, None] * shot.shake
    phase = rng.random((4, _WAVES)) * 2 * math.pi
    return Hand(lens, hz, amplitude, phase, stop_s, go_s, follows if shot.pan else (0.0, 0.0))


def reach(hand: Hand, shot: Shot) -> tuple[int, int, int, int]:
    """The box (left, top, right, bottom) of the stable picture that the frames of a shot see, in pixels.

    Long shots are sampled; the margin covers what lies between.
    """
    width, height = shot.size
    corners = np.array(
        [[-0.5, -0.5, 1], [width - 0.5, -0.5, 1], [-0.5, height - 0.5, 1], [width - 0.5, height - 0.5, 1]]
    )
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    step = max(1, shot.frames // 3000)
    for index in range(0, shot.frames, step):
        seen = corners @ hand.view(shot.time_s(index)).camera.T
        seen = seen[:, :2] / seen[:, 2:]
        low, high = np.minimum(low, seen.min(0)), np.maximum(high, seen.max(0))
    margin = 3 + (0.25 * float(hand.amplitude.max()) * hand.lens.focal_px if step > 1 else 0)
    left, top = (math.floor(value - margin) for value in low)
    right, bottom = (math.ceil(value + margin) for value in high)
    return left, top, right, bottom
