"""FLUX.2 klein and Qwen-Image-Edit with random weights, called as the engine calls them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from diffusers import (
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinInpaintPipeline,
    Flux2Transformer2DModel,
    QwenImageEditPlusPipeline,
    QwenImageTransformer2DModel,
)
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
    Qwen3Config,
    Qwen3ForCausalLM,
)
from transformers.tokenization_utils_base import BatchEncoding

from benchmarks.gpu_models import PROMPT, Place, Step, Tokens, picture, standing
from pipeline.engines.edit.klein import Instructions, Klein
from pipeline.engines.edit.opened import Opened, Request
from pipeline.engines.edit.qwen import Qwen
from pipeline.engines.edit.qwen_reading import PAD, Shown, ShownInstructions
from pipeline.engines.edit.sheets import Sheets
from utils.size import Size


@dataclass(frozen=True)
class EditParts:
    """The configurations of a model that edits pictures."""

    transformer: dict[str, Any]
    text: dict[str, Any]
    vae: dict[str, Any] = field(default_factory=dict)
    seen_px: int = 1 << 24
    """The most pixels of a picture that its text encoder looks at."""


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
"""FLUX.2 klein with a handful of channels, for a processor."""
QWEN_20B = EditParts(
    {"num_layers": 60, "num_attention_heads": 24, "attention_head_dim": 128, "joint_attention_dim": 3584,
     "zero_cond_t": True},
    {"text_config": {
        "vocab_size": 152_064, "hidden_size": 3584, "intermediate_size": 18_944, "num_hidden_layers": 28,
        "num_attention_heads": 28, "num_key_value_heads": 4,
        "rope_parameters": {"rope_type": "default", "mrope_section": [16, 24, 24], "rope_theta": 1e6}},
     "vision_config": {"hidden_size": 1280, "out_hidden_size": 3584}},
)  # fmt: skip
"""With Qwen2.5-VL-7B."""
QWEN_SMALL = EditParts(
    {"in_channels": 16, "out_channels": 4, "num_layers": 1, "num_attention_heads": 2, "attention_head_dim": 16,
     "joint_attention_dim": 16, "axes_dims_rope": (4, 6, 6), "zero_cond_t": True},
    {"text_config": {
        "vocab_size": 512, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 1, "bos_token_id": 0, "eos_token_id": 0,
        "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e6}},
     "vision_config": {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 16,
                       "fullatt_block_indexes": [0]},
     "image_token_id": 1, "video_token_id": 2, "vision_start_token_id": 3, "vision_end_token_id": 4},
    {"base_dim": 3, "z_dim": 4, "dim_mult": [1, 1, 1, 1], "num_res_blocks": 1, "latents_mean": [0.0] * 4,
     "latents_std": [1.0] * 4},
    seen_px=56 * 56,
)  # fmt: skip


class EditModel(ABC):
    """A model that paints a picture of the person, shown the source and one reference."""

    passes = 1

    def __init__(self, parts: EditParts, place: Place) -> None:
        self._parts, self._place = parts, place
        self._opened = self._closed()

    def read_prompt(self) -> None:
        """Encode the prompt."""
        self._opened.read(_asked(steps=1), _sheets(Size(1024, 1024), seed=0))

    def open(self) -> None:
        """Make transformer and VAE."""
        self._opened.pipe = self._pipe()
        self._opened.pipe.set_progress_bar_config(disable=True)

    @property
    def vae(self) -> Any:
        """The VAE."""
        return self._opened.pipe.vae

    def call(self, size: Size, frames: int, steps: int, step: Step) -> bool:
        """Paint pictures one after the other, as the engine does with the keys of a window."""
        made = (self._opened.painted(_sheets(size, seed), _asked(steps), step) for seed in range(frames))
        return all(np.isfinite(each).all() for each in made)

    @abstractmethod
    def _closed(self) -> Opened:
        """The model before its transformer and VAE are made."""

    @abstractmethod
    def _pipe(self) -> Any:
        """Transformer and VAE."""


class KleinModel(EditModel):
    """FLUX.2 klein."""

    def _closed(self) -> Opened:
        return Klein(_Empty(), Instructions(self._text, self._place.device), self._place.device, offload="none")

    def _pipe(self) -> Any:
        make, parts = self._place.make, self._parts
        return Flux2KleinInpaintPipeline(
            tokenizer=None,
            text_encoder=None,
            vae=make(lambda: AutoencoderKLFlux2(**parts.vae)),
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
            transformer=make(lambda: Flux2Transformer2DModel(**parts.transformer)),
            is_distilled=True,
        )

    def _text(self) -> tuple[Any, Any]:
        config = Qwen3Config(**self._parts.text)
        return Tokens(config.vocab_size), self._place.make(lambda: Qwen3ForCausalLM(config))


class QwenModel(EditModel):
    """Qwen-Image-Edit."""

    def _closed(self) -> Opened:
        return Qwen(_Empty(), _OneReading(self._text, self._place.device), self._place.device, offload="none")

    def _pipe(self) -> Any:
        make, parts = self._place.make, self._parts
        return QwenImageEditPlusPipeline(
            tokenizer=None,
            text_encoder=None,
            processor=None,
            vae=make(lambda: AutoencoderKLQwenImage(**parts.vae)),
            scheduler=FlowMatchEulerDiscreteScheduler(
                use_dynamic_shifting=True, max_shift=0.9, max_image_seq_len=8192, shift_terminal=0.02
            ),
            transformer=make(lambda: QwenImageTransformer2DModel(**parts.transformer)),
        )

    def _text(self) -> tuple[Any, Any]:
        config = Qwen2_5_VLConfig(**self._parts.text)
        patches = Qwen2VLImageProcessorPil(size={"shortest_edge": 56 * 56, "longest_edge": self._parts.seen_px})
        words = _MarkedTokens(config.text_config.vocab_size, config.image_token_id)
        return (words, patches), self._place.make(lambda: Qwen2_5_VLForConditionalGeneration(config))


class _OneReading(ShownInstructions):
    """Keeps the first reading for whatever is asked later: the text encoder has no room beside the transformer."""

    def knows(self, *asked: Shown) -> bool:
        return bool(self._kept) or super().knows(*asked)

    def numbers(self, *asked: Shown) -> list[torch.Tensor]:
        first = next(iter(self._kept), asked[0])
        return super().numbers(*[first] * len(asked))


@dataclass(frozen=True)
class _MarkedTokens:
    """A tokenizer without a vocabulary, but with the number of the tokens that stand for pictures."""

    vocabulary: int
    picture: int

    def __call__(self, text: str) -> BatchEncoding:
        """The numbers of the words and marks of a text."""
        words = text.replace(PAD, f" {PAD} ").split()
        return BatchEncoding({"input_ids": [self.picture if word == PAD else 5 for word in words]})


class _Empty:
    """Stands for transformer and VAE until they are made."""

    def remove_all_hooks(self) -> None:
        """There are none."""

    def to(self, device: str) -> None:
        """Nothing moves."""


def _asked(steps: int) -> Request:
    return Request(prompt=PROMPT, negative_prompt="", steps=steps, guidance=1.0, seed=0)


def _sheets(size: Size, seed: int) -> Sheets:
    return Sheets(picture(size, seed), standing(size), (picture(size, seed + 1),))
