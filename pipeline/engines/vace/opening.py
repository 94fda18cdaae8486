"""Opens a session of Wan VACE: loads a checkpoint and decides how much of it can be on the card at once."""

from dataclasses import replace

from pipeline.engines.diffusion import lora
from pipeline.engines.diffusion.attempts import Attempt, Attempts
from pipeline.engines.diffusion.opening import Opening, size_mb
from pipeline.engines.vace.defaults import Defaults
from pipeline.engines.vace.opened import Opened
from pipeline.engines.vace.session import VaceSession

BODY = "vace"
"""The part of a checkpoint that is a whole model, where its own file is a base or a LoRA for that."""
WORKING_MB = 9 * 1024.0
"""Memory that a call of 81 frames of 480 x 832 takes beside the weights (assumed): most of it decoding."""


def opened(opening: Opening) -> VaceSession:
    """A session with a checkpoint."""
    found, room, defaults = opening.found, opening.room, opening.defaults(Defaults)
    body, own = found.parts.get(BODY, found), found.path / found.files[0]
    if body is not found and defaults.lora:
        distilled = lora.from_file(opening.name, own, defaults.lora)
        opening = replace(opening, loras=(distilled, *opening.loras))
    base = own if body is not found and not defaults.lora else None
    model = Opened.from_folder(body.path, room.place, room.dtype, defaults, base)
    said = opening.finish(model)
    parts_mb = [size_mb(each) for each in (*model.experts.values(), model.pipe.vae)]
    attempt = room.attempt(Attempt(opening.engine.caps.lengths.most, can_tile=True), parts_mb, WORKING_MB)
    return VaceSession(opening.provenance(), model, defaults, Attempts(attempt), said)
