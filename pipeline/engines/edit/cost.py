"""A rough estimate of what painting and carrying take, from the model's architecture and the number of computations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.engines.base import Cost
from pipeline.engines.device import Device
from pipeline.engines.diffusion.throughput import Amount, tflops
from pipeline.engines.edit.defaults import Defaults
from pipeline.engines.edit.sheets import working_size
from utils.size import Size

USED_SHARE, CONTEXT_MB = 0.45, 700.0
"""The share of a device's computations that such a model uses, and memory of the card's driver (assumed)."""
FRAMES_PER_KEY = 6.0
"""How many frames a painted one serves, as `benchmarks.keyframes` counts them on the walker."""
NS_PER_CARRIED_PIXEL, CARRY_START_S = 600.0, 0.15
"""Time on one processor to carry keys to a frame: per pixel, and for the flow, which is found in small pictures."""
ENCODING_TFLOP = 4.5
"""Reading a prompt: 4 billion weights at 512 tokens, in units of 10^12 computations."""
DECODING_BYTES_PER_PIXEL, RAM_MB = 6_000, 12_000.0
"""Memory for each pixel that is decoded, and of the machine where the text encoder is read (assumed)."""
TEXT_TOKENS, PIXELS_PER_TOKEN = 512, 256
PICTURES = 3
"""The picture that is painted, its source, and one reference: the model reads all of them at each step."""


@dataclass(frozen=True)
class Architecture:
    """The numbers of a transformer that its cost follows from; as they are, those of FLUX.2 klein 4B."""

    width: int = 3072
    layers: int = 5
    single_layers: int = 20
    text_width: int = 7680
    mlp_ratio: float = 3.0

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Architecture":
        """That of a configuration."""
        return cls(
            width=int(config["num_attention_heads"]) * int(config["attention_head_dim"]),
            layers=int(config["num_layers"]),
            single_layers=int(config["num_single_layers"]),
            text_width=int(config["joint_attention_dim"]),
            mlp_ratio=float(config["mlp_ratio"]),
        )

    @property
    def weights(self) -> float:
        """How many numbers the matrices of its blocks hold: attention and a gated network, twice in double blocks."""
        block = (4 + 3 * self.mlp_ratio) * self.width**2
        return (2 * self.layers + self.single_layers) * block + 15 * self.width**2 + self.text_width * self.width

    def computations(self, tokens: float) -> float:
        """Multiplications and additions of one pass over so many tokens."""
        used = (self.layers + self.single_layers) * (4 + 3 * self.mlp_ratio) * self.width**2
        attention = 4 * (self.layers + self.single_layers) * self.width * tokens
        return tokens * (2 * used + attention)


def asked(settings: Mapping[str, Any], defaults: Defaults, size: Size, frames: int) -> Amount:
    """The key frames that are painted for so many frames."""
    area_px = working_size(size, defaults.area_px, 16).area_px
    return Amount(area_px, 1 + frames / FRAMES_PER_KEY, defaults.passes(settings))


def rough(model: Architecture, amount: Amount, device: Device) -> Cost:
    """Seconds and memory to paint key frames."""
    tokens = TEXT_TOKENS + PICTURES * amount.area_px / PIXELS_PER_TOKEN
    seconds = _seconds(amount.frames * amount.passes * model.computations(tokens), device)
    if device.kind == "cpu":
        return Cost(seconds, RAM_MB + 4 * model.weights / 2**20)
    activations_mb = (16 * tokens * model.width + DECODING_BYTES_PER_PIXEL * amount.area_px) / 2**20
    return Cost(seconds, RAM_MB, CONTEXT_MB + 2 * model.weights / 2**20 + activations_mb)


def beside_s(size: Size, frames: int, device: Device) -> float:
    """Seconds for what is no call of the model: reading the prompt, and carrying the keys to all frames."""
    carrying_s = frames * (CARRY_START_S + size.area_px * NS_PER_CARRIED_PIXEL * 1e-9)
    return _seconds(ENCODING_TFLOP * 1e12, device) + carrying_s


def _seconds(computations: float, device: Device) -> float:
    return computations / (tflops(device) * 1e12 * USED_SHARE)
