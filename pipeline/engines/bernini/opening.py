"""Opens a session of the engine `bernini`: loads a checkpoint and decides how much of it can be on the card at once."""

from pipeline.engines.bernini.defaults import Defaults
from pipeline.engines.bernini.opened import Opened
from pipeline.engines.bernini.session import BerniniSession
from pipeline.engines.diffusion.attempts import Attempt, Attempts
from pipeline.engines.diffusion.opening import Opening, size_mb

WORKING_MB = 10 * 1024.0
"""Memory that a call of 81 frames of 480 x 848 takes beside the weights (assumed): most of it decoding."""


def opened(opening: Opening) -> BerniniSession:
    """A session with a checkpoint."""
    room, defaults = opening.room, opening.defaults(Defaults)
    model = Opened.from_folder(opening.found.path, room.place, room.dtype, defaults)
    said = opening.finish(model)
    parts_mb = [size_mb(each) for each in (*model.experts.values(), model.pipe.vae)]
    attempt = room.attempt(Attempt(opening.engine.caps.lengths.most, can_tile=True), parts_mb, WORKING_MB)
    return BerniniSession(opening.provenance(), model, defaults, Attempts(attempt), said)
