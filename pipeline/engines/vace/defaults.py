"""What a checkpoint was made for; settings of 0 mean these."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.engines.base import EngineError


@dataclass(frozen=True)
class Defaults:
    """Steps, guidance, the area of the pictures that are made, and what goes over the folder's own where it is not 0.

    That is the shift of the noise, and the boundary between the experts for high and low noise, as a share of it all.
    `lora` is the weight of a checkpoint that is a LoRA for the model that it names as its part; 0 if it is none.
    """

    steps: int = 50
    guidance: float = 5.0
    area_px: int = 480 * 832
    shift: float = 0.0
    boundary: float = 0.0
    lora: float = 0.0

    @classmethod
    def of(cls, options: Mapping[str, float], name: str) -> "Defaults":
        """Those that the registry says of a checkpoint."""
        if unknown := sorted(set(options) - set(cls.__dataclass_fields__)):
            known = ", ".join(cls.__dataclass_fields__)
            raise EngineError(f"The checkpoint {name} has an option {unknown[0]!r}.", f"Vace knows {known}.")
        whole = {each: int(options[each]) for each in ("steps", "area_px") if each in options}
        return cls(**{**options, **whole})  # type: ignore[arg-type]


USUAL = Defaults()
"""Those of a checkpoint of which nothing is said."""
