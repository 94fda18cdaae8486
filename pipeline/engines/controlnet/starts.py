"""What a frame is made from: finished frames warped to it by optical flow, or the source where nothing leads there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import View
from pipeline.engines.controlnet.noise import Noise, fixed, moved
from pipeline.engines.controlnet.noise import field as noise_field
from pipeline.engines.controlnet.order import Turn
from pipeline.engines.diffusion.pictures import Mask, part_mask
from utils.flow import Flow, Search, flow_checked, warped
from utils.image import RGB, Size, at_size

KEY_SHARE, BETWEEN_SHARE = 0.75, 0.5
"""The share of the strength with which keys, and frames between keys, change what is carried to them."""
SOFT_SHARE = 0.01
"""Over which share of the height what was carried fades into the source."""
SEARCH = Search("medium", shrink=2)


@dataclass(frozen=True)
class Start:
    """The input of one frame at the working size: picture, control picture, noise, and the strength of each cell."""

    picture: RGB
    control: RGB | None
    """None where nothing leads the frame."""
    noise: Noise
    strength: NDArray[np.float32]
    """Rows x columns of latent cells, 0 (stays as it is) to 1 (made from noise alone)."""


@dataclass(frozen=True)
class Look:
    """How starts are drawn: working size, pixels of a latent cell, and what the settings ask for."""

    size: Size
    cell_px: int
    part: str
    strength: float
    control: Callable[[View], RGB | None] | None
    seed: int
    channels: int = 4

    @property
    def cells(self) -> Size:
        """The size of the latents."""
        return Size(self.size.width_px // self.cell_px, self.size.height_px // self.cell_px)


@dataclass
class Starts:
    """The starts of a window's frames, from the views and from the frames that are finished."""

    views: Sequence[View]
    look: Look
    before: tuple[RGB, Mask] | None = None
    """The first frame as the window before made it, and where that had pixels: there it stays."""
    finished: dict[int, RGB] = field(default_factory=dict)
    _noise: dict[int, Noise] = field(default_factory=dict)

    def __post_init__(self) -> None:
        look = self.look
        self._sources = [at_size(view.rgb, look.size) for view in self.views]
        self._greys = [cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY) for rgb in self._sources]
        self.masks: list[Mask] = [
            np.where(part_mask(at_size(view.matte, look.size), look.part) > 127, 255, 0).astype(np.uint8)
            for view in self.views
        ]
        self._field = noise_field(look.seed, look.channels)
        if self.before and not (first := self.of(Turn(0, (), is_key=True))).strength.any():
            self.finished[0] = first.picture

    def source(self, index: int) -> RGB:
        """The source of a frame at the working size."""
        return self._sources[index]

    def of(self, turn: Turn) -> Start:
        """The start of a frame whose sources are finished."""
        flows = {source: self._flow(turn.index, source) for source in turn.sources}
        if turn.index == 0 and self.before:
            (picture, carried), share = self._continued(*self.before), 0.0
        else:
            picture, carried = self._carried(turn.index, flows)
            share = KEY_SHARE if turn.is_key else BETWEEN_SHARE
        strength = self.look.strength * (1 - (1 - share) * carried)
        strength[self.masks[turn.index] == 0] = 0
        control = self.look.control(self.views[turn.index]) if self.look.control else None
        return Start(
            picture,
            None if control is None else at_size(control, self.look.size),
            self._moved_noise(turn.index, flows),
            np.asarray(cv2.resize(strength, self.look.cells, interpolation=cv2.INTER_AREA)),
        )

    def _flow(self, index: int, source: int) -> Flow:
        return flow_checked(self._greys[index], self._greys[source], (index, source), SEARCH)

    def _carried(self, index: int, flows: Mapping[int, Flow]) -> tuple[RGB, NDArray[np.float32]]:
        """Finished frames warped and mixed by how near they are, over the source; and where they lead to, 0 to 1."""
        sums = np.zeros((*self._greys[index].shape, 4), np.float32)
        reach = np.zeros(sums.shape[:2], np.float32)
        for source, flow in flows.items():
            valid = self._softened(flow.valid)
            nearness = valid / abs(source - index)
            sums[..., :3] += nearness[..., None] * warped(self.finished[source], flow, sharp=True)
            sums[..., 3] += nearness
            reach = np.maximum(reach, valid)
        if not flows:
            return self._sources[index], reach
        mixed = sums[..., :3] / np.maximum(sums[..., 3:], 1e-6)
        over = self._sources[index] + reach[..., None] * (mixed - self._sources[index])
        return np.rint(over).clip(0, 255).astype(np.uint8), reach

    def _continued(self, frame: RGB, valid: Mask) -> tuple[RGB, NDArray[np.float32]]:
        """The first frame of the window before over the source, and where it is."""
        there = (at_size(valid, self.look.size) > 127).astype(np.float32)
        own = self._sources[0]
        mixed = own + there[..., None] * (at_size(frame, self.look.size).astype(np.float32) - own)
        return np.rint(mixed).astype(np.uint8), there

    def _softened(self, valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Flags of a flow, shrunk by single pixels that found no way, with a soft edge inside."""
        radius = max(1, round(SOFT_SHARE * valid.shape[0]))
        side = 2 * radius + 1
        flags = cv2.erode(valid.astype(np.float32), np.ones((side, side), np.uint8), borderType=cv2.BORDER_REPLICATE)
        return np.asarray(cv2.blur(flags, (side, side), borderType=cv2.BORDER_REPLICATE))

    def _moved_noise(self, index: int, flows: Mapping[int, Flow]) -> Noise:
        """A key has the noise of the stabilised picture; other frames have that of the nearest finished one, moved."""
        left, top = self.views[index].corner
        scale = self.look.size.width_px / self.views[index].size.width_px / self.look.cell_px
        own = fixed(self._field, self.look.cells, (round(left * scale), round(top * scale)))
        nearest = min(flows, key=lambda source: abs(source - index), default=None)
        if nearest is not None and nearest in self._noise:
            own = moved(own, self._noise[nearest], flows[nearest])
        self._noise[index] = own
        return own
