"""What is alike wherever a model is opened: device and precision, the memory that it may take, and its provenance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from pipeline.engines.base import Engine, Provenance
from pipeline.engines.device import Device
from pipeline.engines.diffusion import card
from pipeline.engines.diffusion.attempts import Attempt
from pipeline.engines.diffusion.lora import Lora
from pipeline.models.finding import Found
from utils.memory import budget_mb, limit_cuda


@dataclass(frozen=True)
class Opening:
    """Where a model is opened, and with what memory."""

    device: Device
    place: torch.device
    dtype: torch.dtype
    most_mb: float
    """The memory that it may take; this process runs out of it there, also where the card has more."""
    offload: str
    """Where its parts are asked to be; "auto" leaves that to their sizes."""

    @classmethod
    def of(cls, settings: Mapping[str, Any], device: Device) -> "Opening":
        """As settings and device say."""
        place, most_mb = card.torch_device(device), budget_mb(device.memory_mb, settings["memory.budget_gb"])
        limit_cuda(most_mb)
        return cls(device, place, card.precision(place), most_mb, settings["memory.offload"])

    @property
    def on_processor(self) -> bool:
        """Whether there is only one memory, the machine's."""
        return bool(self.place.type == "cpu")

    def attempt(self, usual: Attempt, parts_mb: Sequence[float], working_mb: float) -> Attempt:
        """What is tried first: on a card what fits beside the memory that a call takes."""
        if self.on_processor:
            return usual
        return usual.on_card(parts_mb, self.most_mb - working_mb, self.offload)

    def provenance(self, engine: Engine, found: Found, loras: Sequence[Lora]) -> Provenance:
        """What the pixels of a session come from."""
        facts = {
            "model": found.model.name,
            "digest": found.digest,
            "loras": ", ".join(f"{each.name}:{each.weight:g}" for each in loras),
            "precision": str(self.dtype).removeprefix("torch."),
            "device": str(self.device),
            "torch": str(torch.__version__),
        }
        return Provenance(engine.name, engine.version, engine.label, facts)


def size_mb(part: torch.nn.Module) -> float:
    """The memory that the weights of a part take."""
    return float(sum(each.numel() * each.element_size() for each in part.parameters())) / 2**20
