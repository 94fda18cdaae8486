"""A rough estimate of what ControlNet takes, from the number of computations of its networks."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from pipeline.engines.base import Cost
from pipeline.engines.controlnet.defaults import MOST_ENLARGED, Defaults
from pipeline.engines.device import Device
from pipeline.engines.diffusion.pictures import working_size
from pipeline.engines.diffusion.throughput import Amount, Load
from utils.size import Size

USED_SHARE = 0.3
"""The share of a device's computations that such models use (assumed)."""
RAM_MB = 6_000.0
"""Memory of the machine where a model is read (assumed)."""
FRAME_BYTES_PER_PIXEL, FRAMES = 2_400.0, 16
"""Memory for each pixel of a frame that is decoded, and most frames of a call (assumed)."""


@dataclass(frozen=True)
class Architecture:
    """Computations for each pixel, as torch counts them at 512 x 512 (SDXL: 1024 x 1024), and memory."""

    pass_per_pixel: float = 4.15e6
    """One pass of the painter and of its control network."""
    coding_per_pixel: float = 1.385e7
    """Encoding and decoding."""
    weights_mb: float = 2_490.0
    """The weights of all three in 16 bits."""

    @classmethod
    def of(cls, config: Mapping[str, Any] | None) -> "Architecture":
        """That of the family that a configuration belongs to."""
        return SDXL if config and config.get("addition_embed_type") == "text_time" else cls()

    def amount(self, settings: Mapping[str, Any], defaults: Defaults, size: Size, frames: int) -> Amount:
        """What settings ask for; with less strength, fewer of the steps are taken."""
        area_px = working_size(size, defaults.area_px, 8, most_enlarged=MOST_ENLARGED).area_px
        return Amount(area_px, frames, ceil(settings.get("generate.strength", 1.0) * defaults.passes(settings)))

    def rough(self, amount: Amount, device: Device) -> Cost:
        """Seconds and memory of some amount."""
        each = self.pass_per_pixel * amount.passes + self.coding_per_pixel
        load = Load(
            computations=amount.frames * amount.area_px * each,
            weights_mb=self.weights_mb,
            working_mb=min(amount.frames, FRAMES) * amount.area_px * FRAME_BYTES_PER_PIXEL / 2**20,
            ram_mb=RAM_MB,
        )
        return load.cost(device, USED_SHARE)


SDXL = Architecture(pass_per_pixel=9.33e6, coding_per_pixel=1.464e7, weights_mb=7_440.0)
