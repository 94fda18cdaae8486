"""The opened model: its parts on the card, and one call of it for one picture."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import (
    AutoencoderKLFlux2,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinInpaintPipeline,
    Flux2Transformer2DModel,
)
from numpy.typing import NDArray
from PIL import Image
from transformers import AutoTokenizer, Qwen3ForCausalLM

from pipeline.engines.base import EngineError
from pipeline.engines.diffusion.attempts import Offload
from pipeline.engines.diffusion.components import component, configuration
from pipeline.engines.diffusion.prompt import Prompts
from pipeline.engines.edit.sheets import Sheets
from utils.memory import clear_cuda

Floats = NDArray[np.float32]
Step = Callable[[int], None]
"""Called after each step with the number of those that are done; raises where the work is cancelled."""
PIPELINES = ("Flux2KleinPipeline", "Flux2KleinInpaintPipeline")
"""What model_index.json calls models that this engine paints with."""


@dataclass(frozen=True)
class Request:
    """What is asked of one call besides the pictures."""

    prompt: str
    negative_prompt: str
    steps: int
    guidance: float
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
class Opened:
    """A model, ready to be called; `device` is where it computes."""

    pipe: Flux2KleinInpaintPipeline
    prompts: Instructions
    device: torch.device
    offload: Offload | None = None

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
    def experts(self) -> dict[str, Any]:
        """The transformer by its name, as what is common to all models asks for it."""
        return {"transformer": self.pipe.transformer}

    @property
    def size_multiple(self) -> int:
        """Widths and heights must be multiples of this."""
        return int(2 * self.pipe.vae_scale_factor)

    @property
    def takes_guidance(self) -> bool:
        """Whether guidance changes anything; a model that was made for few steps works without."""
        return not self.pipe.config.is_distilled

    def read(self, asked: Request) -> list[torch.Tensor]:
        """The prompts as the model reads them. For new ones the model leaves the card, so that the encoder fits."""
        texts = (asked.prompt, asked.negative_prompt) if asked.guidance > 1 else (asked.prompt,)
        if self.device.type == "cuda" and not self.prompts.knows(*texts):
            self._leave_card()
        return self.prompts.numbers(*texts)

    def place(self, offload: Offload) -> None:
        """Put the parts of the model where this level keeps them."""
        if offload == self.offload:
            return
        self._leave_card()
        self.pipe.vae.use_tiling = offload == "blocks"
        if offload == "none" or self.device.type == "cpu":
            self.pipe.to(self.device)
        elif offload == "model":
            self.pipe.enable_model_cpu_offload(device=self.device)
        else:
            self.pipe.transformer.enable_group_offload(self.device, offload_type="block_level", num_blocks_per_group=1)
            self.pipe.vae.to(self.device)
        self.offload = offload

    def to_full_precision(self) -> bool:
        """Compute in 32 bits from now on; whether that is a change."""
        if self.pipe.transformer.dtype == torch.float32:
            return False
        offload = self.offload or "none"
        self._leave_card()
        for part in (self.pipe.transformer, self.pipe.vae):
            part.to(torch.float32)
        self.place(offload)
        return True

    def painted(self, given: Sheets, asked: Request, step: Step) -> Floats:
        """The picture of one call, h x w x 3, 0 to 1; not finite where the model failed."""
        dtype = self.pipe.transformer.dtype
        prompt, *not_wanted = (each.to(self.device, dtype) for each in self.read(asked))
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
            self._forget()
        return np.asarray(made, np.float32)

    def _leave_card(self) -> None:
        """Move all parts to the machine's memory."""
        self.pipe.remove_all_hooks()
        self.pipe.to("cpu")
        self.offload = None
        clear_cuda()

    def _forget(self) -> None:
        """Drop what the scheduler keeps of a call, so that nothing of a window lives longer than it."""
        self.pipe.scheduler = FlowMatchEulerDiscreteScheduler.from_config(self.pipe.scheduler.config)
        self.pipe._current_timestep = None

    def close(self) -> None:
        """Drop the model and give its memory back."""
        self.pipe.remove_all_hooks()
        self.pipe.transformer = self.pipe.vae = None
        clear_cuda()


def _after_each(step: Step) -> Callable[..., dict[str, Any]]:
    """A callback of the pipeline that counts steps and changes nothing."""

    def count(pipe: Any, number: int, time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        step(number + 1)
        return {}

    return count
