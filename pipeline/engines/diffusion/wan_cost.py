"""A rough estimate of what a model on Wan takes, from its architecture and the number of computations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.engines.base import Cost
from pipeline.engines.device import Device
from pipeline.engines.diffusion.defaults import Defaults
from pipeline.engines.diffusion.throughput import Amount, Load
from utils.size import Size

USED_SHARE = 0.45
"""The share of a device's computations that such a model uses (assumed)."""
DECODING_BYTES_PER_PIXEL, RAM_MB = 12_000, 14_000.0
"""Memory of decoding for each pixel of a frame, and of the machine where the text encoder is read (both assumed)."""
PIXELS_PER_TOKEN = 256
"""A token is 16 x 16 pixels of a latent."""


@dataclass(frozen=True)
class Architecture:
    """The numbers of a transformer that its cost follows from; as they are, those of Wan with 1.3 billion."""

    width: int = 1536
    inner_width: int = 8960
    blocks: int = 30
    videos: int = 1
    """How many videos as long as the window it reads at once: the one that it makes, and a source beside it."""

    @classmethod
    def of(cls, config: Mapping[str, Any] | None, *, more_blocks: int = 0, videos: int = 1) -> "Architecture":
        """That of a configuration, with blocks that it has beyond those of Wan."""
        if config is None:
            return cls(blocks=cls.blocks + more_blocks, videos=videos)
        return cls(
            width=int(config["num_attention_heads"]) * int(config["attention_head_dim"]),
            inner_width=int(config["ffn_dim"]),
            blocks=int(config["num_layers"]) + more_blocks,
            videos=videos,
        )

    @property
    def weights(self) -> float:
        """How many numbers it has: two attentions and two matrices between them and the next in each block."""
        return self.blocks * (8 * self.width**2 + 2 * self.width * self.inner_width)

    def computations(self, tokens: float) -> float:
        """Multiplications and additions of one pass over so many tokens."""
        return tokens * (2 * self.weights + 4 * self.blocks * self.width * tokens)

    def amount(self, settings: Mapping[str, Any], defaults: Defaults, size: Size, frames: int) -> Amount:
        """How much settings ask for."""
        return Amount(min(size.area_px, defaults.area_px), frames, defaults.passes(settings))

    def rough(self, amount: Amount, device: Device) -> Cost:
        """Seconds and memory of some amount."""
        latents = (amount.frames + 3) / 4
        in_a_window = min(latents, 21.0)
        tokens = self.videos * in_a_window * amount.area_px / PIXELS_PER_TOKEN
        load = Load(
            computations=latents / in_a_window * self.computations(tokens) * amount.passes,
            weights_mb=2 * self.weights / 2**20,
            working_mb=(16 * tokens * self.width + DECODING_BYTES_PER_PIXEL * amount.area_px) / 2**20,
            ram_mb=RAM_MB,
        )
        return load.cost(device, USED_SHARE)
