"""FLUX.2 klein: reads the instruction alone, and paints with the pipeline of the library."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from diffusers import (
    AutoencoderKLFlux2,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinInpaintPipeline,
    Flux2Transformer2DModel,
)
from PIL import Image
from transformers import AutoTokenizer, Qwen3ForCausalLM

from pipeline.engines.diffusion.components import component, configuration
from pipeline.engines.diffusion.pictures import Floats
from pipeline.engines.diffusion.prompt import Prompts
from pipeline.engines.edit.opened import Opened, Request, Step
from pipeline.engines.edit.sheets import Sheets


class Instructions(Prompts):
    """Prompts as FLUX.2 klein reads them: a turn of a conversation, in three layers of its encoder."""

    def _read(self, asked: str, tokenizer: Any, encoder: Any) -> torch.Tensor:
        turn = [{"role": "user", "content": asked}]
        text = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True, enable_thinking=False)
        if len(tokenizer(text).input_ids) > self.most_tokens:
            self._cut.add(asked)
        read: torch.Tensor = Flux2KleinInpaintPipeline._get_qwen3_prompt_embeds(
            encoder, tokenizer, asked, max_sequence_length=self.most_tokens
        )
        return read


@dataclass
class Klein(Opened):
    """An opened FLUX.2 klein."""

    step_mb: ClassVar[float] = 1024.0
    decoding_mb: ClassVar[float] = 4 * 1024.0

    @classmethod
    def from_folder(cls, folder: Path, device: torch.device, dtype: torch.dtype) -> Self:
        """Load all but the text encoder from a folder in the layout of diffusers."""
        scheduler = configuration(folder / "scheduler", "scheduler_config.json")
        pipe = Flux2KleinInpaintPipeline(
            tokenizer=None,
            text_encoder=None,
            vae=component(folder / "vae", AutoencoderKLFlux2, dtype),
            scheduler=FlowMatchEulerDiscreteScheduler.from_config(scheduler),
            transformer=component(folder / "transformer", Flux2Transformer2DModel, dtype),
            is_distilled=bool(configuration(folder, "model_index.json").get("is_distilled")),
        )
        pipe.set_progress_bar_config(disable=True)

        def text() -> tuple[Any, Any]:
            tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
            return tokenizer, component(folder / "text_encoder", Qwen3ForCausalLM, dtype)

        return cls(pipe, Instructions(text, device, pipe.tokenizer_max_length), device)

    @property
    def takes_guidance(self) -> bool:
        """Only where it was not distilled to work without."""
        return not self.pipe.config.is_distilled

    def read(self, asked: Request, given: Sheets, ahead: Iterable[Sheets] = ()) -> list[torch.Tensor]:
        """The prompts as the model reads them, without pictures."""
        self.make_room(asked.texts)
        return self.prompts.numbers(*asked.texts)

    def painted(self, given: Sheets, asked: Request, step: Step) -> Floats:
        """The picture of one call."""
        dtype = self.pipe.transformer.dtype
        prompt, *not_wanted = (each.to(self.device, dtype) for each in self.read(asked, given))
        unused = self.pipe.scheduler
        self.pipe.scheduler = FlowMatchEulerDiscreteScheduler.from_config(unused.config)
        try:
            made = self.pipe(
                prompt_embeds=prompt,
                negative_prompt_embeds=not_wanted[0] if not_wanted else None,
                image=Image.fromarray(given.picture),
                mask_image=Image.fromarray(given.mask),
                image_reference=list(map(Image.fromarray, given.references)) or None,
                strength=1.0,
                num_inference_steps=asked.steps,
                guidance_scale=asked.guidance,
                generator=torch.Generator("cpu").manual_seed(asked.seed),
                output_type="np",
                callback_on_step_end=_after_each(step),
            ).images[0]
        finally:
            self.pipe.scheduler = unused
            self.pipe._current_timestep = None  # so that nothing of a call lives longer than it
        return np.asarray(made, np.float32)


def _after_each(step: Step) -> Callable[..., dict[str, Any]]:
    """A callback of the pipeline that counts steps and changes nothing."""

    def count(pipe: Any, number: int, time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        step(number + 1)
        return {}

    return count
