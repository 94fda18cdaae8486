"""What a checkpoint was made for, and what is asked of it: settings of 0 leave it to the checkpoint and effort."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from pipeline.engines.base import Call, EngineError
from pipeline.engines.effort import steps_of
from utils.size import Size


@dataclass(frozen=True)
class Defaults:
    """Steps, guidance, and the area of the pictures that are made. Engines have their own, and add to them."""

    steps: int
    guidance: float
    area_px: int

    @classmethod
    def of(cls, options: Mapping[str, float], name: str) -> Self:
        """Those that the registry says of a checkpoint."""
        kinds: dict[str, Any] = {each.name: each.type for each in fields(cls)}
        if unknown := sorted(set(options) - set(kinds)):
            known = ", ".join(kinds)
            raise EngineError(f"The checkpoint {name} has an option {unknown[0]!r}.", f"Its engine knows {known}.")
        return cls(**{each: kinds[each](value) for each, value in options.items()})

    def passes(self, settings: Mapping[str, Any]) -> int:
        """How often a model is asked: once a step, and with guidance once more without the prompt."""
        return steps_of(settings, self.steps) * (2 if (settings.get("generate.guidance") or self.guidance) > 1 else 1)


@dataclass(frozen=True)
class Asked:
    """What is asked of one call besides pictures; engines add to it."""

    prompt: str
    negative_prompt: str
    steps: int
    guidance: float

    @classmethod
    def of(cls, settings: Mapping[str, Any], defaults: Defaults, **more: Any) -> Self:
        """As the settings say, else as the checkpoint was made for and the effort is."""
        return cls(
            prompt=_on_one_line(settings["generate.prompt"]),
            negative_prompt=_on_one_line(settings["generate.negative_prompt"]),
            steps=steps_of(settings, defaults.steps),
            guidance=settings["generate.guidance"] or defaults.guidance,
            **more,
        )

    @property
    def texts(self) -> tuple[str, ...]:
        """What is read: without guidance only the prompt."""
        return (self.prompt, self.negative_prompt) if self.guidance > 1 else (self.prompt,)

    def call(self, model: str, size: Size, frames: int) -> Call:
        """A call with this, before it is made."""
        return Call(model, size, frames, self.steps, self.steps * len(self.texts), seconds=0.0)


def _on_one_line(prompt: str) -> str:
    """A prompt with single spaces."""
    return " ".join(prompt.split())
