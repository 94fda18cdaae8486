"""Qwen-Image-Edit: reads the instruction together with the pictures, and paints in steps of its own.

The pipeline of the library makes every picture a megapixel large and knows no mask; the one that knows a mask shows the
model no reference pictures. Here all pictures have the working size, and outside of the mask the source is kept.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import MethodType
from typing import Any, ClassVar, Self

import numpy as np
import torch
from diffusers import (
    AutoencoderKLQwenImage,
    FlowMatchEulerDiscreteScheduler,
    QwenImageEditPlusPipeline,
    QwenImageTransformer2DModel,
)
from diffusers.pipelines.qwenimage.pipeline_qwenimage_edit_plus import calculate_shift
from torch.nn.functional import max_pool2d
from transformers import AutoTokenizer, Qwen2_5_VLForConditionalGeneration, Qwen2VLImageProcessorPil

from pipeline.engines.base import EngineError
from pipeline.engines.diffusion.components import REPAIR, component, configuration
from pipeline.engines.diffusion.pictures import Floats, Mask
from pipeline.engines.edit.opened import Opened, Request, Step
from pipeline.engines.edit.qwen_reading import Shown, ShownInstructions
from pipeline.engines.edit.sheets import Sheets
from utils.image import RGB, Size


@dataclass
class Qwen(Opened):
    """An opened Qwen-Image-Edit, from the version on that takes several pictures."""

    step_mb: ClassVar[float] = 2.5 * 1024
    decoding_mb: ClassVar[float] = 4.5 * 1024

    @classmethod
    def from_folder(cls, folder: Path, device: torch.device, dtype: torch.dtype) -> Self:
        """Load all but the text encoder from a folder in the layout of diffusers."""
        scheduler = configuration(folder / "scheduler", "scheduler_config.json")
        pipe = QwenImageEditPlusPipeline(
            tokenizer=None,
            text_encoder=None,
            processor=None,
            vae=component(folder / "vae", AutoencoderKLQwenImage, dtype),
            scheduler=FlowMatchEulerDiscreteScheduler.from_config(scheduler),
            transformer=component(folder / "transformer", QwenImageTransformer2DModel, dtype),
        )
        _compute_places_anew(pipe.transformer.pos_embed)
        return cls(pipe, ShownInstructions(lambda: _text(folder, dtype), device), device)

    @property
    def takes_guidance(self) -> bool:
        """Qwen-Image-Edit takes guidance, also after it was distilled to few steps."""
        return True

    def read(self, asked: Request, given: Sheets, ahead: Iterable[Sheets] = ()) -> list[torch.Tensor]:
        """The prompts as the model reads them, each with the pictures."""
        wanted = [Shown.of(text, given) for text in asked.texts]
        if not self.prompts.knows(*wanted):
            later = [Shown.of(text, sheets) for sheets in ahead for text in asked.texts]
            self.make_room(wanted)
            self.prompts.numbers(*later, *wanted)
        return self.prompts.numbers(*wanted)

    def painted(self, given: Sheets, asked: Request, step: Step) -> Floats:
        """The picture of one call."""
        said = [each.to(self.device, self.pipe.transformer.dtype) for each in self.read(asked, given)]
        try:
            with torch.no_grad():
                return self._decoded(self._made(given, asked, said, step), Size.of(given.picture))
        finally:
            self.pipe.vae.clear_cache()

    def _made(self, given: Sheets, asked: Request, said: list[torch.Tensor], step: Step) -> torch.Tensor:
        """The latents of the picture. After each step those that are kept are the source's, as noisy as the others."""
        pictures = [self._encoded(each) for each in (given.picture, *given.references)]
        painting = _Painting(self.pipe.transformer, asked.guidance, said, pictures, self._grid(given))
        kept, source, noise = self._kept(given.mask), pictures[0], self._noise(given, asked)
        scheduler = self._scheduler(asked, tokens=source.shape[1])
        latents = noise
        for number, time in enumerate(scheduler.timesteps):
            guessed = painting.guess(latents, time / 1000)
            latents = scheduler.step(guessed, time, latents, return_dict=False)[0]
            noisy = scheduler.sigmas[number + 1]
            latents = torch.where(kept, (1 - noisy) * source + noisy * noise, latents)
            step(number + 1)
        return latents

    def _scheduler(self, asked: Request, tokens: int) -> Any:
        """A fresh sampler, whose noise is shifted by the size of the picture, or as asked."""
        config = dict(self.pipe.scheduler.config)
        if asked.shift:
            config |= {"use_dynamic_shifting": True, "time_shift_type": "exponential"}
        if asked.shift or asked.steps == 1:  # a single step has no last one to be stretched to
            config["shift_terminal"] = None
        names = ("base_image_seq_len", "max_image_seq_len", "base_shift", "max_shift")
        shift = math.log(asked.shift) if asked.shift else calculate_shift(tokens, *(config[name] for name in names))
        scheduler = FlowMatchEulerDiscreteScheduler.from_config(config)
        scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / asked.steps, asked.steps), mu=shift)
        scheduler.set_begin_index(0)
        return scheduler

    def _grid(self, given: Sheets) -> tuple[int, int, int]:
        """Frames, rows and columns of the tokens of a picture."""
        height, width = (side // self.size_multiple for side in given.mask.shape)
        return 1, height, width

    def _noise(self, given: Sheets, asked: Request) -> torch.Tensor:
        """What the steps begin with, drawn on the processor, so that it is the same on every card."""
        height, width = (side // self.pipe.vae_scale_factor for side in given.mask.shape)
        shape = (1, self.pipe.latent_channels, 1, height, width)
        return self._packed(torch.randn(shape, generator=torch.Generator("cpu").manual_seed(asked.seed)))

    def _kept(self, mask: Mask) -> torch.Tensor:
        """Which latents stay those of the source: cells in which nothing is to be painted."""
        cells = max_pool2d(torch.from_numpy(mask)[None, None].float(), self.pipe.vae_scale_factor)
        return self._packed((cells == 0)[:, :, None].expand(-1, self.pipe.latent_channels, -1, -1, -1))

    def _encoded(self, picture: RGB) -> torch.Tensor:
        """The latents of a picture."""
        pixels = torch.from_numpy(picture).to(self.device).permute(2, 0, 1)[None, :, None].float() / 127.5 - 1
        encoded = self.pipe._encode_vae_image(pixels.to(self.pipe.vae.dtype), generator=None)
        return self._packed(encoded.float())

    def _packed(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents as the transformer reads them: four cells are a token."""
        _, channels, _, height, width = latents.shape
        packed: torch.Tensor = self.pipe._pack_latents(latents.contiguous(), 1, channels, height, width)
        return packed.to(self.device)

    def _decoded(self, packed: torch.Tensor, size: Size) -> Floats:
        """The picture of latents."""
        vae = self.pipe.vae
        latents = self.pipe._unpack_latents(packed, size.height_px, size.width_px, self.pipe.vae_scale_factor)
        mean, deviation = (
            torch.tensor(each, device=self.device).view(1, -1, 1, 1, 1)
            for each in (vae.config.latents_mean, vae.config.latents_std)
        )
        made = vae.decode((latents * deviation + mean).to(vae.dtype), return_dict=False)[0][0, :, 0]
        return np.asarray((made.float() / 2 + 0.5).clamp(0, 1).permute(1, 2, 0).cpu().numpy(), np.float32)


@dataclass(frozen=True)
class _Painting:
    """What the transformer is shown at each step besides the latents: texts, and pictures as latents."""

    transformer: Any
    guidance: float
    said: list[torch.Tensor]
    """What is said of the prompt, and with guidance of what is not wanted."""
    pictures: list[torch.Tensor]
    grid: tuple[int, int, int]

    def guess(self, latents: torch.Tensor, noisy: torch.Tensor) -> torch.Tensor:
        """The way from the picture to the noise; with guidance away from what is not wanted, and as long as without."""
        wanted, *others = (self._asked(latents, noisy, each) for each in self.said)
        if not others:
            return wanted
        guided = others[0] + self.guidance * (wanted - others[0])
        return guided * (wanted.norm(dim=-1, keepdim=True) / guided.norm(dim=-1, keepdim=True))

    def _asked(self, latents: torch.Tensor, noisy: torch.Tensor, said: torch.Tensor) -> torch.Tensor:
        seen = torch.cat([latents, *self.pictures], dim=1).to(said.dtype)
        made = self.transformer(
            hidden_states=seen,
            timestep=noisy[None].to(seen),
            encoder_hidden_states=said,
            img_shapes=[[self.grid] * (1 + len(self.pictures))],
            return_dict=False,
        )[0]
        return torch.as_tensor(made[:, : latents.shape[1]]).float()


def _compute_places_anew(places: Any) -> None:
    """Take from a model the memory of where tokens are: the library has one for all models, on the card, for good."""
    for name in ("_get_device_freqs", "_compute_video_freqs"):
        setattr(places, name, MethodType(getattr(type(places), name).__wrapped__, places))


def _text(folder: Path, dtype: torch.dtype) -> tuple[tuple[Any, Any], Any]:
    """Tokenizer and maker of patches, and the text encoder."""
    try:
        patches = Qwen2VLImageProcessorPil.from_pretrained(folder / "processor", local_files_only=True)
    except (OSError, ValueError) as error:
        raise EngineError(
            f"{folder}/processor/preprocessor_config.json is missing or cannot be read.", REPAIR
        ) from error
    words = AutoTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    return (words, patches), component(folder / "text_encoder", Qwen2_5_VLForConditionalGeneration, dtype)
