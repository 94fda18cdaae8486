"""Opens a session of the engine `edit`: loads a checkpoint and decides how much of it can be on the card at once."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.engines.base import EngineError
from pipeline.engines.diffusion.attempts import Attempt, Attempts
from pipeline.engines.diffusion.components import configuration
from pipeline.engines.diffusion.opening import Opening, Room, size_mb
from pipeline.engines.edit.defaults import Defaults
from pipeline.engines.edit.klein import Klein
from pipeline.engines.edit.opened import Opened
from pipeline.engines.edit.qwen import Qwen
from pipeline.engines.edit.session import EditSession

FAMILIES: Mapping[str, type[Opened]] = {
    "Flux2KleinPipeline": Klein,
    "Flux2KleinInpaintPipeline": Klein,
    "QwenImageEditPlusPipeline": Qwen,
}
"""What model_index.json calls models that this engine paints with -> the family that calls them."""


def opened(opening: Opening) -> EditSession:
    """A session with a checkpoint."""
    room, folder = opening.room, opening.found.path
    model = family(folder).from_folder(folder, room.place, room.dtype)
    said = opening.finish(model)
    attempts = Attempts(first_attempt(model, room))
    return EditSession(opening.provenance(), model, opening.defaults(Defaults), attempts, said)


def first_attempt(model: Opened, room: Room) -> Attempt:
    """One picture at once, with as much of the model on the card as fits with what transformer and VAE work in."""
    transformer_mb, vae_mb = size_mb(model.pipe.transformer), size_mb(model.pipe.vae)
    parts_mb = [transformer_mb + model.step_mb, vae_mb + model.decoding_mb]
    return room.attempt(Attempt(1, can_tile=True), parts_mb, working_mb=0)


def family(folder: Path) -> type[Opened]:
    """The family of the model in a folder; EngineError if it is none of this engine's."""
    kind = str(configuration(folder, "model_index.json").get("_class_name"))
    if kind in FAMILIES:
        return FAMILIES[kind]
    raise EngineError(
        f"{folder} holds a model for {kind}, which cannot paint key frames here.",
        "Choose a checkpoint that `python -m pipeline models list` shows for the engine edit.",
    )
