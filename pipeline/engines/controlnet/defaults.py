"""What a checkpoint of Stable Diffusion was made for."""

from dataclasses import dataclass

from pipeline.engines.diffusion import defaults

MOST_ENLARGED = 2.0
"""A small crop is enlarged so far at most: these models make poor pictures of few pixels."""


@dataclass(frozen=True)
class Defaults(defaults.Defaults):
    """Besides what all have: which few-step sampler it was distilled for."""

    steps: int = 20
    guidance: float = 6.0
    area_px: int = 512 * 768
    lcm: bool = False
    """Made for the sampler of latent consistency models."""
    lightning: bool = False
    """Made for Euler steps that end at the last of the schedule."""
