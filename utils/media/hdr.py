"""High dynamic range footage (HLG as phones record it, PQ) brought to the standard range that the work is done in.

Light is taken back to nits, highlights above diffuse white are rolled off on the brightest channel so that hues stay,
BT.2020 becomes BT.709, and the result is coded for a BT.1886 display.
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
"""Relative to diffuse white: below it nothing changes, above it all that is brighter shares what is left."""

_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593], np.float32)
_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)  # fmt: skip


def to_standard(picture: Wide, transfer: str) -> RGB:
    """An HDR picture, 16 bits a channel in BT.2020, as BT.709 with 8."""
    light = _light(picture, transfer)
    brightest = np.maximum(light.max(axis=2), 1e-6)
    light *= (_rolled_off(brightest) / brightest)[..., None]
    standard = np.clip(cv2.transform(light, _TO_709), 0, 1)
    coded: RGB = np.rint(255 * standard ** (1 / 2.4)).astype(np.uint8)
    return coded


def _light(picture: Wide, transfer: str) -> Light:
    """Displayed light relative to diffuse white."""
    light: Light = _curve(transfer)[picture]
    if transfer == "HLG":
        light *= np.power(np.maximum(light @ _LUMA_2020, 1e-6), 0.2)[..., None]
        light *= HLG_PEAK_NITS / DIFFUSE_WHITE_NITS
    return light


@cache
def _curve(transfer: str) -> Light:
    """What each of the 65536 codes means: scene light from 0 to 1 for HLG, display light for PQ (ITU-R BT.2100)."""
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
    """Linear to the knee, then ever nearer to 1."""
    rest = 1 - KNEE
    rolled: Light = np.where(light < KNEE, light, KNEE + rest * (1 - np.exp((KNEE - light) / rest))).astype(np.float32)
    return rolled
