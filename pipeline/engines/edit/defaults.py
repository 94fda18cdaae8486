"""What a checkpoint was made for; settings of 0 mean these."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.engines.base import EngineError


@dataclass(frozen=True)
class Defaults:
    """Steps, guidance, and the area of the pictures that are painted."""

    steps: int = 4
    guidance: float = 1.0
    area_px: int = 1024 * 1024

    @classmethod
    def of(cls, options: Mapping[str, float], name: str) -> "Defaults":
        """Those that the registry says of a checkpoint."""
        if unknown := sorted(set(options) - set(cls.__dataclass_fields__)):
            known = ", ".join(cls.__dataclass_fields__)
            raise EngineError(f"The checkpoint {name} has an option {unknown[0]!r}.", f"Edit knows {known}.")
        whole = {each: int(options[each]) for each in ("steps", "area_px") if each in options}
        return cls(**{**options, **whole})  # type: ignore[arg-type]
