"""Bernini-R with random weights, called as the engine calls it."""

import numpy as np
import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline

from benchmarks.gpu_models import PROMPT, Step, picture
from benchmarks.gpu_vace import TEXT, VACE_SMALL, WAN, WanModel, WanParts
from pipeline.engines.bernini.opened import Given, Opened, Request
from pipeline.engines.bernini.transformer import SourceTransformer
from utils.size import Size

BERNINI_1_3B = WanParts({**WAN, "num_attention_heads": 12, "ffn_dim": 8960, "num_layers": 30}, TEXT)
BERNINI_14B = WanParts({**WAN, "num_attention_heads": 40, "ffn_dim": 13_824, "num_layers": 40}, TEXT)
"""One of its two experts, for the engine keeps one on a card of 48 GB at a time."""
BERNINI_SMALL = WanParts(
    {"attention_head_dim": 12, "num_attention_heads": 2, "ffn_dim": 32, "num_layers": 2, "text_dim": 16,
     "freq_dim": 32},
    VACE_SMALL.text,
    VACE_SMALL.vae,
)  # fmt: skip
"""Bernini-R with a handful of channels, for a processor."""


class BerniniModel(WanModel):
    """Bernini-R without guidance; with it the same pass is taken twice a step, so that one is measured."""

    _opened: Opened | None = None

    def read_prompt(self) -> None:
        """Encode the prompt."""
        self._prompts.numbers(*self._request(1).texts)

    def open(self) -> None:
        """Make transformer and VAE; the VAE computes in 32 bits, as in the engine."""
        make, parts = self._place.make, self._parts
        pipe = WanPipeline(
            tokenizer=None,
            text_encoder=None,
            vae=make(lambda: AutoencoderKLWan(**parts.vae), torch.float32),
            scheduler=UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0),
            transformer=make(lambda: SourceTransformer(**parts.transformer)),
        )
        self._opened = Opened(pipe, self._prompts, self._place.device, offload="none")

    def call(self, size: Size, frames: int, steps: int, step: Step) -> bool:
        """Edit a window of noise."""
        assert self._opened
        given = Given(tuple(picture(size, seed) for seed in range(frames)))
        return bool(np.isfinite(self._opened.frames(given, self._request(steps), step)).all())

    def _request(self, steps: int) -> Request:
        return Request(prompt=PROMPT, negative_prompt="", steps=steps, guidance=1.0, seed=0, has_references=False)
