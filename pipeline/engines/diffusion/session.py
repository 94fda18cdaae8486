"""A session of an engine with a diffusion model: an opened model, and how a window and a frame of it are asked for."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from pipeline.engines.base import Call, EngineFrame, Output, Provenance, Tell, Window
from pipeline.engines.diffusion.attempts import Attempts
from pipeline.engines.diffusion.defaults import Asked, Defaults
from pipeline.engines.diffusion.placed import Placed
from utils.image import RGB, Size
from utils.progress import Cancel

ModelT = TypeVar("ModelT", bound=Placed)
DefaultsT = TypeVar("DefaultsT", bound=Defaults)


@dataclass
class DiffusionSession(ABC, Generic[ModelT, DefaultsT]):
    """Makes windows with an opened model."""

    provenance: Provenance
    model: ModelT
    defaults: DefaultsT
    attempts: Attempts
    said: tuple[str, ...] = ()
    """What was done differently than asked for when the model was opened, such as a part of a LoRA that is not used."""

    @abstractmethod
    def preview(self, window: Window, index: int) -> RGB:
        """One frame by itself, which costs a small part of a window."""

    def run(self, window: Window, cancel: Cancel, tell: Tell) -> Output:
        """Make the frames of a window; they come when the model has made what they are made of."""
        output = Output(iter(()), list(self.said))
        return replace(output, frames=self.frames(window, cancel, tell, output))

    def close(self) -> None:
        """Release the model."""
        self.model.close()

    @abstractmethod
    def frames(self, window: Window, cancel: Cancel, tell: Tell, output: Output) -> Iterator[EngineFrame]:
        """The frames of a window; what is done otherwise than asked for is added to the output."""

    def call(self, asked: Asked, size: Size, frames: int) -> Call:
        """A call of the model, before it is made."""
        return asked.call(str(self.provenance.settings["model"]), size, frames)
