"""The opened model: its parts on the card, and one call of it for one picture."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

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

from pipeline.engines.base import EngineError
from pipeline.engines.diffusion.components import component, configuration
from pipeline.engines.diffusion.defaults import Asked
from pipeline.engines.diffusion.pictures import Floats
from pipeline.engines.diffusion.placed import Placed
from pipeline.engines.diffusion.prompt import Prompts
from pipeline.engines.edit.sheets import Sheets

Step = Callable[[int], None]
"""Called after each step with the number of those that are done; raises where the work is cancelled."""
PIPELINES = ("Flux2KleinPipeline", "Flux2KleinInpaintPipeline")
"""What model_index.json calls models that this engine paints with."""


@dataclass(frozen=True)
class Request(Asked):
    """What is asked of one call besides the pictures."""

    seed: int


class Instructions(Prompts):
    """Prompts as FLUX.2 klein reads them: a turn of a conversation, in three layers of its encoder."""

    def _read(self, prompt: str, tokenizer: Any, encoder: Any) -> torch.Tensor:
        turn = [{"role": "user", "content": prompt}]
        text = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True, enable_thinking=False)
        if len(tokenizer(text).input_ids) > self.most_tokens:
            self._cut.add(prompt)
        read: torch.Tensor = Flux2KleinInpaintPipeline._get_qwen3_prompt_embeds(
            encoder, tokenizer, prompt, max_sequence_length=self.most_tokens
        )
        return read


@dataclass
class Opened(Placed):
    """A model with one transformer, ready to be called."""

    networks: ClassVar[tuple[str, ...]] = ("transformer",)
    halved: ClassVar[tuple[str, ...]] = ("transformer", "vae")

    @classmethod
    def from_folder(cls, folder: Path, device: torch.device, dtype: torch.dtype) -> "Opened":
        """Load all but the text encoder from a folder in the layout of diffusers."""
        index = configuration(folder, "model_index.json")
        if (kind := index.get("_class_name")) not in PIPELINES:
            raise EngineError(
                f"{folder} holds a model for {kind}, which cannot paint key frames here.",
                "Choose a checkpoint that `python -m pipeline models list` shows for the engine edit.",
            )
        scheduler = configuration(folder / "scheduler", "scheduler_config.json")
        pipe = Flux2KleinInpaintPipeline(
            tokenizer=None,
            text_encoder=None,
            vae=component(folder / "vae", AutoencoderKLFlux2, dtype),
            scheduler=FlowMatchEulerDiscreteScheduler.from_config(scheduler),
            transformer=component(folder / "transformer", Flux2Transformer2DModel, dtype),
            is_distilled=bool(index.get("is_distilled")),
        )
        pipe.set_progress_bar_config(disable=True)

        def text() -> tuple[Any, Any]:
            tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
            return tokenizer, component(folder / "text_encoder", Qwen3ForCausalLM, dtype)

        return cls(pipe, Instructions(text, device, pipe.tokenizer_max_length), device)

    @property
    def size_multiple(self) -> int:
        """Widths and heights must be multiples of this."""
        return int(2 * self.pipe.vae_scale_factor)

    @property
    def takes_guidance(self) -> bool:
        """Whether guidance changes anything; a model that was made for few steps works without."""
        return not self.pipe.config.is_distilled

    def read(self, asked: Request) -> list[torch.Tensor]:
        """The prompts as the model reads them."""
        self.make_room(asked.texts)
        return self.prompts.numbers(*asked.texts)

    def painted(self, given: Sheets, asked: Request, step: Step) -> Floats:
        """The picture of one call, h x w x 3, 0 to 1; not finite where the model failed."""
        dtype = self.pipe.transformer.dtype
        prompt, *not_wanted = (each.to(self.device, dtype) for each in self.read(asked))
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
