"""Opens a session of Wan VACE: loads a checkpoint and decides how much of it can be on the card at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.engines.base import Engine, Tell
from pipeline.engines.device import Device
from pipeline.engines.diffusion import lora
from pipeline.engines.diffusion.attempts import Attempt, Attempts
from pipeline.engines.diffusion.opening import Opening, size_mb
from pipeline.engines.diffusion.speed import speed_up
from pipeline.engines.vace.defaults import Defaults
from pipeline.engines.vace.engine import checkpoint
from pipeline.engines.vace.opened import Opened
from pipeline.engines.vace.session import VaceSession
from pipeline.engines.weights import weights

BODY = "vace"
"""The part of a checkpoint that is a whole model, where its own file is a base or a LoRA for that."""
WORKING_MB = 9 * 1024.0
"""Memory that a call of 81 frames of 480 x 832 takes beside the weights (assumed): most of it decoding."""


def opened(engine: Engine, settings: Mapping[str, Any], device: Device, tell: Tell) -> VaceSession:
    """A session with the checkpoint and the LoRAs that the settings name."""
    name, chosen = checkpoint(settings), lora.loras(settings["generate.loras"])
    found = weights(name)
    tell(0.0, f"opening {name}")
    opening = Opening.of(settings, device)
    defaults = Defaults.of(found.model.checkpoint.options, name)
    body, own = found.parts.get(BODY, found), found.path / found.files[0]
    if body is not found and defaults.lora:
        chosen = (lora.from_file(name, own, defaults.lora), *chosen)
    base = own if body is not found and not defaults.lora else None
    model = Opened.from_folder(body.path, opening.place, opening.dtype, defaults, base)
    lora.apply(model.pipe, chosen, model.experts)
    said = speed_up(model.experts.values(), settings, opening.place)
    parts_mb = [size_mb(each) for each in (*model.experts.values(), model.pipe.vae)]
    attempt = opening.attempt(Attempt(engine.caps.lengths.most, can_tile=True), parts_mb, WORKING_MB)
    return VaceSession(opening.provenance(engine, found, chosen), model, defaults, Attempts(attempt), tuple(said))
