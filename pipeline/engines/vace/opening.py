"""Opens a session of Wan VACE: loads a checkpoint and decides how much of it can be on the card at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from pipeline.engines.base import Engine, Provenance, Tell
from pipeline.engines.device import Device
from pipeline.engines.diffusion import card, lora
from pipeline.engines.diffusion.attempts import Attempt, Attempts
from pipeline.engines.diffusion.speed import speed_up
from pipeline.engines.vace.defaults import Defaults
from pipeline.engines.vace.engine import checkpoint
from pipeline.engines.vace.opened import Opened
from pipeline.engines.vace.session import VaceSession
from pipeline.engines.weights import weights
from utils.memory import budget_mb, limit_cuda

BODY = "vace"
"""The part of a checkpoint that is a whole model, where its own file is a base or a LoRA for that."""
WORKING_MB = 9 * 1024.0
"""Memory that a call of 81 frames of 480 x 832 takes beside the weights (assumed): most of it decoding."""


def opened(engine: Engine, settings: Mapping[str, Any], device: Device, tell: Tell) -> VaceSession:
    """A session with the checkpoint and the LoRAs that the settings name."""
    name, chosen = checkpoint(settings), lora.loras(settings["generate.loras"])
    found = weights(name)
    tell(0.0, f"opening {name}")
    place = card.torch_device(device)
    dtype = card.precision(place)
    defaults = Defaults.of(found.model.checkpoint.options, name)
    body, own = found.parts.get(BODY, found), found.path / found.files[0]
    if body is not found and defaults.lora:
        chosen = (lora.from_file(name, own, defaults.lora), *chosen)
    base = own if body is not found and not defaults.lora else None
    model = Opened.from_folder(body.path, place, dtype, defaults, base)
    lora.apply(model.pipe, chosen, model.experts)
    said = speed_up(model.experts.values(), settings, place)
    facts = {
        "model": name,
        "digest": found.digest,
        "loras": ", ".join(f"{each.name}:{each.weight:g}" for each in chosen),
        "precision": str(dtype).removeprefix("torch."),
        "device": str(device),
        "torch": str(torch.__version__),
    }
    provenance = Provenance(engine.name, engine.version, engine.label, facts)
    most_mb = budget_mb(device.memory_mb, settings["memory.budget_gb"])
    limit_cuda(most_mb)
    attempt = _first_attempt(model, engine.caps.lengths.most, most_mb - WORKING_MB, settings["memory.offload"])
    return VaceSession(provenance, model, defaults, Attempts(attempt), tuple(said))


def _first_attempt(model: Opened, frames: int, room_mb: float, asked: str) -> Attempt:
    """What fits by its size; a processor has only one memory."""
    if model.device.type == "cpu":
        return Attempt(frames, can_tile=True)
    return Attempt.first(frames, [_size_mb(each) for each in (*model.experts.values(), model.pipe.vae)], room_mb, asked)


def _size_mb(part: torch.nn.Module) -> float:
    """The memory that the weights of a part take."""
    return float(sum(each.numel() * each.element_size() for each in part.parameters())) / 2**20
