"""The engine `controlnet`: Stable Diffusion 1.5 and SDXL with a control network, each frame from those around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.engines.base import Caps, Lengths, Session, Tell
from pipeline.engines.diffusion.engine import DiffusionEngine

if TYPE_CHECKING:
    from pipeline.engines.controlnet.cost import Architecture
    from pipeline.engines.controlnet.defaults import Defaults
    from pipeline.engines.device import Device


class Controlnet(DiffusionEngine):
    """Stable Diffusion with a control network."""

    name = "controlnet"
    label = "ControlNet (needs a graphics card and weights)"
    version = 1
    caps = Caps(
        kind="segment",
        lengths=Lengths(preferred=64, most=97),
        size_multiple=8,
        controls=frozenset({"pose", "edges", "soft_edges", "depth"}),
        references=4,
        carry=(1,),
        deterministic="same card",
    )
    config = "unet/config.json"
    more_settings = (
        "generate.control",
        "generate.control_strength",
        "generate.reference_strength",
        "generate.strength",
    )

    def models(self, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """Those of all engines, and the optional parts of the checkpoint that the settings ask for."""
        from pipeline.engines.controlnet.parts import Parts
        from pipeline.engines.weights import digests

        return {**super().models(settings), **digests(*Parts.of(self.checkpoint(settings)).wanted(settings))}

    def architecture(self, config: Mapping[str, Any] | None, name: str) -> Architecture:
        """The sizes of its networks."""
        from pipeline.engines.controlnet.cost import Architecture

        return Architecture.of(config)

    def defaults(self, name: str) -> Defaults:
        """As the registry says."""
        from pipeline.engines.controlnet.defaults import Defaults
        from pipeline.engines.weights import options

        return Defaults.of(options(name), name)

    def open(self, settings: Mapping[str, Any], device: Device, tell: Tell) -> Session:
        """Load the model from its folder."""
        from pipeline.engines.controlnet.opening import opened
        from pipeline.engines.diffusion.opening import Opening

        return opened(Opening.of(self, settings, device, tell))


ENGINE = Controlnet()
