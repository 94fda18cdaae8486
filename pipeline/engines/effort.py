"""Effort: what is meant where nobody names a checkpoint or its steps. Presets set it, and engines with a model read it.

Settings say the effort and not the checkpoint, so that an order means the same on machines with other weights.
"""

from collections.abc import Mapping
from typing import Any, Literal, cast

Effort = Literal["low", "usual", "high"]
SETTING = "generate.effort"
CHECKPOINTS: Mapping[str, Mapping[Effort, tuple[str, ...]]] = {
    "vace": {
        "low": ("wan-vace-14b-few-steps", "wan-vace-14b-few-steps-lora"),
        "usual": ("wan-vace-1.3b",),
        "high": ("wan-vace-14b", "wan-vace-fun-2.2"),
    },
    "controlnet": {"low": ("sd-1.5-lcm", "sdxl-lcm"), "usual": ("sd-1.5-lcm",), "high": ("sd-1.5", "sdxl")},
    "edit": {"low": (), "usual": ("flux2-klein-4b",), "high": ("qwen-image-edit", "qwen-image-edit-few-steps")},
    "bernini": {"low": (), "usual": ("bernini-r-1.3b",), "high": ("bernini-r-14b",)},
}
"""Engine -> effort -> the checkpoints that are meant, the best first. Where none of them is here, the usual one is."""
FEW_STEPS = 8
"""A checkpoint made for at most so many steps was distilled for them: it takes no fewer."""


def effort_of(settings: Mapping[str, Any]) -> Effort:
    """The effort that settings ask for, of which some may be missing."""
    return cast("Effort", settings.get(SETTING, "usual"))


def steps_of(settings: Mapping[str, Any], made_for: int) -> int:
    """The steps that are taken: those asked for, else those a checkpoint was made for, or with low effort half."""
    if asked := settings.get("generate.steps"):
        return int(asked)
    return (made_for + 1) // 2 if effort_of(settings) == "low" and made_for > FEW_STEPS else made_for
