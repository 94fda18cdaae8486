"""The engine `edit`: an instruction paints key frames, and optical flow carries them through the window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.engines.base import Caps, Lengths, Session, Tell
from pipeline.engines.diffusion.engine import DiffusionEngine

if TYPE_CHECKING:
    from pipeline.engines.device import Device
    from pipeline.engines.edit.cost import Architecture
    from pipeline.engines.edit.defaults import Defaults
    from utils.image import Size


class Edit(DiffusionEngine):
    """Models that edit a picture by an instruction."""

    name = "edit"
    label = "FLUX.2 klein or Qwen-Image-Edit on key frames (needs a graphics card and weights)"
    version = 2
    caps = Caps(
        kind="segment",
        lengths=Lengths(preferred=64, most=96),
        references=4,
        carry=tuple(range(1, 34)),
        given_frames=True,
        paints_keys=True,
        deterministic="same card",
    )
    tools = (*DiffusionEngine.tools, "numba")

    def architecture(self, config: Mapping[str, Any] | None, name: str) -> Architecture:
        """The sizes of its networks."""
        from pipeline.engines.edit.cost import architecture
        from pipeline.engines.weights import family

        return architecture(config, family(name))

    def defaults(self, name: str) -> Defaults:
        """As the registry says."""
        from pipeline.engines.edit.defaults import Defaults
        from pipeline.engines.weights import options

        return Defaults.of(options(name), name)

    def beside_s(self, model: Architecture, size: Size, frames: int, device: Device) -> float:
        """Reading the prompt, and carrying the keys to all frames."""
        return model.beside_s(size, frames, device)

    def open(self, settings: Mapping[str, Any], device: Device, tell: Tell) -> Session:
        """Load the model from its folder."""
        from pipeline.engines.diffusion.opening import Opening
        from pipeline.engines.edit.opening import opened

        return opened(Opening.of(self, settings, device, tell))


ENGINE = Edit()
