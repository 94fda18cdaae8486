"""Flow by RAFT, as torchvision has it: more exact than DIS, and slow without a graphics card."""

from collections.abc import Generator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray
from torch.nn import functional
from torchvision.models.optical_flow import raft_large, raft_small

from utils.errors import ModelError
from utils.flow.field import Flow, Vectors
from utils.flow.search import agreeing
from utils.media.clip import Clip
from utils.media.timebase import Span
from utils.media.video import ClipFrames
from utils.size import Size

RGB = NDArray[np.uint8]
"""H x W x 3."""
LARGE_CHANNELS = 64
"""Channels of the first layer of the large network; the small one has half of them."""
FIRST = "feature_encoder.convnormrelu.0.weight"
STEP_PX, LEAST_PX = 8, 128
"""Both sides of a picture must be multiples of one, and at least the other."""


@dataclass(frozen=True)
class Raft:
    """RAFT with the weights of a file, on a device that torch names ("cpu", "cuda")."""

    weights: Path
    device: str = "cpu"

    @property
    def method(self) -> str:
        return f"torchvision {torchvision.__version__} RAFT {self.weights.name}"

    def pictures(self, clip: Clip, span: Span, size: Size) -> Generator[RGB]:
        """The frames in colour."""
        for frame in ClipFrames.of(clip, size).read(span):
            yield frame.rgb

    def pair(self, before: RGB, after: RGB, indices: tuple[int, int]) -> tuple[Flow, Flow]:
        there, back = self._vectors(before, after)
        forward = Flow(there, agreeing(there, back), *indices)
        return forward, Flow(back, agreeing(back, there), *indices[::-1])

    @cached_property
    def _network(self) -> Any:
        """The network, large or small as the weights are; only tensors are read from the file."""
        try:
            state = torch.load(self.weights, map_location="cpu", weights_only=True)
            large = state[FIRST].shape[0] == LARGE_CHANNELS
            network = (raft_large if large else raft_small)(weights=None)
            network.load_state_dict(state)
        except (OSError, RuntimeError, KeyError, ValueError, EOFError, UnpicklingError) as error:
            raise ModelError(
                f"{self.weights.name} cannot be loaded as the weights of RAFT.", "Fetch them again."
            ) from error
        return network.eval().requires_grad_(False).to(self.device)

    def _vectors(self, before: RGB, after: RGB) -> tuple[Vectors, Vectors]:
        """Both directions in one pass."""
        height, width = before.shape[:2]
        pair = torch.stack([_tensor(before), _tensor(after)]).to(self.device)
        with torch.inference_mode():
            found = self._network(pair, pair.flip(0))[-1][..., :height, :width]
        there, back = (np.ascontiguousarray(each.permute(1, 2, 0).float().cpu().numpy()) for each in found)
        return there, back


def _tensor(picture: RGB) -> torch.Tensor:
    """A picture from -1 to 1, with its right and lower edge repeated up to a size that the network takes."""
    values = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1).float() / 127.5 - 1
    height, width = picture.shape[:2]
    below, right = (max(LEAST_PX, -(-side // STEP_PX) * STEP_PX) - side for side in (height, width))
    return functional.pad(values[None], (0, right, 0, below), mode="replicate")[0]
