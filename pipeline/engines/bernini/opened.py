"""The opened model: its parts on the card, and one call of it for the frames of a window."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline

from pipeline.engines.base import Call, EngineError
from pipeline.engines.bernini.defaults import Defaults, passes_of_step
from pipeline.engines.bernini.guidance import Seen, Strengths, guided
from pipeline.engines.bernini.transformer import SourceTransformer
from pipeline.engines.diffusion.components import component, configuration
from pipeline.engines.diffusion.defaults import Asked
from pipeline.engines.diffusion.pictures import Floats
from pipeline.engines.diffusion.prompt import Prompts
from pipeline.engines.diffusion.wan import PlacedWan, experts, noise, text_encoder
from utils.image import RGB, Size

Step = Callable[[int], None]
"""Called after each step with the number of those that are done; raises where the work is cancelled."""
EDITING = "You are a helpful assistant specialized in video editing."
WITH_REFERENCES = "You are a helpful assistant specialized in video editing with reference."
"""What the model was trained to read before an instruction, without anything in between."""
KIND = "bernini_renderer"
"""What config.json calls models that this engine can use."""


@dataclass(frozen=True)
class Given:
    """The pictures of one call: those of the source, and reference pictures, each of its own size."""

    pictures: tuple[RGB, ...]
    references: tuple[RGB, ...] = ()

    def __len__(self) -> int:
        return len(self.pictures)


@dataclass(frozen=True)
class Request(Asked):
    """What is asked of one call besides the pictures."""

    seed: int
    has_references: bool

    @property
    def instruction(self) -> str:
        """The prompt as the model reads it."""
        return (WITH_REFERENCES if self.has_references else EDITING) + self.prompt

    @property
    def texts(self) -> tuple[str, ...]:
        """What is read: without guidance only the instruction."""
        return (self.instruction, self.negative_prompt) if self.guidance > 1 else (self.instruction,)

    def call(self, model: str, size: Size, frames: int) -> Call:
        """A call with this, before it is made."""
        passes = self.steps * passes_of_step(self.guidance, has_references=self.has_references)
        return Call(model, size, frames, self.steps, passes, seconds=0.0)


@dataclass
class Opened(PlacedWan):
    """An opened Bernini-R."""

    @classmethod
    def from_folder(cls, folder: Path, device: torch.device, dtype: torch.dtype, defaults: Defaults) -> "Opened":
        """Load all but the text encoder from a folder in the layout of diffusers, with a config.json of its own."""
        about = _checked(folder)
        boundary = defaults.boundary or about.get("switch_dit_boundary")
        names = experts(folder, boundary)
        loaded = {name: component(folder / name, SourceTransformer, dtype) for name in names}
        pipe = WanPipeline(
            tokenizer=None,
            text_encoder=None,
            vae=component(folder / "vae", AutoencoderKLWan, torch.float32),
            scheduler=UniPCMultistepScheduler.from_config(
                configuration(folder / "scheduler", "scheduler_config.json"), flow_shift=defaults.shift
            ),
            transformer=loaded.get("transformer"),
            transformer_2=loaded.get("transformer_2"),
            boundary_ratio=boundary if len(names) > 1 else None,
        )
        return cls(pipe, Prompts(text_encoder(folder, dtype), device), device)

    def frames(self, given: Given, asked: Request, step: Step) -> Floats:
        """The frames of one call, n x h x w x 3, 0 to 1; not finite where the model failed."""
        dtype = next(iter(self.experts.values())).dtype
        prompt, *not_wanted = (each.to(self.device, dtype) for each in self.read(asked))
        try:
            with torch.no_grad():
                videos = (given.pictures, *((picture,) for picture in given.references))
                sources = [self._encoded(each).to(dtype) for each in videos]
                seen = Seen(prompt, not_wanted[0] if not_wanted else None, sources)
                start = noise(self.pipe.vae, Size.of(given.pictures[0]), sources[0].shape[2], asked.seed)
                return self._decoded(self._denoised(start.to(self.device), seen, asked, step))
        finally:
            self.pipe.vae.clear_cache()
            self.pipe.maybe_free_model_hooks()

    def _denoised(self, latents: torch.Tensor, seen: Seen, asked: Request, step: Step) -> torch.Tensor:
        """Latents without noise, after all steps."""
        scheduler = UniPCMultistepScheduler.from_config(self.pipe.scheduler.config)
        scheduler.set_timesteps(asked.steps, device=self.device)
        boundary = (self.pipe.config.boundary_ratio or 0.0) * scheduler.config.num_train_timesteps
        usual = Strengths(asked.guidance)
        for number, time in enumerate(scheduler.timesteps):
            is_low = bool(time < boundary)
            expert = self.pipe.transformer_2 if is_low else self.pipe.transformer
            noisy = latents.to(seen.prompt.dtype)

            def ask(text: torch.Tensor, sources: Sequence[torch.Tensor]) -> torch.Tensor:
                return expert(noisy, time.expand(1), text, sources)[0].float()  # noqa: B023

            strengths = usual.at_low_noise() if is_low else usual
            velocity = guided(ask, seen, strengths, latents, scheduler.sigmas[number].to(latents))
            latents = scheduler.step(velocity, time, latents, return_dict=False)[0]
            step(number + 1)
        return latents

    def _encoded(self, pictures: Sequence[RGB]) -> torch.Tensor:
        """Pictures as clean latents."""
        pixels = torch.from_numpy(np.stack(pictures)).to(self.device, torch.float32)
        seen = self.pipe.vae.encode((pixels / 127.5 - 1).permute(3, 0, 1, 2)[None]).latent_dist.mode()
        mean, spread = self._scale(seen)
        return (seen - mean) / spread

    def _decoded(self, latents: torch.Tensor) -> Floats:
        """Clean latents as pictures."""
        mean, spread = self._scale(latents)
        made = self.pipe.vae.decode(latents * spread + mean, return_dict=False)[0]
        pictures = (made / 2 + 0.5).clamp(0, 1)[0].permute(1, 2, 3, 0)
        return np.asarray(pictures.float().cpu().numpy(), np.float32)

    def _scale(self, latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The mean and the spread of each channel, by which latents of this VAE are scaled."""
        config = self.pipe.vae.config
        mean, spread = (torch.tensor(each).view(1, -1, 1, 1, 1) for each in (config.latents_mean, config.latents_std))
        return mean.to(latents), spread.to(latents)


def _checked(folder: Path) -> dict[str, Any]:
    """The configuration of the whole model in a folder; EngineError if it is of another kind."""
    about = configuration(folder)
    kind = about.get("model_type")
    if kind == KIND and about.get("use_src_id_rotary_emb", True):
        return about
    raise EngineError(
        f"{folder} holds a model of another kind: {'one without numbered sources' if kind == KIND else kind}.",
        "Choose a checkpoint that `python -m pipeline models list` shows for the engine bernini.",
    )
