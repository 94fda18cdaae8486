"""Opens a session of ControlNet: loads a checkpoint and its parts, and decides how much can be on the card at once."""

from pipeline.engines.controlnet.defaults import Defaults
from pipeline.engines.controlnet.opened import Opened
from pipeline.engines.controlnet.parts import Parts
from pipeline.engines.controlnet.session import ControlnetSession
from pipeline.engines.diffusion.attempts import Attempt, Attempts
from pipeline.engines.diffusion.opening import Opening, Room, size_mb

FRAMES = 16
"""Frames of a call while the memory allows it."""
FRAME_MB = 900.0
"""Memory that a frame of 512 x 768 takes beside the weights (assumed): most of it decoding."""


def opened(opening: Opening) -> ControlnetSession:
    """A session with a checkpoint."""
    found, room, defaults = opening.found, opening.room, opening.defaults(Defaults)
    model = Opened.from_folder(found.path, Parts.of(opening.name), defaults, (room.place, room.dtype))
    said = opening.finish(model)
    attempts = Attempts(first_attempt(model, room, defaults))
    return ControlnetSession(opening.provenance(), model, defaults, attempts, said)


def first_attempt(model: Opened, room: Room, defaults: Defaults) -> Attempt:
    """As many frames at once as fit beside the weights, of which the control network's are half the other's."""
    frame_mb = FRAME_MB * defaults.area_px / (512 * 768)
    parts_mb = [1.5 * size_mb(model.pipe.unet), size_mb(model.pipe.vae)]
    fitting = FRAMES if room.on_processor else int((room.most_mb - sum(parts_mb)) / frame_mb)
    usual = Attempt(max(1, min(FRAMES, fitting)), can_tile=True, fewest=1, group=1)
    return room.attempt(usual, parts_mb, frame_mb)
