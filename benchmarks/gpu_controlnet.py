"""Stable Diffusion 1.5 and SDXL with a control network and random weights, called as the engine calls them."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from benchmarks.gpu_models import PROMPT, Place, Step, Tokens, picture, standing
from pipeline.engines.controlnet.defaults import Defaults
from pipeline.engines.controlnet.noise import field, fixed
from pipeline.engines.controlnet.opened import Opened, Request
from pipeline.engines.controlnet.parts import Parts
from pipeline.engines.controlnet.references import References
from pipeline.engines.controlnet.sampling import scheduler
from pipeline.engines.controlnet.starts import Start
from pipeline.engines.controlnet.text import ClipPrompts
from utils.size import Size

Config = dict[str, Any]
SCHEDULE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
LEAD = "pose"


@dataclass(frozen=True)
class ControlnetParts:
    """The configurations of a painter, its VAE and its text encoders; the control network shares the painter's."""

    down: Config
    """What the painter's half that looks shares with the control network."""
    up: Config
    vae: Config
    texts: tuple[Config, ...]
    lead: Config
    """What the control network has of its own."""

    @property
    def is_xl(self) -> bool:
        """Whether this is SDXL, which reads a vector for the whole prompt and the size of the picture as well."""
        return self.down.get("addition_embed_type") == "text_time"

    def unet(self) -> UNet2DConditionModel:
        """The painter."""
        return UNet2DConditionModel(**self.down, **self.up)

    def net(self) -> ControlNetModel:
        """The control network."""
        return ControlNetModel(**self.down, **self.lead)

    def encoder(self, number: int) -> torch.nn.Module:
        """A text encoder."""
        kind = CLIPTextModelWithProjection if number else CLIPTextModel
        return kind(CLIPTextConfig(**self.texts[number]))


_LOOKS, _PLAIN = "CrossAttnDownBlock2D", "DownBlock2D"
_CODER = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
_VAE = {**_CODER, "block_out_channels": (128, 256, 512, 512), "layers_per_block": 2}
_CLIP_L = {"vocab_size": 49_408, "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
           "num_attention_heads": 12, "projection_dim": 768}  # fmt: skip
_CLIP_G = {"vocab_size": 49_408, "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32,
           "num_attention_heads": 20, "projection_dim": 1280, "hidden_act": "gelu"}  # fmt: skip
SD_15 = ControlnetParts(
    down={"block_out_channels": (320, 640, 1280, 1280), "down_block_types": (_LOOKS, _LOOKS, _LOOKS, _PLAIN),
          "cross_attention_dim": 768, "attention_head_dim": 8},
    up={"up_block_types": ("UpBlock2D", *("CrossAttnUpBlock2D",) * 3), "sample_size": 64},
    vae=_VAE,
    texts=(_CLIP_L,),
    lead={},
)  # fmt: skip
SDXL = ControlnetParts(
    down={"block_out_channels": (320, 640, 1280), "down_block_types": (_PLAIN, _LOOKS, _LOOKS),
          "cross_attention_dim": 2048, "attention_head_dim": (5, 10, 20), "transformer_layers_per_block": (1, 2, 10),
          "use_linear_projection": True, "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
          "projection_class_embeddings_input_dim": 6 * 256 + 1280},
    up={"up_block_types": (*("CrossAttnUpBlock2D",) * 2, "UpBlock2D"), "sample_size": 128},
    vae={**_VAE, "scaling_factor": 0.13025, "force_upcast": True},
    texts=(_CLIP_L, _CLIP_G),
    lead={},
)  # fmt: skip
_SMALL_TEXT = {"vocab_size": 64, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
               "num_attention_heads": 2, "projection_dim": 16, "bos_token_id": 0, "eos_token_id": 1}  # fmt: skip
_SMALL_DOWN = {"block_out_channels": (8, 16), "layers_per_block": 1, "down_block_types": (_LOOKS, _PLAIN),
               "attention_head_dim": 4, "norm_num_groups": 4}  # fmt: skip
