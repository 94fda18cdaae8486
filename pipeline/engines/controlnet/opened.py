"""The opened model: its parts on the card, and one call of it for some frames at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from numpy.typing import NDArray

from pipeline.engines.base import EngineError
from pipeline.engines.controlnet.defaults import Defaults
from pipeline.engines.controlnet.parts import Parts
from pipeline.engines.controlnet.references import References
from pipeline.engines.controlnet.sampling import Sampling, Step, first_steps, scheduler
from pipeline.engines.controlnet.starts import Start
from pipeline.engines.controlnet.text import ClipPrompts, Said, encoders
from pipeline.engines.diffusion.components import component, configuration
from pipeline.engines.diffusion.defaults import Asked
from pipeline.engines.diffusion.pictures import Floats
from pipeline.engines.diffusion.placed import Placed
from utils.image import RGB, Size


@dataclass(frozen=True)
class Request(Asked):
    """What is asked of one call besides the starts."""

    control: str
    control_strength: float
    references: tuple[RGB, ...] = field(default=(), compare=False, repr=False)
    reference_strength: float = 0.0


@dataclass
class Opened(Placed):
    """A model with one network that takes the steps, and one that leads it."""

    networks: ClassVar[tuple[str, ...]] = ("unet",)
    halved: ClassVar[tuple[str, ...]] = ("unet", "vae")

    prompts: ClipPrompts
    parts: Parts
    references: References
    _lead: dict[str, Any] = field(default_factory=dict)
    """The control network that is loaded, by what leads it: one at most."""
    _lead_digest: str = ""

    @classmethod
    def from_folder(
        cls, folder: Path, its: Parts, defaults: Defaults, place: tuple[torch.device, torch.dtype]
    ) -> "Opened":
        """Load all but text encoders and control networks, from a folder in the layout of diffusers."""
        device, dtype = place
        unet = component(folder / "unet", UNet2DConditionModel, dtype)
        if unet.config.time_cond_proj_dim or unet.config.in_channels != unet.config.out_channels:
            raise EngineError(
                f"{folder} holds a model that reads its guidance or a masked picture as well, which this engine does "
                "not give it.",
                "Choose a checkpoint for pictures from text, and a LoRA for few steps.",
            )
        vae_config = configuration(folder / "vae")
        parts = {
            "unet": unet,
            "vae": component(folder / "vae", AutoencoderKL, torch.float32 if vae_config.get("force_upcast") else dtype),
            "scheduler": scheduler(configuration(folder / "scheduler", "scheduler_config.json"), defaults),
            **dict.fromkeys(("text_encoder", "tokenizer")),
        }
        if unet.config.addition_embed_type == "text_time":
            pipe: Any = StableDiffusionXLPipeline(**parts, text_encoder_2=None, tokenizer_2=None, add_watermarker=False)
        else:
            pipe = StableDiffusionPipeline(
                **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
            )
        prompts = ClipPrompts(lambda: encoders(folder, dtype), device)
        return cls(pipe, prompts, device, its, References(its, device))

    @property
    def cell_px(self) -> int:
        """Pixels of a latent cell; widths and heights must be multiples of it."""
        return int(self.pipe.vae_scale_factor)

    def read(self, asked: Request) -> list[Said]:
        """The prompts as the model reads them."""
        self.make_room(asked.texts)
        return self.prompts.said(*asked.texts)

    def frames(self, starts: Sequence[Start], asked: Request, step: Step) -> Floats:
        """The frames of one call, n x h x w x 3, 0 to 1; not finite where the model failed."""
        vae, guess = self.pipe.vae, self._guess(starts, asked)
        pictures = 2 * self._pictures([each.picture for each in starts]) - 1
        noise = torch.from_numpy(np.stack([each.noise for each in starts])).to(self.device)
        first = np.stack([first_steps(each.strength, asked.steps) for each in starts])
        fresh = type(self.pipe.scheduler).from_config(self.pipe.scheduler.config)
        with torch.no_grad():
            clean = vae.encode(pictures.to(vae.dtype)).latent_dist.mode().float() * vae.config.scaling_factor
            latents = Sampling.of(fresh, asked.steps, clean, noise).run(first, guess, step)
            made = vae.decode((latents / vae.config.scaling_factor).to(vae.dtype), return_dict=False)[0]
            shown = (made.float() / 2 + 0.5).clamp(0, 1)
        return np.asarray(shown.permute(0, 2, 3, 1).cpu().numpy(), np.float32)

    def _guess(self, starts: Sequence[Start], asked: Request) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        """The model for these frames: with guidance it sees each of them twice, with and without the prompt."""
        unet, net, texts = self.pipe.unet, self._lead.get(asked.control), self.read(asked)
        twice = len(texts)
        states = self._for_each([each.states for each in texts], len(starts))
        added = self._added(texts, starts)
        if asked.references:
            shown = self.references.said(asked.references)[:twice]
            added = {**(added or {}), "image_embeds": [self._for_each(shown, len(starts))]}
        lead = self._controls([each.control for each in starts] * twice, Size.of(starts[0].picture))
        if net is not None and lead is not None:
            net.to(self.device)

        def guess(latents: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
            seen = torch.cat([latents] * twice).to(unet.dtype)
            named = {"encoder_hidden_states": states, "added_cond_kwargs": added, "return_dict": False}
            led: dict[str, Any] = {}
            if net is not None and lead is not None:
                controls, is_led = lead
                down, middle = net(
                    seen, time, controlnet_cond=controls, conditioning_scale=asked.control_strength, **named
                )
                led = {
                    "down_block_additional_residuals": [each * is_led for each in down],
                    "mid_block_additional_residual": middle * is_led,
                }
            noise = unet(seen, time, **named, **led)[0].float()
            if twice == 1:
                return noise
            wanted, not_wanted = noise.chunk(2)
            return not_wanted + asked.guidance * (wanted - not_wanted)

        return guess

    def _controls(self, drawn: Sequence[RGB | None], size: Size) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Control pictures, and for each 1, or 0 where there is none, which a black one is not; None if all are None.

        What the network says of a frame is taken times that number.
        """
        is_led = [each is not None for each in drawn]
        if not any(is_led):
            return None
        empty = np.zeros((size.height_px, size.width_px, 3), np.uint8)
        pictures = self._pictures([empty if each is None else each for each in drawn])
        factors = torch.tensor(is_led, device=self.device)[:, None, None, None]
        return pictures.to(self.pipe.unet.dtype), factors.to(self.pipe.unet.dtype)

    def prepare(self, asked: Request) -> None:
        """Read prompts and reference pictures, and load the control network; the one before is dropped."""
        self.read(asked)
        self.references.prepare(self.pipe, asked.references, asked.reference_strength, self.leave_card)
        if asked.control == "none":
            return
        found = self.parts.found(asked.control)
        if asked.control not in self._lead or found.digest != self._lead_digest:
            self._lead.clear()
            net = component(found.path, ControlNetModel, self.pipe.unet.dtype)
            self._check_fits(net, asked.control)
            self._lead[asked.control], self._lead_digest = net, found.digest

    def _check_fits(self, net: Any, control: str) -> None:
        """Refuse a control network of another family of models."""
        for key in ("cross_attention_dim", "block_out_channels", "addition_embed_type"):
            own, other = (_plain(each.config[key]) for each in (self.pipe.unet, net))
            if own != other:
                raise EngineError(
                    f"The control network for {control} is for another model: its {key} is {other}, here it is {own}.",
                    "Choose a checkpoint whose parts belong together.",
                )

    def _added(self, texts: Sequence[Said], starts: Sequence[Start]) -> dict[str, Any] | None:
        """What SDXL reads besides the prompt: all of it as one vector, and the sizes and place of the picture."""
        wholes = [each.whole for each in texts if each.whole is not None]
        if not wholes:
            return None
        size = Size.of(starts[0].picture)
        sizes = torch.tensor([[size.height_px, size.width_px, 0, 0, size.height_px, size.width_px]])
        count = len(texts) * len(starts)
        return {
            "text_embeds": self._for_each(wholes, len(starts)),
            "time_ids": sizes.repeat(count, 1).to(self.device, self.pipe.unet.dtype),
        }

    def _for_each(self, said: Sequence[torch.Tensor], frames: int) -> torch.Tensor:
        """What is said of each prompt, once for each frame."""
        return torch.cat([each.expand(frames, *each.shape[1:]) for each in said]).to(self.device, self.pipe.unet.dtype)

    def _pictures(self, pictures: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
        """Pictures as a tensor on the device, 0 to 1; they go there as bytes."""
        stacked = torch.from_numpy(np.stack(pictures)).to(self.device)
        return stacked.permute(0, 3, 1, 2).float() / 255

    def in_half(self) -> list[Any]:
        """The parts that may compute in 16 bits; the control network among them."""
        return [*super().in_half(), *self._lead.values()]

    def leave_card(self) -> None:
        """Move all parts to the machine's memory."""
        for net in self._lead.values():
            net.to("cpu")
        super().leave_card()

    def close(self) -> None:
        """Drop the model and give its memory back."""
        self._lead.clear()
        super().close()


def _plain(value: Any) -> Any:
    """A value of a configuration, alike whether it came from a file or not."""
    return list(value) if isinstance(value, list | tuple) else value
