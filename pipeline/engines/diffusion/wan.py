"""What engines on Wan have in common: how it compresses time, its experts for high and low noise, its text encoder."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from transformers import AutoTokenizer, UMT5EncoderModel

from pipeline.engines.base import EngineError
from pipeline.engines.diffusion.components import REPAIR, component
from pipeline.engines.diffusion.defaults import Asked
from pipeline.engines.diffusion.placed import Placed
from utils.size import Size

GROUP = 4
"""Frames per latent, but for the first frame, which has a latent of its own."""
NETWORKS = ("transformer", "transformer_2")
"""The folders of its experts, the one for high noise first; most checkpoints have one for all noise."""


@dataclass
class PlacedWan(Placed):
    """A model on Wan, with one transformer, or one for high and one for low noise."""

    networks: ClassVar[tuple[str, ...]] = NETWORKS
    halved: ClassVar[tuple[str, ...]] = NETWORKS

    @property
    def size_multiple(self) -> int:
        """Widths and heights must be multiples of this."""
        return int(self.pipe.vae_scale_factor_spatial * next(iter(self.experts.values())).config.patch_size[1])

    def read(self, asked: Asked) -> list[torch.Tensor]:
        """The prompts as the model reads them."""
        self.make_room(asked.texts)
        return self.prompts.numbers(*asked.texts)


def groups(frames: int) -> Iterator[tuple[int, int]]:
    """The frames that share a latent, as pairs of first and one past the last: the first alone, then four each."""
    yield 0, 1
    for start in range(1, frames, GROUP):
        yield start, min(start + GROUP, frames)


def experts(folder: Path, boundary: float | None) -> list[str]:
    """The names of the experts in a folder, of which there may be two if it is known where the second takes over."""
    found = [name for name in NETWORKS if (folder / name).is_dir()]
    if not found:
        raise EngineError(f"{folder} holds no folder called transformer.", REPAIR)
    if len(found) > 1 and not boundary:
        raise EngineError(f"{folder} does not say where one of its experts takes over.", "Say it: `boundary: 0.875`.")
    return found


def text_encoder(folder: Path, dtype: torch.dtype) -> Callable[[], tuple[Any, Any]]:
    """What loads the tokenizer and UMT5, the text encoder, of a folder."""

    def load() -> tuple[Any, Any]:
        tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
        return tokenizer, component(folder / "text_encoder", UMT5EncoderModel, dtype)

    return load


def noise(vae: Any, size: Size, latents: int, seed: int) -> torch.Tensor:
    """What a call begins with: the numbers that the library itself would draw for the seed."""
    side = vae.config.scale_factor_spatial
    shape = (1, vae.config.z_dim, latents, size.height_px // side, size.width_px // side)
    return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed))
