"""Opens a session of ControlNet: loads a checkpoint and its parts, and decides how much can be on the card at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.engines.base import Engine, EngineError, Tell
from pipeline.engines.controlnet.defaults import Defaults
from pipeline.engines.controlnet.engine import checkpoint
from pipeline.engines.controlnet.opened import Opened
from pipeline.engines.controlnet.session import ControlnetSession
from pipeline.engines.device import Device
from pipeline.engines.diffusion import lora
from pipeline.engines.diffusion.attempts import Attempt, Attempts
from pipeline.engines.diffusion.components import REPAIR
from pipeline.engines.diffusion.opening import Opening, size_mb
from pipeline.engines.diffusion.speed import speed_up
from pipeline.engines.weights import weights
from pipeline.models.finding import Found

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
    opening = Opening.of(settings, device)
    defaults = Defaults.of(found.model.checkpoint.options, name)
    nets = {part: found.parts[part].path for part in CONTROLS if part in found.parts}
    model = Opened.from_folder(found.path, nets, defaults, (opening.place, opening.dtype))
    chosen = (*_distilled(found), *own)
    lora.apply(model.pipe, chosen, model.experts)
    said = (*lora.unread(chosen), *speed_up(model.experts.values(), settings, opening.place))
    attempts = Attempts(first_attempt(model, opening, defaults))
    return ControlnetSession(opening.provenance(engine, found, chosen), model, defaults, attempts, said)


def _distilled(found: Found) -> tuple[lora.Lora, ...]:
    """The LoRA that is a part of a checkpoint, which makes it one for few steps."""
    part = found.parts.get("lora")
    if part is None:
        return ()
    files = [path for path in part.files if path.endswith(lora.SUFFIX)]
    if len(files) != 1:
        raise EngineError(f"{part.path} holds {len(files)} LoRAs, where there should be one.", REPAIR)
    return (lora.Lora(part.model.name, part.path / files[0], 1.0),)


def first_attempt(model: Opened, opening: Opening, defaults: Defaults) -> Attempt:
    """As many frames at once as fit beside the weights, of which the control network's are half the other's."""
    frame_mb = FRAME_MB * defaults.area_px / (512 * 768)
    parts_mb = [1.5 * size_mb(model.pipe.unet), size_mb(model.pipe.vae)]
    fitting = FRAMES if opening.on_processor else int((opening.most_mb - sum(parts_mb)) / frame_mb)
    usual = Attempt(max(1, min(FRAMES, fitting)), can_tile=True, fewest=1, group=1)
    return opening.attempt(usual, parts_mb, frame_mb)
