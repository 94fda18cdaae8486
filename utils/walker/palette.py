"""Palettes: colours of an outfit, chosen by a seed."""

import numpy as np

from utils.walker.cloth import JACKET
from utils.walker.kernel import Floats

_SKIN = ("c98f6b", "e0b08d", "8d5a3c", "b97f58")
_HAIR = ("4b2e1c", "2b1b12", "15110f", "6b4526")
_JACKET = ("c4622d", "2f5d50", "8e2f3c", "c99a2e", "3d4f7c")
_DENIM = ("2c3e5e", "26324a", "3a4a63", "30353d")


def palette(rng: np.random.Generator, first: bool, unlike: Floats | None = None) -> Floats:
    """Choose an outfit's 9 x 3 linear colours; with `first`, the first of each list, as the app's example shows.

    The jacket differs from that of the palette `unlike`.
    """
    jackets = [name for name in _JACKET if unlike is None or not np.allclose(_linear(name), unlike[JACKET])]
    lists = (_SKIN, _HAIR, jackets, _DENIM)
    picks = [names[0] if first else names[int(rng.integers(len(names)))] for names in lists]
    skin, hair, jacket, denim = picks
    rows = [skin, hair, jacket, "e9e4da", "26344f", denim, "d9d5cd", "cfc8ba", "3a2a22"]
    return np.stack([_linear(name) for name in rows])


def _linear(name: str) -> Floats:
    """Convert a hexadecimal colour to linear red, green, blue."""
    values = np.array([int(name[k : k + 2], 16) for k in (0, 2, 4)]) / 255
    return np.asarray(values**2.2, np.float32)
