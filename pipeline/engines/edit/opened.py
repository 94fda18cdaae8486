"""What a family of models that edit pictures offers: reading what is asked, and one call for one picture."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import torch

from pipeline.engines.diffusion.defaults import Asked
from pipeline.engines.diffusion.pictures import Floats
from pipeline.engines.diffusion.placed import Placed
from pipeline.engines.edit.sheets import Sheets

Step = Callable[[int], None]
"""Called after each step with the number of those that are done; raises where the work is cancelled."""


@dataclass(frozen=True)
class Request(Asked):
    """What is asked of one call besides the pictures."""

    seed: int
    shift: float = 0.0
    """How far the noise of the steps is shifted towards much of it; 0 as the checkpoint's own configuration says."""


@dataclass
class Opened(Placed, ABC):
    """A model with one transformer, ready to be called."""

    networks: ClassVar[tuple[str, ...]] = ("transformer",)
    halved: ClassVar[tuple[str, ...]] = ("transformer", "vae")
    step_mb: ClassVar[float]
    decoding_mb: ClassVar[float]
    """Memory beside the weights that a step of the transformer for a megapixel takes, and decoding one (assumed)."""

    @classmethod
    @abstractmethod
    def from_folder(cls, folder: Path, device: torch.device, dtype: torch.dtype) -> Self:
        """Load all but the text encoder from a folder in the layout of diffusers."""

    @property
    def size_multiple(self) -> int:
        """Widths and heights must be multiples of this."""
        return int(2 * self.pipe.vae_scale_factor)

    @property
    @abstractmethod
    def takes_guidance(self) -> bool:
        """Whether guidance changes anything; some models that were made for few steps work without."""

    @abstractmethod
    def read(self, asked: Request, given: Sheets, ahead: Iterable[Sheets] = ()) -> list[torch.Tensor]:
        """What the text encoder says of the texts, with the pictures if the family reads these.

        The encoder is large and is not kept, so if it is needed it reads what comes `ahead` as well.
        """

    @abstractmethod
    def painted(self, given: Sheets, asked: Request, step: Step) -> Floats:
        """The picture of one call, h x w x 3, 0 to 1; not finite where the model failed."""
