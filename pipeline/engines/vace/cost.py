"""A rough estimate of what Wan VACE takes, from its architecture and the number of computations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.engines.base import Cost
from pipeline.engines.device import Device
from pipeline.engines.diffusion.throughput import Amount, tflops
from pipeline.engines.vace.defaults import Defaults
from utils.size import Size

USED_SHARE = 0.45
"""The share of a device's computations that such a model uses (assumed)."""
CONTEXT_MB, DECODING_BYTES_PER_PIXEL, RAM_MB = 700.0, 12_000, 14_000.0
"""Memory of the card's driver, of decoding for each pixel of a frame, and of the machine where the text encoder is read
(all assumed)."""
PIXELS_PER_TOKEN = 256
"""A token is 16 x 16 pixels of a latent."""


@dataclass(frozen=True)
class Architecture:
    """The numbers of a transformer that its cost follows from; as they are, those of the model with 1.3 billion."""

    width: int = 1536
    inner_width: int = 8960
    layers: int = 30
    vace_layers: int = 15

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Architecture":
        """That of a configuration."""
        return cls(
            width=int(config["num_attention_heads"]) * int(config["attention_head_dim"]),
            inner_width=int(config["ffn_dim"]),
            layers=int(config["num_layers"]),
            vace_layers=len(config["vace_layers"]),
        )

    @property
    def weights(self) -> float:
        """How many numbers it has: two attentions and two matrices between them and the next in each layer."""
        return (self.layers + self.vace_layers) * (8 * self.width**2 + 2 * self.width * self.inner_width)

    def computations(self, tokens: float) -> float:
        """Multiplications and additions of one pass over a window of so many tokens."""
        attention = 4 * (self.layers + self.vace_layers) * self.width * tokens
        return tokens * (2 * self.weights + attention)


def asked(settings: Mapping[str, Any], defaults: Defaults, size: Size, frames: int) -> Amount:
    """What settings ask for; those that are missing are as the checkpoint was made for."""
    return Amount(min(size.area_px, defaults.area_px), frames, defaults.passes(settings))


def rough(model: Architecture, amount: Amount, device: Device) -> Cost:
    """Seconds and memory of some amount."""
    latents = (amount.frames + 3) / 4
    in_a_window = min(latents, 21.0)
    tokens = in_a_window * amount.area_px / PIXELS_PER_TOKEN
    computations = latents / in_a_window * model.computations(tokens) * amount.passes
    seconds = computations / (tflops(device) * 1e12 * USED_SHARE)
    if device.kind == "cpu":
        return Cost(seconds, RAM_MB + 4 * model.weights / 2**20)
    activations_mb = (16 * tokens * model.width + DECODING_BYTES_PER_PIXEL * amount.area_px) / 2**20
    return Cost(seconds, RAM_MB, CONTEXT_MB + 2 * model.weights / 2**20 + activations_mb)
