"""What a checkpoint that edits pictures was made for."""

from dataclasses import dataclass

from pipeline.engines.diffusion import defaults


@dataclass(frozen=True)
class Defaults(defaults.Defaults):
    """As FLUX.2 klein was distilled, where nothing is said; `shift` goes over Qwen-Image-Edit's own if it is not 0."""

    steps: int = 4
    guidance: float = 1.0
    area_px: int = 1024 * 1024
    shift: float = 0.0
    """How far the noise of the steps is shifted towards much of it."""
