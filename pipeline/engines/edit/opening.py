"""Opens a session of the engine `edit`: loads a checkpoint and decides how much of it can be on the card at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from pipeline.engines.base import Engine, Provenance, Tell
from pipeline.engines.device import Device
from pipeline.engines.diffusion import card, lora
from pipeline.engines.diffusion.attempts import Attempt, Attempts, Offload
from pipeline.engines.edit.defaults import Defaults
from pipeline.engines.edit.engine import checkpoint
from pipeline.engines.edit.opened import Opened
from pipeline.engines.edit.session import EditSession
from pipeline.engines.weights import weights
from utils.memory import budget_mb

WORKING_MB = 5 * 1024.0
"""Memory that painting a megapixel takes beside the weights (assumed): most of it decoding."""


def opened(engine: Engine, settings: Mapping[str, Any], device: Device, tell: Tell) -> EditSession:
    """A session with the checkpoint and the LoRAs that the settings name."""
    name, chosen = checkpoint(settings), lora.loras(settings["generate.loras"])
    found = weights(name)
    tell(0.0, f"opening {name}")
    place = card.torch_device(device)
    dtype = card.precision(place)
    model = Opened.from_folder(found.path, place, dtype)
    lora.apply(model.pipe, chosen, model.experts)
    facts = {
        "model": name,
        "digest": found.digest,
        "loras": ", ".join(f"{each.name}:{each.weight:g}" for each in chosen),
        "precision": str(dtype).removeprefix("torch."),
        "device": str(device),
        "torch": str(torch.__version__),
    }
    provenance = Provenance(engine.name, engine.version, engine.label, facts)
    defaults = Defaults.of(found.model.checkpoint.options, name)
    return EditSession(provenance, model, defaults, Attempts(_first_attempt(model, device)))


def _first_attempt(model: Opened, device: Device) -> Attempt:
    """All on the card if it fits by its size, else what is in use, else block by block."""
    if model.device.type == "cpu":
        return Attempt(1)
    parts_mb = [_size_mb(each) for each in (model.pipe.transformer, model.pipe.vae)]
    budget = budget_mb(device.memory_mb) - WORKING_MB
    offloads: tuple[Offload, ...] = ("none", "model", "blocks")
    first = 0 if sum(parts_mb) <= budget else 1 if max(parts_mb) <= budget else 2
    return Attempt(1, offloads[first], offloads[first + 1 :])


def _size_mb(part: torch.nn.Module) -> float:
    """The memory that the weights of a part take."""
    return float(sum(each.numel() * each.element_size() for each in part.parameters())) / 2**20
