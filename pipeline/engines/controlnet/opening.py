"""Opens a session of ControlNet: loads a checkpoint and its parts, and decides how much can be on the card at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from pipeline.engines.base import Engine, EngineError, Provenance, Tell
from pipeline.engines.controlnet.defaults import Defaults
from pipeline.engines.controlnet.engine import checkpoint
from pipeline.engines.controlnet.opened import Opened
from pipeline.engines.controlnet.session import ControlnetSession
from pipeline.engines.device import Device
from pipeline.engines.diffusion import card, lora
from pipeline.engines.diffusion.attempts import Attempt, Attempts, Offload
from pipeline.engines.diffusion.components import REPAIR
from pipeline.engines.weights import weights
from pipeline.models.finding import Found
from utils.memory import budget_mb

CONTROLS = ("pose", "edges")
"""What a part of a checkpoint may be: a control network for one of these, or a LoRA."""
FRAMES = 16
"""Frames of a call while the memory allows it."""
FRAME_MB = 900.0
"""Memory that a frame of 512 x 768 takes beside the weights (assumed): most of it decoding."""


def opened(engine: Engine, settings: Mapping[str, Any], device: Device, tell: Tell) -> ControlnetSession:
    """A session with the checkpoint and the LoRAs that the settings name."""
    name, own = checkpoint(settings), lora.loras(settings["generate.loras"])
    found = weights(name)
    tell(0.0, f"opening {name}")
    place = card.torch_device(device)
    dtype = card.precision(place)
    defaults = Defaults.of(found.model.checkpoint.options, name)
    nets = {part: found.parts[part].path for part in CONTROLS if part in found.parts}
    model = Opened.from_folder(found.path, nets, defaults, (place, dtype))
    chosen = (*_distilled(found), *own)
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
    attempts = Attempts(_first_attempt(model, device, defaults))
    return ControlnetSession(provenance, model, defaults, attempts, lora.unread(chosen))


def _distilled(found: Found) -> tuple[lora.Lora, ...]:
    """The LoRA that is a part of a checkpoint, which makes it one for few steps."""
    part = found.parts.get("lora")
    if part is None:
        return ()
    files = [path for path in part.files if path.endswith(lora.SUFFIX)]
    if len(files) != 1:
        raise EngineError(f"{part.path} holds {len(files)} LoRAs, where there should be one.", REPAIR)
    return (lora.Lora(part.model.name, part.path / files[0], 1.0),)


def _first_attempt(model: Opened, device: Device, defaults: Defaults) -> Attempt:
    """As many frames at once as fit beside the weights; where hardly any do, parts wait outside the card."""
    few = Attempt(FRAMES, fewest=1, group=1)
    if model.device.type == "cpu":
        return few
    offloads: tuple[Offload, ...] = ("none", "model")
    frame_mb = FRAME_MB * defaults.area_px / (512 * 768)
    room_mb = budget_mb(device.memory_mb) - _size_mb(model.pipe.unet) * 1.5 - _size_mb(model.pipe.vae)
    first = 0 if room_mb >= frame_mb else 1
    frames = max(1, min(FRAMES, int(room_mb / frame_mb)))
    return Attempt(frames, offloads[first], offloads[first + 1 :], fewest=1, group=1)


def _size_mb(part: torch.nn.Module) -> float:
    """The memory that the weights of a part take."""
    return float(sum(each.numel() * each.element_size() for each in part.parameters())) / 2**20
