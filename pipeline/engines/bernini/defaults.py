"""What a checkpoint of Bernini-R was made for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.engines.diffusion import defaults
from pipeline.engines.effort import steps_of


@dataclass(frozen=True)
class Defaults(defaults.Defaults):
    """As its authors use it, where nothing is said: `shift` is that of the noise, and `boundary`, as a share of it all,
    where the expert for low noise takes over; 0 means as the folder says."""

    steps: int = 40
    guidance: float = 4.0
    area_px: int = 480 * 848
    shift: float = 5.0
    boundary: float = 0.0

    def passes(self, settings: Mapping[str, Any]) -> int:
        """How often the model is asked, which with guidance depends on whether there are reference pictures."""
        guidance = settings.get("generate.guidance") or self.guidance
        return steps_of(settings, self.steps) * passes_of_step(
            guidance, has_references=bool(settings.get("generate.reference"))
        )


def passes_of_step(guidance: float, *, has_references: bool) -> int:
    """How often the model is asked in a step: with guidance also without the prompt, then without the reference
    pictures, and then without the source."""
    if guidance <= 1:
        return 1
    return 4 if has_references else 2
