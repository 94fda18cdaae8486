"""A loaded model: which of its parts are on the card, in which precision, and that it makes room for text encoders."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch

from pipeline.engines.diffusion.attempts import Offload
from pipeline.engines.diffusion.prompt import Reader
from utils.memory import clear_cuda


@dataclass
class Placed:
    """A model whose parts are on the card or wait outside of it; `device` is where it computes."""

    networks: ClassVar[tuple[str, ...]]
    """The names of the parts that take the steps; LoRAs change them. A model need not have all of them."""
    halved: ClassVar[tuple[str, ...]]
    """The names of the parts that compute in 16 bits on a card."""

    pipe: Any
    """The library's pipeline, which holds the parts, moves them, and loads LoRAs."""
    prompts: Reader[Any]
    device: torch.device
    offload: Offload | None = field(default=None, kw_only=True)

    @property
    def experts(self) -> dict[str, Any]:
        """The networks that take the steps, by their names."""
        return self._parts(self.networks)

    def make_room(self, asked: Sequence[Hashable]) -> None:
        """Leave the card before prompts are read that are new, so that the text encoder fits."""
        if self.device.type == "cuda" and not self.prompts.knows(*asked):
            self.leave_card()

    def place(self, offload: Offload, *, tiled: bool = False) -> None:
        """Put the parts of the model where this level keeps them, and let it decode whole pictures or tiles."""
        self.pipe.vae.use_tiling = tiled
        if offload == self.offload:
            return
        self.leave_card()
        if offload == "none" or self.device.type == "cpu":
            self.pipe.to(self.device)
        elif offload == "model":
            self.pipe.enable_model_cpu_offload(device=self.device)
        else:
            for expert in self.experts.values():
                expert.enable_group_offload(self.device, offload_type="block_level", num_blocks_per_group=1)
            self.pipe.vae.to(self.device)
        self.offload = offload

    def to_full_precision(self) -> bool:
        """Compute in 32 bits from now on; whether that is a change."""
        parts = self.in_half()
        if all(each.dtype == torch.float32 for each in parts):
            return False
        offload, tiled = self.offload or "none", self.pipe.vae.use_tiling
        self.leave_card()
        for each in parts:
            each.to(torch.float32)
        self.place(offload, tiled=tiled)
        return True

    def in_half(self) -> list[Any]:
        """The parts that may compute in 16 bits."""
        return list(self._parts(self.halved).values())

    def leave_card(self) -> None:
        """Move all parts to the machine's memory."""
        self.pipe.remove_all_hooks()
        self.pipe.to("cpu")
        self.offload = None
        clear_cuda()

    def close(self) -> None:
        """Drop the model and give its memory back."""
        self.pipe.remove_all_hooks()
        for name in (*self.networks, "vae"):
            setattr(self.pipe, name, None)
        clear_cuda()

    def _parts(self, names: Sequence[str]) -> dict[str, Any]:
        return {name: part for name in names if (part := getattr(self.pipe, name, None)) is not None}
