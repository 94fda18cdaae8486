"""What a checkpoint was made for; settings of 0 mean these."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Defaults:
    """Steps, guidance, and the area of the pictures that the model makes."""

    steps: int = 50
    guidance: float = 5.0
    area_px: int = 480 * 832
