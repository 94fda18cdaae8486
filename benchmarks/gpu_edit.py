"""FLUX.2 klein with random weights, called as the engine calls it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from diffusers import (
    AutoencoderKLFlux2,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinInpaintPipeline,
    Flux2Transformer2DModel,
)
from transformers import Qwen3Config, Qwen3ForCausalLM

from benchmarks.gpu_models import PROMPT, Place, Step, Tokens, picture, standing
from pipeline.engines.edit.opened import Instructions, Opened, Request
from pipeline.engines.edit.sheets import Sheets
from utils.size import Size


@dataclass(frozen=True)
class EditParts:
    """The configurations of a FLUX.2 klein."""

    transformer: dict[str, Any]
    text: dict[str, Any]
    vae: dict[str, Any] = field(default_factory=dict)


KLEIN_4B = EditParts(
    {"num_layers": 5, "num_single_layers": 20, "num_attention_heads": 24, "attention_head_dim": 128,
     "joint_attention_dim": 7680, "guidance_embeds": False},
    {"vocab_size": 151_936, "hidden_size": 2560, "intermediate_size": 9728, "num_hidden_layers": 36,
     "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "tie_word_embeddings": True},
)  # fmt: skip
"""With Qwen3-4B."""
KLEIN_SMALL = EditParts(
    {"in_channels": 16, "num_layers": 1, "num_single_layers": 2, "num_attention_heads": 2, "attention_head_dim": 16,
     "joint_attention_dim": 48, "timestep_guidance_channels": 8, "axes_dims_rope": (4, 4, 4, 4),
     "guidance_embeds": False},
    {"vocab_size": 64, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 28, "num_attention_heads": 2,
     "num_key_value_heads": 1, "head_dim": 8, "tie_word_embeddings": True},
    {"block_out_channels": (4, 4, 4, 4), "layers_per_block": 1, "latent_channels": 4, "norm_num_groups": 1},
)  # fmt: skip
"""The same architecture with a handful of channels, for a processor."""


class EditModel:
    """FLUX.2 klein, which paints a picture of the person, shown the source and one reference."""

    passes = 1

    def __init__(self, parts: EditParts, place: Place) -> None:
        self._parts, self._place = parts, place
        self._prompts = Instructions(self._text, place.device)
        self._opened: Opened | None = None

    def read_prompt(self) -> None:
        """Encode the prompt."""
        self._prompts.numbers(PROMPT)

    def open(self) -> None:
        """Make transformer and VAE."""
        make, parts = self._place.make, self._parts
        pipe = Flux2KleinInpaintPipeline(
            tokenizer=None,
            text_encoder=None,
            vae=make(lambda: AutoencoderKLFlux2(**parts.vae)),
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
            transformer=make(lambda: Flux2Transformer2DModel(**parts.transformer)),
            is_distilled=True,
        )
        pipe.set_progress_bar_config(disable=True)
        self._opened = Opened(pipe, self._prompts, self._place.device, offload="none")

    @property
    def vae(self) -> Any:
        """The VAE."""
        assert self._opened
        return self._opened.pipe.vae

    def call(self, size: Size, frames: int, steps: int, step: Step) -> bool:
        """Paint pictures one after the other, as the engine does with the keys of a window."""
        assert self._opened
        asked = Request(prompt=PROMPT, negative_prompt="", steps=steps, guidance=1.0, seed=0)
        sheets = [Sheets(picture(size, seed), standing(size), (picture(size, seed + 1),)) for seed in range(frames)]
        return all(np.isfinite(self._opened.painted(each, asked, step)).all() for each in sheets)

    def _text(self) -> tuple[Any, Any]:
        config = Qwen3Config(**self._parts.text)
        return Tokens(config.vocab_size), self._place.make(lambda: Qwen3ForCausalLM(config))
