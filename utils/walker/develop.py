"""Compositing of the rendered figures over the background, then exposure and sensor noise."""

import math

import numpy as np
import numpy.typing as npt

from utils.walker.kernel import Bytes, kernel
from utils.walker.shade import Layer
from utils.walker.shot import Shot

_TILE_PX = 160


def over(layer: Layer, image: Bytes, mattes: list[Bytes]) -> None:
    """Composite a figure over a picture; its own matte (the last) gains its coverage, the others lose what it hides."""
    height, width = layer.alpha.shape
    box = slice(layer.top, layer.top + height), slice(layer.left, layer.left + width)
    _over(image[box], layer.colour, layer.alpha)
    cover = np.rint(layer.alpha * 255).astype(np.uint8)
    for matte in mattes[:-1]:
        matte[box] = np.rint(matte[box] * (1 - layer.alpha)).astype(np.uint8)
    mattes[-1][box] = cover


@kernel
def _over(image: Bytes, colour: npt.NDArray[np.float32], alpha: npt.NDArray[np.float32]) -> None:
    for row in range(alpha.shape[0]):
        for column in range(alpha.shape[1]):
            cover = alpha[row, column]
            if cover > 0:
                for channel in range(3):
                    value = image[row, column, channel] * (1 - cover) + colour[row, column, channel]
                    image[row, column, channel] = int(min(255.0, value + 0.5))


class Sensor:
    """Camera sensor with drifting exposure and with noise that depends on the shot's seed only."""

    def __init__(self, shot: Shot) -> None:
        rng = shot.rng(4)
        self._shot = shot
        self._drift = rng.random(2) * 2 * math.pi
        width, height = shot.size
        grain = rng.standard_normal((height + _TILE_PX, width + _TILE_PX, 3), np.float32)
        level = grain.mean(-1, keepdims=True) * math.sqrt(3)
        mixed = 0.75 * level + 0.55 * grain
        mixed *= shot.noise / mixed.std()
        self._grain = np.clip(np.rint(mixed * 16), -32000, 32000).astype(np.int16)

    def gain(self, time_s: float) -> float:
        """Exposure gain at a time; it changes slowly, within the shot's limit."""
        slow = 0.6 * math.sin(time_s * 2 * math.pi * 0.09 + self._drift[0])
        quick = 0.4 * math.sin(time_s * 2 * math.pi * 0.23 + self._drift[1])
        return 1 + self._shot.exposure_drift * (slow + quick)

    def expose(self, image: Bytes, index: int) -> Bytes:
        """The recorded picture: gain and noise applied."""
        x, y = self._shot.rng(1000 + index).integers(0, _TILE_PX, 2)
        height, width = image.shape[:2]
        out = np.empty_like(image)
        _expose(image, self._grain[y : y + height, x : x + width], self.gain(self._shot.time_s(index)), out)
        return out


@kernel
def _expose(image: Bytes, grain: npt.NDArray[np.int16], gain: float, out: Bytes) -> None:
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            for channel in range(3):
                value = image[row, column, channel] * gain + grain[row, column, channel] * 0.0625
                out[row, column, channel] = int(min(255.0, max(0.0, value + 0.5)))
