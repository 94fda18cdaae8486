"""Looks as tests go through them: the one that needs networks is skipped where these are not installed."""

from typing import Any

import pytest

from pipeline.engines.looks import LOOKS, PICTURE, nets

READY = nets.readiness()
needs_nets = pytest.mark.skipif(not READY.ready, reason=READY.reason)
HERE = tuple(name for name in LOOKS if READY.ready or name != PICTURE)
"""The looks that this machine can paint."""
EVERY_LOOK: tuple[Any, ...] = tuple(
    pytest.param(name, marks=needs_nets) if name == PICTURE else pytest.param(name) for name in LOOKS
)
OF_ONE_FRAME: tuple[Any, ...] = tuple(each for each in EVERY_LOOK if each.values != (PICTURE,))
"""Those that paint each part of each frame for itself: a network sees all of a crop, and time too."""
