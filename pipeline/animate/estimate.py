"""What bringing a picture to life takes: carried along, as it was measured; with a model, what its engine says."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from pipeline.animate.settings import CARRIED
from pipeline.engines import engine as find_engine
from pipeline.engines.base import Cost
from pipeline.engines.device import processor, this_device
from pipeline.estimate import Estimate, FinishedRun, Memory, Price, correction, without_presets
from utils.size import Size

PRICE, MEMORY = Price(1.0, 0.0, 0.95), Memory(380.0, 120.0)
LED = Price(1.0, 0.0, 0.57)
"""The part of a run with a model that is not the model's, as it was measured of guides."""
OVERLAP = 5
"""Frames that a window continues from, at least; they are made once more."""


def engine_of(settings: Mapping[str, Any]) -> str:
    """What makes the frames, of settings of which some may be missing."""
    return str(settings.get("animate.engine", CARRIED))


def estimates(
    facts: Mapping[str, Any], history: Sequence[FinishedRun] = (), settings: Mapping[str, Any] | None = None
) -> dict[str, Estimate]:
    """What an animate job takes; it has no presets. The latest jobs of the same engine count."""
    chosen = settings or {}
    history = [run for run in history if engine_of(run.settings) == engine_of(chosen)]
    if engine_of(chosen) == CARRIED:
        return {"": without_presets(PRICE, MEMORY, facts, history)}
    return {"": _with_model(_asked(facts, chosen), history, chosen)}


def _asked(facts: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[Size, int]:
    """The size and the number of frames of the clip that is made; where nothing is said, those of the structure."""
    sides = (int(settings.get(f"guide.{side}", 0)) or int(facts[side]) for side in ("width", "height"))
    return Size(*sides), int(settings.get("guide.frames", 0)) or int(facts["frames"])


def _with_model(asked: tuple[Size, int], history: Sequence[FinishedRun], settings: Mapping[str, Any]) -> Estimate:
    engine, (size, frames) = find_engine(engine_of(settings)), asked

    def cost_of(size: Size, frames: int) -> Cost:
        """What the engine says of all windows of a clip."""
        again = OVERLAP * (ceil(frames / engine.caps.lengths.most) - 1)
        return engine.estimate(settings, size, frames + again, this_device())

    def expected_s(preset: str, frames: int, pixels: int) -> float:
        return LED.seconds(frames, pixels) + cost_of(Size(pixels, 1), frames).seconds

    cost = cost_of(size, frames)
    return Estimate(
        seconds=round(expected_s("", frames, size.area_px) * correction("", history, expected_s), 1),
        memory_mb=round(max(MEMORY.always_mb + MEMORY.megapixel_mb * size.area_px / 1e6, cost.ram_mb)),
        vram_mb=round(cost.vram_mb),
        device=str(this_device() if cost.vram_mb else processor()),
        basis=cost.basis,
    )