_SMALL_VAE = {**_CODER, "block_out_channels": (4, 4, 4, 4), "layers_per_block": 1, "norm_num_groups": 2}
_SMALL_UP = {"up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"), "sample_size": 8}
_SMALL_LEAD = {"conditioning_embedding_out_channels": (4, 4, 8, 8)}
SD_15_SMALL = ControlnetParts(
    {**_SMALL_DOWN, "cross_attention_dim": 16}, _SMALL_UP, _SMALL_VAE, (_SMALL_TEXT,), _SMALL_LEAD
)
SDXL_SMALL = ControlnetParts(
    {**_SMALL_DOWN, "cross_attention_dim": 32, "use_linear_projection": True, "addition_embed_type": "text_time",
     "addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": 6 * 8 + 16},
    _SMALL_UP, {**_SMALL_VAE, "force_upcast": True}, (_SMALL_TEXT,) * 2, _SMALL_LEAD,
)  # fmt: skip
"""Both architectures with a handful of channels, for a processor."""


class ControlnetModel:
    """A painter with its control network; few steps without guidance, or steps with it. LoRAs are left out."""

    def __init__(self, parts: ControlnetParts, place: Place, *, few_steps: bool) -> None:
        self._parts, self._place = parts, place
        self._defaults = Defaults(guidance=1.0, lcm=True) if few_steps else Defaults()
        self._prompts = ClipPrompts(self._text, place.device)
        self._opened: Opened | None = None
        self.passes = 1 if few_steps else 2

    def read_prompt(self) -> None:
        """Encode the prompt, and with guidance the empty one."""
        self._prompts.said(*self._asked(steps=1).texts)

    def open(self) -> None:
        """Make painter, control network and VAE; that of SDXL computes in 32 bits, as in the engine."""
        make, parts = self._place.make, self._parts
        exact = torch.float32 if parts.vae.get("force_upcast") else None
        made = {
            "unet": make(parts.unet),
            "vae": make(lambda: AutoencoderKL(**parts.vae), exact),
            "scheduler": scheduler(SCHEDULE, self._defaults),
            **dict.fromkeys(("text_encoder", "tokenizer")),
        }
        if parts.is_xl:
            pipe: Any = StableDiffusionXLPipeline(**made, text_encoder_2=None, tokenizer_2=None, add_watermarker=False)
        else:
            pipe = StableDiffusionPipeline(
                **made, safety_checker=None, feature_extractor=None, requires_safety_checker=False
            )
        lead = {LEAD: make(parts.net)}
        self._opened = Opened(
            pipe=pipe,
            prompts=self._prompts,
            device=self._place.device,
            parts=Parts(),
            references=References(Parts(), self._place.device),
            offload="none",
            _lead=lead,
        )

    @property
    def vae(self) -> Any:
        """The VAE."""
        assert self._opened
        return self._opened.pipe.vae

    def call(self, size: Size, frames: int, steps: int, step: Step) -> bool:
        """Make frames at once, each from noise alone where a person stands in the middle."""
        assert self._opened
        starts = [self._start(size, seed) for seed in range(frames)]
        made = self._opened.frames(starts, self._asked(steps), lambda done, total: step(done))
        return bool(np.isfinite(made).all())

    def _start(self, size: Size, seed: int) -> Start:
        assert self._opened
        cells = Size(size.width_px // self._opened.cell_px, size.height_px // self._opened.cell_px)
        noise = fixed(field(seed, self._opened.pipe.unet.config.in_channels), cells, (0, 0))
        strength = (standing(cells) > 0).astype(np.float32)
        return Start(picture(size, seed), picture(size, seed + 1), noise, strength)

    def _asked(self, steps: int) -> Request:
        return Request(
            prompt=PROMPT,
            negative_prompt="",
            steps=steps,
            guidance=self._defaults.guidance,
            control=LEAD,
            control_strength=1.0,
        )

    def _text(self) -> tuple[list[Tokens], list[torch.nn.Module]]:
        parts = self._parts
        numbers = range(len(parts.texts))
        encoders = [self._place.make(partial(parts.encoder, number)) for number in numbers]
        return [Tokens(each["vocab_size"]) for each in parts.texts], encoders
