"""A rough estimate of what painting and carrying take, from the model's architecture and the number of computations."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pipeline.engines.base import Cost
from pipeline.engines.device import Device, processors
from pipeline.engines.diffusion.throughput import Amount, Load, tflops
from pipeline.engines.edit.defaults import Defaults
from pipeline.engines.edit.sheets import working_size
from utils.keyframes import MOST_WORKERS
from utils.size import Size

USED_SHARE = 0.45
"""The share of a device's computations that such a model uses (assumed)."""
FRAMES_PER_KEY = 6.0
"""How many frames a painted one serves, as `benchmarks.keyframe` counts them on the walker."""
NS_PER_CARRIED_PIXEL, CARRY_START_S = 5700.0, 0.15
"""Processor time to carry keys to a frame: for a pixel of a window, and for the flow, found in small pictures."""
DECODING_BYTES_PER_PIXEL = 6_000
"""Memory for each pixel that is decoded (assumed)."""
PIXELS_PER_TOKEN = 256
PICTURES = 3
"""The picture that is painted, its source, and one reference: the model reads all of them at each step."""


@dataclass(frozen=True)
class Architecture(ABC):
    """The numbers of a transformer that its cost follows from."""

    text_tokens: ClassVar[int]
    """What is read of a prompt, and of pictures as a text encoder looks at them."""
    reading_tflop: ClassVar[float]
    """Reading that once, in units of 10^12 computations."""
    reads_each_key: ClassVar[bool]
    ram_mb: ClassVar[float]
    """Memory of the machine where the text encoder is read (assumed)."""

    width: int
    layers: int

    @classmethod
    @abstractmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """That of a configuration."""

    @property
    @abstractmethod
    def weights(self) -> float:
        """How many numbers its matrices hold."""

    @property
    @abstractmethod
    def attentions(self) -> int:
        """How many times all tokens look at each other."""

    @property
    @abstractmethod
    def met(self) -> float:
        """How many numbers of its matrices each token meets."""

    def computations(self, tokens: float) -> float:
        """Multiplications and additions of one pass over so many tokens."""
        return tokens * (2 * self.met + 4 * self.attentions * self.width * tokens)

    def amount(self, settings: Mapping[str, Any], defaults: Defaults, size: Size, frames: int) -> Amount:
        """The key frames that are painted for so many frames."""
        area_px = working_size(size, defaults.area_px, 16).area_px
        return Amount(area_px, keys(frames), defaults.passes(settings))

    def rough(self, amount: Amount, device: Device) -> Cost:
        """Seconds and memory to paint key frames."""
        tokens = self.text_tokens + PICTURES * amount.area_px / PIXELS_PER_TOKEN
        load = Load(
            computations=amount.frames * amount.passes * self.computations(tokens),
            weights_mb=2 * self.weights / 2**20,
            working_mb=(16 * tokens * self.width + DECODING_BYTES_PER_PIXEL * amount.area_px) / 2**20,
            ram_mb=self.ram_mb,
        )
        return load.cost(device, USED_SHARE)

    def beside_s(self, size: Size, frames: int, device: Device) -> float:
        """Seconds for what is no call of the model: reading, and carrying the keys to all frames."""
        workers = min(MOST_WORKERS, processors())
        carrying_s = frames * (CARRY_START_S + size.area_px * NS_PER_CARRIED_PIXEL * 1e-9 / workers)
        reading_tflop = self.reading_tflop * (keys(frames) if self.reads_each_key else 1)
        return reading_tflop / (tflops(device) * USED_SHARE) + carrying_s


@dataclass(frozen=True)
class KleinArchitecture(Architecture):
    """A transformer of FLUX.2; as it is, that of klein 4B, whose encoder has 4 billion weights and reads 512 tokens."""

    text_tokens: ClassVar[int] = 512
    reading_tflop: ClassVar[float] = 4.5
    reads_each_key: ClassVar[bool] = False
    ram_mb: ClassVar[float] = 12_000.0

    width: int = 3072
    layers: int = 5
    single_layers: int = 20
    text_width: int = 7680
    mlp_ratio: float = 3.0

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
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
        """Attention and a gated network, twice in double blocks."""
        twice = 2 * self.layers + self.single_layers
        return twice * self._block + 15 * self.width**2 + self.text_width * self.width

    @property
    def attentions(self) -> int:
        """One in each block."""
        return self.layers + self.single_layers

    @property
    def met(self) -> float:
        """One half of a double block: that of pictures or that of texts."""
        return self.attentions * self._block

    @property
    def _block(self) -> float:
        return (4 + 3 * self.mlp_ratio) * self.width**2


@dataclass(frozen=True)
class QwenArchitecture(Architecture):
    """A transformer of Qwen-Image; as it is, that of 20 billion weights.

    Its encoder of 8 billion reads some 200 tokens of each picture, again for each key. While it does, the machine holds
    the transformer.
    """

    text_tokens: ClassVar[int] = 700
    reading_tflop: ClassVar[float] = 14.0
    reads_each_key: ClassVar[bool] = True
    ram_mb: ClassVar[float] = 60_000.0

    width: int = 3072
    layers: int = 60
    text_width: int = 3584

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """That of a configuration."""
        return cls(
            width=int(config["num_attention_heads"]) * int(config["attention_head_dim"]),
            layers=int(config["num_layers"]),
            text_width=int(config["joint_attention_dim"]),
        )

    @property
    def weights(self) -> float:
        """Two of each in a block, for pictures and for texts: attention, a network, and what the time changes."""
        return self.layers * 36 * self.width**2 + self.text_width * self.width

    @property
    def attentions(self) -> int:
        """One in each block."""
        return self.layers

    @property
    def met(self) -> float:
        """Attention and network of a picture's tokens, or those of a text's."""
        return self.layers * 12 * self.width**2


FAMILIES: Mapping[str, tuple[str, type[KleinArchitecture | QwenArchitecture]]] = {
    "flux2-klein": ("Flux2Transformer2DModel", KleinArchitecture),
    "qwen-image-edit": ("QwenImageTransformer2DModel", QwenArchitecture),
}
"""Families of checkpoints -> what the configuration of their transformer calls it, and its architecture."""


def architecture(config: Mapping[str, Any] | None, family: str) -> Architecture:
    """That of a configuration; without one that of the usual checkpoint of a family."""
    kinds = dict(FAMILIES.values())
    usual = FAMILIES.get(family, FAMILIES["flux2-klein"])[1]
    return kinds.get(str(config.get("_class_name")), usual).of(config) if config else usual()


def keys(frames: float) -> float:
    """How many frames are painted for so many."""
    return 1 + frames / FRAMES_PER_KEY
