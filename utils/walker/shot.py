"""Shot: the parameters of a rendering, its phases, and the lens with the place where the walker stands."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from utils.errors import SettingsError
from utils.walker.kernel import Doubles
from utils.walker.steps import SPEED_M_S

SMALLEST_PX, LARGEST_PX = 32, 4096
LONGEST_S = 3600
EYE_M = 1.28
"""Height of the camera above the ground."""


@dataclass(frozen=True)
class Shot:
    """Parameters of a shot: (width, height) in pixels, exact frame rate, number of frames, camera and sensor."""

    size: tuple[int, int] = (1280, 720)
    rate: Fraction = Fraction(30)
    frames: int = 300
    seed: int = 0
    shake: float = 1.0
    """Camera shake: 1 is a steady hand, 0 a tripod."""
    pan: bool = True
    """Whether the camera pans with the walker."""
    second_person: bool = False
    noise: float = 1.6
    """Standard deviation of the sensor's noise, in 0..255."""
    exposure_drift: float = 0.04
    """Largest change of the gain from 1."""

    def __post_init__(self) -> None:
        _within("width", self.size[0], SMALLEST_PX, LARGEST_PX, "pixels")
        _within("height", self.size[1], SMALLEST_PX, LARGEST_PX, "pixels")
        if max(self.size) > 4 * min(self.size):
            raise SettingsError(f"{self.size[0]}x{self.size[1]} is too narrow a picture.", "Stay below 4 to 1.")
        _within("rate", self.rate, 1, 240, "frames a second")
        _within("length", self.frames, 1, int(LONGEST_S * self.rate), "frames")
        _within("shake", self.shake, 0, 5, "times a steady hand")
        _within("noise", self.noise, 0, 40, "levels")
        _within("exposure drift", self.exposure_drift, 0, 0.5, "of the exposure")
        _within("seed", self.seed, 0, 2**32 - 1, "as a whole number")

    @property
    def seconds(self) -> Fraction:
        """Exact duration."""
        return self.frames / self.rate

    def time_s(self, index: int) -> float:
        """Time of a frame."""
        return float(index / self.rate)

    @property
    def phases(self) -> tuple[int, int]:
        """The first frame of the hold and the first frame of the exit."""
        length = float(self.seconds)
        off_s = 1.0 + (Lens.of(self).half_width_m(self.size) + 0.5) / SPEED_M_S
        approach, leave = min(0.42 * length, 6.0), min(0.28 * length, off_s)
        hold = max(1, min(self.frames - 1, round(approach * self.rate)))
        return hold, max(hold, min(self.frames, max(hold + 1, round((length - leave) * self.rate))))

    def rng(self, purpose: int) -> np.random.Generator:
        """An independent random number generator for each purpose."""
        return np.random.Generator(np.random.PCG64([self.seed, purpose]))


def _within(name: str, value: float | Fraction, low: float, high: float, unit: str) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        article = "An" if name[0] in "aeiou" else "A"
        raise SettingsError(f"{article} {name} of {value} cannot be rendered.", f"Choose {low} to {high} {unit}.")


@dataclass(frozen=True)
class Lens:
    """The stable camera: level, at height `EYE_M`, looking along z, with a shifted principal point."""

    focal_px: float
    centre_px: tuple[float, float]
    stand_m: float
    """Distance at which the walker holds."""

    @classmethod
    def of(cls, shot: Shot) -> "Lens":
        """The lens that frames the standing walker from head to toe, farther away the wider the picture."""
        width, height = shot.size
        aspect = width / height
        stand = float(np.interp(aspect, [0.5, 1.0, 1.78], [3.5, 4.0, 4.7]))
        share = min(float(np.interp(aspect, [0.5, 1.0, 1.78], [0.64, 0.68, 0.72])), 1.45 * aspect)
        focal = share * height * stand / 1.78
        feet = height * (0.92 if share > 0.6 else 0.5 + 0.52 * share)
        return cls(focal, (width / 2, feet - focal * EYE_M / stand), stand)

    @property
    def matrix(self) -> Doubles:
        """Camera matrix (3 x 4) from the world in metres to the stable picture in pixels."""
        f, (u, v) = self.focal_px, self.centre_px
        return np.array([[f, 0, u, 0], [0, -f, v, f * EYE_M], [0, 0, 1, 0]], float)

    @property
    def intrinsics(self) -> Doubles:
        """Intrinsic matrix (3 x 3) from a ray (x, y down, 1) to the stable picture."""
        f, (u, v) = self.focal_px, self.centre_px
        return np.array([[f, 0, u], [0, f, v], [0, 0, 1]], float)

    def ground(self) -> Doubles:
        """Homography (3 x 3) from the ground (x, z, 1) to the stable picture."""
        return np.asarray(self.matrix[:, [0, 2, 3]])

    def half_width_m(self, size: tuple[int, int]) -> float:
        """Half the width, in metres, that the picture shows at the distance where the walker holds."""
        return size[0] / 2 / self.focal_px * self.stand_m
