"""What settings mean for an engine with a model: the checkpoint, and how many steps it takes with which guidance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.engines import engine as find_engine
from pipeline.engines.base import EngineError
from pipeline.engines.diffusion.engine import DiffusionEngine
from pipeline.engines.effort import steps_of


@dataclass(frozen=True)
class Meant:
    """A checkpoint with its steps and guidance, on this machine: another one may have other weights."""

    checkpoint: str
    steps: int
    guidance: float

    def __str__(self) -> str:
        guided = f"a guidance of {self.guidance:g}" if self.guidance > 1 else "no guidance"
        return f"{self.checkpoint}, {self.steps} steps, {guided}"


def meant(engine: str, settings: Mapping[str, Any]) -> Meant | None:
    """What settings mean; None for an engine without a model, and for a checkpoint that cannot be used.

    Settings that are missing have their defaults.
    """
    chosen = find_engine(engine)
    if not isinstance(chosen, DiffusionEngine):
        return None
    name = chosen.checkpoint(settings)
    try:
        defaults = chosen.defaults(name)
    except EngineError:  # said when it is used
        return None
    guidance = settings.get("generate.guidance") or defaults.guidance
    return Meant(name, steps_of(settings, defaults.steps), float(guidance))
