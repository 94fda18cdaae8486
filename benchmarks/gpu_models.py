"""The real architectures of the engines with models, with random weights that are made where they compute.

Nothing is downloaded: configurations stand here, tokens are numbers, and weights come from the libraries' own
initialisers, on the card and in its precision, so that the machine needs no memory for them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanVACETransformer3DModel
from transformers import UMT5Config, UMT5EncoderModel
from transformers.tokenization_utils_base import BatchEncoding

from pipeline.engines.diffusion.prompt import Prompts
from pipeline.engines.vace.conditioning import Conditioning
from pipeline.engines.vace.opened import Opened, Request
from pipeline.engines.vace.pipeline import VacePipeline
from utils.size import Size

Part = TypeVar("Part", bound=torch.nn.Module)
Step = Callable[[int], None]
PROMPT = "a woman in a red raincoat walks up to the camera in heavy rain, film still"


@dataclass(frozen=True)
class Place:
    """Where a model computes, and in which precision."""

    device: torch.device
    dtype: torch.dtype

    def make(self, build: Callable[[], Part], dtype: torch.dtype | None = None) -> Part:
        """A part of a model, made in place."""
        before = torch.get_default_dtype()
        torch.set_default_dtype(dtype or self.dtype)
        try:
            with self.device:
                part = build()
        finally:
            torch.set_default_dtype(before)
        exact = set(getattr(part, "_keep_in_fp32_modules", None) or ())
        for name, weights in part.named_parameters():
            if exact & set(name.split(".")):
                weights.data = weights.data.float()
        part.eval()
        part.requires_grad_(False)
        return part


class Model(Protocol):
    """An engine's model as the benchmark uses it; other engines join by another one of these."""

    def read_prompt(self) -> None:
        """Encode the prompt with the text encoder, which is made and dropped."""
        ...

    def open(self) -> None:
        """Make the other parts, in place."""
        ...

    @property
    def vae(self) -> Any:
        """The part that encodes and decodes pictures."""
        ...

    def call(self, size: Size, frames: int, steps: int, step: Step) -> bool:
        """Make frames, calling `step` after each step; whether they are numbers."""
        ...


@dataclass(frozen=True)
class VaceParts:
    """The configurations of a Wan VACE; as they are, those of the model with 1.3 billion."""

    transformer: dict[str, Any]
    text: dict[str, Any]
    vae: dict[str, Any] = field(default_factory=dict)


TEXT = {"vocab_size": 256_384, "d_model": 4096, "d_kv": 64, "d_ff": 10_240, "num_layers": 24, "num_heads": 64,
        "feed_forward_proj": "gated-gelu"}  # fmt: skip
"""UMT5-XXL."""
_WAN = {"attention_head_dim": 128, "text_dim": 4096, "freq_dim": 256, "vace_in_channels": 96, "cross_attn_norm": True,
        "qk_norm": "rms_norm_across_heads"}  # fmt: skip
VACE_1_3B = VaceParts(
    {**_WAN, "num_attention_heads": 12, "ffn_dim": 8960, "num_layers": 30, "vace_layers": list(range(0, 30, 2))}, TEXT
)
VACE_14B = VaceParts(
    {**_WAN, "num_attention_heads": 40, "ffn_dim": 13_824, "num_layers": 40, "vace_layers": list(range(0, 40, 5))}, TEXT
)
VACE_SMALL = VaceParts(
    {"attention_head_dim": 12, "num_attention_heads": 2, "ffn_dim": 32, "num_layers": 2, "vace_layers": [0],
     "text_dim": 16, "freq_dim": 32, "vace_in_channels": 96},
    {"vocab_size": 64, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2},
    {"base_dim": 3, "z_dim": 16, "dim_mult": [1, 1, 1, 1], "num_res_blocks": 1},
)  # fmt: skip
"""The same architecture with a handful of channels, for a processor."""


class VaceModel:
    """Wan VACE, called as the engine calls it."""

    def __init__(self, parts: VaceParts, place: Place) -> None:
        self._parts, self._place = parts, place
        self._prompts = Prompts(self._text, place.device)
        self._opened: Opened | None = None

    def read_prompt(self) -> None:
        """Encode the prompt."""
        self._prompts.numbers(PROMPT)

    def open(self) -> None:
        """Make transformer and VAE; the VAE computes in 32 bits, as in the engine."""
        make, parts = self._place.make, self._parts
        pipe = VacePipeline(
            tokenizer=None,
            text_encoder=None,
            vae=make(lambda: AutoencoderKLWan(**parts.vae), torch.float32),
            scheduler=UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0),
            transformer=make(lambda: WanVACETransformer3DModel(**parts.transformer)),
        )
        pipe.set_progress_bar_config(disable=True)
        self._opened = Opened(pipe, self._prompts, self._place.device, offload="none")

    @property
    def vae(self) -> Any:
        """The VAE."""
        assert self._opened
        return self._opened.pipe.vae

    def call(self, size: Size, frames: int, steps: int, step: Step) -> bool:
        """Make a window of noise, with a person-sized mask in the middle."""
        assert self._opened
        asked = Request(PROMPT, "", steps, guidance=1.0, control_strength=1.0, seed=0)
        made, _ = self._opened.frames(_window(size, frames), asked, step)
        return bool(np.isfinite(made).all())

    def _text(self) -> tuple[Any, Any]:
        config = UMT5Config(**self._parts.text)
        return Tokens(config.vocab_size), self._place.make(lambda: UMT5EncoderModel(config))


@dataclass(frozen=True)
class Tokens:
    """A tokenizer without a vocabulary: each word is a number."""

    vocabulary: int

    def __call__(self, text: str, max_length: int = 0, **how: Any) -> BatchEncoding:
        """The numbers of the words of a text, filled up with zeros."""
        numbers = [1 + index % (self.vocabulary - 1) for index, _ in enumerate(text.split())]
        if "return_tensors" not in how:
            return BatchEncoding({"input_ids": numbers})
        ids = torch.zeros(1, max_length, dtype=torch.long)
        ids[0, : len(numbers)] = torch.tensor(numbers)
        return BatchEncoding({"input_ids": ids, "attention_mask": (ids > 0).long()})


def _window(size: Size, frames: int) -> Conditioning:
    random = np.random.default_rng(0)
    pictures = tuple(random.integers(0, 255, (size.height_px, size.width_px, 3), np.uint8) for _ in range(frames))
    mask = np.zeros((size.height_px, size.width_px), np.uint8)
    mask[size.height_px // 8 :, size.width_px // 3 : 2 * size.width_px // 3] = 255
    return Conditioning(pictures, (mask,) * frames, (mask,) * frames)
