"""What restyling a clip will take on this machine: by its size, its length, the preset and the engine.

The engine says what its part takes on this device. All other stages were measured once on the walker.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pipeline.engines import engine as find_engine
from pipeline.engines.base import Cost, Engine
from pipeline.engines.device import processor, this_device
from pipeline.estimate import Estimate, FinishedRun, Price, correction
from utils.size import Size

PRICES = {
    "fast": Price(1.6, 0.0215, 0.1185),
    "balanced": Price(1.6, 0.027, 0.1845),
    "quality": Price(1.6, 0.045, 0.1845),
}
BUILT_IN = "restyle"
MEMORY_MB, MEGAPIXEL_MB = 420.0, 360.0
"""Memory at the peak of a run: always, and for each million pixels of a frame, whatever the clip's length."""
PERSON_SHARE = 0.3
"""The share of the picture that an engine usually gets to see: the person and a little around them (assumed)."""


def estimates(
    facts: Mapping[str, Any],
    history: Sequence[FinishedRun] = (),
    settings: Mapping[str, Any] | None = None,
    engine: Engine | None = None,
) -> dict[str, Estimate]:
    """The estimate for each preset, with the engine that the settings name or another one.

    `facts` are a clip's width and height in pixels and its frames; the latest jobs of the same engine count. `settings`
    may be only those that differ from the preset.
    """
    frames, pixels = int(facts["frames"]), int(facts["width"]) * int(facts["height"])
    engine, device = engine or find_engine(engine_of(settings or {})), this_device()
    history = [run for run in history if engine_of(run.settings) == engine.name]
    values = {name: {**_of_preset(name, engine), **(settings or {})} for name in PRICES}

    def cost_of(preset: str, frames: int, pixels: int) -> Cost:
        """What the engine says of its own part."""
        return engine.estimate(values[preset], _crop(pixels), frames, device)

    def expected_s(preset: str, frames: int, pixels: int) -> float | None:
        """Our part as it was measured, and the engine's."""
        if preset not in PRICES:
            return None
        return PRICES[preset].seconds(frames, pixels) + cost_of(preset, frames, pixels).seconds

    def estimate(preset: str) -> Estimate:
        cost = cost_of(preset, frames, pixels)
        seconds = PRICES[preset].seconds(frames, pixels) + cost.seconds
        return Estimate(
            seconds=round(seconds * correction(preset, history, expected_s), 1),
            memory_mb=max(round(MEMORY_MB + MEGAPIXEL_MB * pixels / 1e6), round(cost.ram_mb)),
            vram_mb=round(cost.vram_mb),
            device=str(device) if cost.vram_mb else str(processor()),
            basis=cost.basis,
        )

    return {name: estimate(name) for name in PRICES}


def engine_of(settings: Mapping[str, Any]) -> str:
    """The name of the engine that settings mean, of which some may be missing."""
    return str(settings.get("generate.engine", BUILT_IN))


def _of_preset(name: str, engine: Engine) -> Mapping[str, Any]:
    """What a preset says to an engine; the built-in one reads nothing in which presets differ."""
    return {} if engine.name == BUILT_IN else _values(name)


@cache
def _values(preset: str) -> Mapping[str, Any]:
    from pipeline.settings import Settings

    return Settings.load(preset).diff()


def _crop(pixels: int) -> Size:
    """What an engine sees of a picture: of its size only the area matters here."""
    side = max(1, round(math.sqrt(PERSON_SHARE * pixels)))
    return Size(side, side)
