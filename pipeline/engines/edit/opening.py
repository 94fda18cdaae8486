"""Opens a session of the engine `edit`: loads a checkpoint and decides how much of it can be on the card at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.engines.base import Engine, Tell
from pipeline.engines.device import Device
from pipeline.engines.diffusion import lora
from pipeline.engines.diffusion.attempts import Attempt, Attempts
from pipeline.engines.diffusion.opening import Opening, size_mb
from pipeline.engines.diffusion.speed import speed_up
from pipeline.engines.edit.defaults import Defaults
from pipeline.engines.edit.engine import checkpoint
from pipeline.engines.edit.opened import Opened
from pipeline.engines.edit.session import EditSession
from pipeline.engines.weights import weights

WORKING_MB = 5 * 1024.0
"""Memory that painting a megapixel takes beside the weights (assumed): most of it decoding."""


def opened(engine: Engine, settings: Mapping[str, Any], device: Device, tell: Tell) -> EditSession:
    """A session with the checkpoint and the LoRAs that the settings name."""
    name, chosen = checkpoint(settings), lora.loras(settings["generate.loras"])
    found = weights(name)
    tell(0.0, f"opening {name}")
    opening = Opening.of(settings, device)
    model = Opened.from_folder(found.path, opening.place, opening.dtype)
    lora.apply(model.pipe, chosen, model.experts)
    said = speed_up(model.experts.values(), settings, opening.place)
    defaults = Defaults.of(found.model.checkpoint.options, name)
    parts_mb = [size_mb(each) for each in (model.pipe.transformer, model.pipe.vae)]
    attempt = opening.attempt(Attempt(1, can_tile=True), parts_mb, WORKING_MB)
    return EditSession(opening.provenance(engine, found, chosen), model, defaults, Attempts(attempt), tuple(said))
