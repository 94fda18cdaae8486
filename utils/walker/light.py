"""Lighting: a low sun, the sky, light reflected by the ground, and tone mapping to display values."""

import math

import numpy as np

from utils.walker.kernel import kernel

SUN = np.array([0.60, 0.60, -0.53]) / math.sqrt(0.60**2 + 0.60**2 + 0.53**2)
"""Unit vector towards the sun, which stands to the right and a little behind the camera."""
SUN_X, SUN_Y, SUN_Z = (float(value) for value in SUN)

SUN_LIGHT = (3.1, 2.42, 1.62)
SKY_LIGHT = (0.66, 0.82, 1.08)
GROUND_LIGHT = (0.54, 0.43, 0.34)
"""Colours of the three lights, linear red, green, blue."""


@kernel
def toned(light: float) -> float:
    """Tone mapping of linear light to a display value in 0..255: a filmic curve, then about sRGB's gamma."""
    light = 0.62 * max(0.0, light)
    mapped = light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14)
    return float(255.0 * min(1.0, mapped) ** 0.4545)
