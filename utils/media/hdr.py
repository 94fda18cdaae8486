"""Tone mapping of high dynamic range footage (HLG, as phones record it, and PQ) to standard range.

1. Codes are converted to light in nits. 2. Highlights above diffuse white are rolled off on the brightest channel, so
that hues are kept. 3. BT.2020 is converted to BT.709, and coded for a BT.1886 display.
"""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image import RGB

Light = NDArray[np.float32]
Wide = NDArray[np.uint16]

DIFFUSE_WHITE_NITS = 203.0
HLG_PEAK_NITS = 1000.0
KNEE = 0.6
"""Light, relative to diffuse white, above which highlights are compressed; below it nothing changes."""

_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593], np.float32)
_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)  # fmt: skip


def to_standard(picture: Wide, transfer: str) -> RGB:
    """Convert an HDR picture (16 bits per channel, BT.2020) to BT.709 with 8 bits."""
    light = _light(picture, transfer)
    brightest = np.maximum(light.max(axis=2), 1e-6)
    light *= (_rolled_off(brightest) / brightest)[..., None]
    standard = np.clip(cv2.transform(light, _TO_709), 0, 1)
    coded: RGB = np.rint(255 * standard ** (1 / 2.4)).astype(np.uint8)
    return coded


def _light(picture: Wide, transfer: str) -> Light:
    """Display light of a picture, relative to diffuse white."""
    light: Light = _curve(transfer)[picture]
    if transfer == "HLG":
        light *= np.power(np.maximum(light @ _LUMA_2020, 1e-6), 0.2)[..., None]
        light *= HLG_PEAK_NITS / DIFFUSE_WHITE_NITS
    return light


@cache
def _curve(transfer: str) -> Light:
    """Lookup table of the 65536 codes: scene light from 0 to 1 for HLG, display light for PQ (ITU-R BT.2100)."""
    code = np.linspace(0, 1, 1 << 16)
    if transfer == "HLG":
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene: Light = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12).astype(np.float32)
        return scene
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = code ** (1 / m2)
    nits: Light = 10_000 * ((np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)).astype(np.float32)
    return nits / np.float32(DIFFUSE_WHITE_NITS)


def _rolled_off(light: Light) -> Light:
    """Roll off highlights: linear up to the knee, then approaching 1 exponentially."""
    rest = 1 - KNEE
    rolled: Light = np.where(light < KNEE, light, KNEE + rest * (1 - np.exp((KNEE - light) / rest))).astype(np.float32)
    return rolled
