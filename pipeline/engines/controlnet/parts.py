"""The parts of a checkpoint: control networks, the LoRA of few steps, and what reads reference pictures.

Some are needed, and found with the checkpoint; the optional ones are wanted only where a setting asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.engines.base import EngineError

if TYPE_CHECKING:
    from pipeline.models.finding import Found

CONTROLS = ("pose", "edges", "soft_edges", "depth")
"""What a control network may follow."""
REFERENCE = "reference"
"""The part that reads reference pictures."""


@dataclass(frozen=True)
class Parts:
    """The names of the parts of a checkpoint, by what they are for."""

    needed: Mapping[str, str] = field(default_factory=dict)
    optional: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, checkpoint: str) -> Parts:
        """As the registry says."""
        from pipeline.engines.weights import described

        known = described(checkpoint)
        return cls(known.parts, known.optional) if known else cls()

    def wanted(self, settings: Mapping[str, Any]) -> Iterator[str]:
        """The names of the optional parts that settings ask for; EngineError for a part that there is not."""
        from pipeline.types import REFERENCES

        control = settings.get("generate.control", "none")
        asked = [control] if control != "none" else []
        shown = any(settings.get(name) for name in REFERENCES) and settings.get("generate.reference_strength") != 0
        asked += [REFERENCE] if shown else []
        yield from (self.name(part) for part in asked if part not in self.needed)

    def name(self, part: str) -> str:
        """The name of a part."""
        named = {**self.needed, **self.optional}
        if part in named:
            return named[part]
        if part == REFERENCE:
            raise EngineError(
                "This checkpoint has nothing that reads reference pictures.",
                "Leave them out, choose another checkpoint, or name one under `optional` in its model file.",
            )
        others = (*(each for each in CONTROLS if each in named), "none")
        raise EngineError(
            f"This checkpoint has no control network for {part}.",
            f"Choose {' or '.join(others)} as what leads, or another checkpoint.",
        )

    def found(self, part: str) -> Found:
        """A part that is here; EngineError with what to do if it is not."""
        from pipeline.engines.weights import weights

        return weights(self.name(part))
