"""The opened model: its parts on the card, and one call of it for a few frames."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanVACETransformer3DModel
from PIL import Image

from pipeline.engines.diffusion.components import component, configuration
from pipeline.engines.diffusion.defaults import Asked
from pipeline.engines.diffusion.pictures import Floats
from pipeline.engines.diffusion.prompt import Prompts
from pipeline.engines.diffusion.wan import PlacedWan, experts, groups, noise, text_encoder
from pipeline.engines.vace.carrying import Latents
from pipeline.engines.vace.composed import composed
from pipeline.engines.vace.conditioning import Conditioning
from pipeline.engines.vace.defaults import USUAL, Defaults
from pipeline.engines.vace.pipeline import VacePipeline
from utils.image import Size

Step = Callable[[int], None]
"""Called after each step with the number of those that are done; raises where the work is cancelled."""


@dataclass(frozen=True)
class Request(Asked):
    """What is asked of one call besides the pictures."""

    control_strength: float
    seed: int


@dataclass
class Opened(PlacedWan):
    """An opened Wan VACE."""

    @classmethod
    def from_folder(
        cls,
        folder: Path,
        device: torch.device,
        dtype: torch.dtype,
        defaults: Defaults = USUAL,
        base: Path | None = None,
    ) -> "Opened":
        """Load all but the text encoder from a folder in the layout of diffusers; a `base` goes over the folder's."""
        boundary = defaults.boundary or configuration(folder, "model_index.json").get("boundary_ratio")
        loaded = {name: _expert(folder / name, base, dtype) for name in experts(folder, boundary)}
        pipe = VacePipeline(
            tokenizer=None,
            text_encoder=None,
            vae=component(folder / "vae", AutoencoderKLWan, torch.float32),
            scheduler=UniPCMultistepScheduler.from_config(
                configuration(folder / "scheduler", "scheduler_config.json"),
                **({"flow_shift": defaults.shift} if defaults.shift else {}),
            ),
            transformer=loaded.get("transformer"),
            transformer_2=loaded.get("transformer_2"),
            boundary_ratio=boundary,
        )
        pipe.set_progress_bar_config(disable=True)
        return cls(pipe, Prompts(text_encoder(folder, dtype), device), device)

    def frames(self, given: Conditioning, asked: Request, step: Step) -> tuple[Floats, Latents]:
        """The frames of one call, n x h x w x 3, 0 to 1, and their latents; not finite where the model failed."""
        size = Size.of(given.pictures[0])
        count = len(given.references) + len(list(groups(len(given))))
        start = noise(self.pipe.vae, size, count, asked.seed)
        steps = _Steps(step, start.to(self.device), len(given.references))
        self.pipe.lead = None if given.lead is None else torch.from_numpy(given.lead)
        prompt, *not_wanted = (each.to(self.device) for each in self.read(asked))
        unused = self.pipe.scheduler
        self.pipe.scheduler = UniPCMultistepScheduler.from_config(unused.config)
        try:
            made = self.pipe(
                prompt_embeds=prompt,
                negative_prompt_embeds=not_wanted[0] if not_wanted else None,
                video=[Image.fromarray(each) for each in given.pictures],
                mask=[Image.fromarray(each) for each in given.masks],
                reference_images=[list(map(Image.fromarray, given.references))] if given.references else None,
                conditioning_scale=asked.control_strength,
                height=size.height_px,
                width=size.width_px,
                num_frames=len(given),
                num_inference_steps=asked.steps,
                guidance_scale=asked.guidance,
                latents=start,
                output_type="np",
                callback_on_step_end=steps,
            ).frames[0]
        finally:
            self.pipe.scheduler = unused
            self._forget()
        return np.asarray(made, np.float32), steps.clean

    def _forget(self) -> None:
        """Drop what the decoder and the pipeline keep of a call, so that nothing of a window lives longer than it."""
        self.pipe.vae.clear_cache()
        self.pipe._current_timestep = self.pipe.lead = self.pipe.known = None


def _expert(folder: Path, base: Path | None, dtype: torch.dtype) -> Any:
    """A transformer of a folder, or its VACE blocks on another base."""
    return composed(folder, base, dtype) if base else component(folder, WanVACETransformer3DModel, dtype)


@dataclass
class _Steps:
    """Called by the pipeline after each step: counts them, holds carried latents fixed, and keeps the clean ones."""

    step: Step
    noise: torch.Tensor
    references: int
    clean: Latents = field(default_factory=lambda: np.zeros((0, 0, 0, 0), np.float32))

    def __call__(self, pipe: VacePipeline, number: int, time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        self.step(number + 1)
        latents = self._held(pipe, tensors["latents"], pipe.scheduler.sigmas[number + 1])
        if number + 1 == pipe.num_timesteps:
            self.clean = latents[0, :, self.references :].float().cpu().numpy()
        return {"latents": latents}

    def _held(self, pipe: VacePipeline, latents: torch.Tensor, noisy: torch.Tensor) -> torch.Tensor:
        """The latents with those that are known at their own values, and as much noise as the others have left."""
        if pipe.known is None:
            return latents
        known, place = pipe.known.to(latents), slice(self.references, self.references + pipe.known.shape[2])
        held = latents.clone()
        held[:, :, place] = (1 - noisy) * known + noisy * self.noise[:, :, place].to(latents)
        return held
