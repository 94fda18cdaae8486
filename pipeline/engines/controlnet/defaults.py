"""What a checkpoint was made for; settings of 0 mean these."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.engines.base import EngineError

MOST_ENLARGED = 2.0
"""A small crop is enlarged so far at most: these models make poor pictures of few pixels."""


@dataclass(frozen=True)
class Defaults:
    """Steps, guidance, the area of the pictures that are made, and which few-step sampler it was distilled for."""

    steps: int = 20
    guidance: float = 6.0
    area_px: int = 512 * 768
    lcm: bool = False
    """Made for the sampler of latent consistency models."""
    lightning: bool = False
    """Made for Euler steps that end at the last of the schedule."""

    @classmethod
    def of(cls, options: Mapping[str, float], name: str) -> "Defaults":
        """Those that the registry says of a checkpoint."""
        if unknown := sorted(set(options) - set(cls.__dataclass_fields__)):
            known = ", ".join(cls.__dataclass_fields__)
            raise EngineError(f"The checkpoint {name} has an option {unknown[0]!r}.", f"Controlnet knows {known}.")
        kinds = {"steps": int, "area_px": int, "lcm": bool, "lightning": bool, "guidance": float}
        return cls(**{each: kinds[each](value) for each, value in options.items()})
