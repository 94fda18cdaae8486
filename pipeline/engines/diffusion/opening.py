"""What is alike wherever a model is opened: its weights and LoRAs, device and precision, memory, and provenance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from pipeline.engines.base import EngineError, Provenance, Tell
from pipeline.engines.device import Device
from pipeline.engines.diffusion import card, lora
from pipeline.engines.diffusion.attempts import Attempt
from pipeline.engines.diffusion.components import REPAIR
from pipeline.engines.diffusion.defaults import Defaults
from pipeline.engines.diffusion.engine import DiffusionEngine
from pipeline.engines.diffusion.lora import Lora
from pipeline.engines.diffusion.placed import Placed
from pipeline.engines.diffusion.speed import speed_up
from pipeline.engines.weights import weights
from pipeline.models.finding import Found
from utils.memory import budget_mb, limit_cuda

DefaultsT = TypeVar("DefaultsT", bound=Defaults)


@dataclass(frozen=True)
class Room:
    """Where a model is opened, and with what memory."""

    device: Device
    place: torch.device
    dtype: torch.dtype
    most_mb: float
    """The memory that it may take; this process runs out of it there, also where the card has more."""
    offload: str
    """Where its parts are asked to be; "auto" leaves that to their sizes."""

    @classmethod
    def of(cls, settings: Mapping[str, Any], device: Device) -> "Room":
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


@dataclass(frozen=True)
class Opening:
    """A checkpoint that is being opened, with the LoRA that is a part of it and those that the settings name."""

    engine: DiffusionEngine
    settings: Mapping[str, Any]
    found: Found
    loras: tuple[Lora, ...]
    room: Room

    @classmethod
    def of(cls, engine: DiffusionEngine, settings: Mapping[str, Any], device: Device, tell: Tell) -> "Opening":
        """Find its weights; EngineError if something that the settings name is not here."""
        name, chosen = engine.checkpoint(settings), lora.loras(settings["generate.loras"])
        found = weights(name)
        tell(0.0, f"opening {name}")
        return cls(engine, settings, found, (*_distilled(found), *chosen), Room.of(settings, device))

    @property
    def name(self) -> str:
        """The name of the checkpoint."""
        return self.found.model.name

    def defaults(self, kind: type[DefaultsT]) -> DefaultsT:
        """What the checkpoint was made for, as its engine knows it."""
        return kind.of(self.found.model.checkpoint.options, self.name)

    def finish(self, model: Placed) -> tuple[str, ...]:
        """Apply the LoRAs and what makes it faster; sentences about what is done otherwise than asked for."""
        lora.apply(model.pipe, self.loras, model.experts)
        faster = speed_up(model.experts.values(), self.settings, self.room.place)
        return (*lora.unread(self.loras), *faster)

    def provenance(self) -> Provenance:
        """What the pixels of a session come from."""
        facts = {
            "model": self.name,
            "digest": self.found.digest,
            "loras": ", ".join(f"{each.name}:{each.weight:g}" for each in self.loras),
            "precision": str(self.room.dtype).removeprefix("torch."),
            "device": str(self.room.device),
            "torch": str(torch.__version__),
        }
        return Provenance(self.engine.name, self.engine.version, self.engine.label, facts)


def _distilled(found: Found) -> tuple[Lora, ...]:
    """The LoRA that is a part of a checkpoint, which makes it one for few steps."""
    part = found.parts.get("lora")
    if part is None:
        return ()
    files = [path for path in part.files if path.endswith(lora.SUFFIX)]
    if len(files) != 1:
        raise EngineError(f"{part.path} holds {len(files)} LoRAs, where there should be one.", REPAIR)
    return (Lora(part.model.name, part.path / files[0], 1.0),)


def size_mb(part: torch.nn.Module) -> float:
    """The memory that the weights of a part take."""
    return float(sum(each.numel() * each.element_size() for each in part.parameters())) / 2**20
