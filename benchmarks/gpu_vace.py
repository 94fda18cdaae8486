"""Wan VACE with random weights, called as the engine calls it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanVACETransformer3DModel
from transformers import UMT5Config, UMT5EncoderModel

from benchmarks.gpu_models import PROMPT, Place, Step, Tokens, picture, standing
from pipeline.engines.diffusion.prompt import Prompts
from pipeline.engines.diffusion.wan import PlacedWan
from pipeline.engines.vace.conditioning import Conditioning
from pipeline.engines.vace.opened import Opened, Request
from pipeline.engines.vace.pipeline import VacePipeline
from utils.size import Size


@dataclass(frozen=True)
class WanParts:
    """The configurations of a model on Wan; without any for the VAE, it is that of Wan 2.1."""

    transformer: dict[str, Any]
    text: dict[str, Any]
    vae: dict[str, Any] = field(default_factory=dict)


TEXT = {"vocab_size": 256_384, "d_model": 4096, "d_kv": 64, "d_ff": 10_240, "num_layers": 24, "num_heads": 64,
        "feed_forward_proj": "gated-gelu"}  # fmt: skip
"""UMT5-XXL."""
WAN = {"attention_head_dim": 128, "text_dim": 4096, "freq_dim": 256, "cross_attn_norm": True,
       "qk_norm": "rms_norm_across_heads"}  # fmt: skip
_VACE = {**WAN, "vace_in_channels": 96}
VACE_1_3B = WanParts(
    {**_VACE, "num_attention_heads": 12, "ffn_dim": 8960, "num_layers": 30, "vace_layers": list(range(0, 30, 2))}, TEXT
)
VACE_14B = WanParts(
    {**_VACE, "num_attention_heads": 40, "ffn_dim": 13_824, "num_layers": 40, "vace_layers": [*range(0, 40, 5)]},
    TEXT,
)
VACE_SMALL = WanParts(
    {"attention_head_dim": 12, "num_attention_heads": 2, "ffn_dim": 32, "num_layers": 2, "vace_layers": [0],
     "text_dim": 16, "freq_dim": 32, "vace_in_channels": 96},
    {"vocab_size": 64, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2},
    {"base_dim": 3, "z_dim": 16, "dim_mult": [1, 1, 1, 1], "num_res_blocks": 1},
)  # fmt: skip
"""Wan VACE with a handful of channels, for a processor."""


class WanModel:
    """A model on Wan, one pass at a time; `_opened` is there once it was opened."""

    passes = 1
    _opened: PlacedWan | None

    def __init__(self, parts: WanParts, place: Place) -> None:
        self._parts, self._place = parts, place
        self._prompts = Prompts(self._text, place.device)

    @property
    def vae(self) -> Any:
        """The VAE."""
        assert self._opened
        return self._opened.pipe.vae

    def _text(self) -> tuple[Any, Any]:
        config = UMT5Config(**self._parts.text)
        return Tokens(config.vocab_size), self._place.make(lambda: UMT5EncoderModel(config))


class VaceModel(WanModel):
    """Wan VACE; its passes with and without the prompt are two calls, so that one is measured."""

    _opened: Opened | None = None

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

    def call(self, size: Size, frames: int, steps: int, step: Step) -> bool:
        """Make a window of noise, with a person-sized mask in the middle."""
        assert self._opened
        asked = Request(prompt=PROMPT, negative_prompt="", steps=steps, guidance=1.0, control_strength=1.0, seed=0)
        made, _ = self._opened.frames(_window(size, frames), asked, step)
        return bool(np.isfinite(made).all())


def _window(size: Size, frames: int) -> Conditioning:
    mask = standing(size)
    return Conditioning(tuple(picture(size, seed) for seed in range(frames)), (mask,) * frames, (mask,) * frames)
