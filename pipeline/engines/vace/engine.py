"""The engine `vace`: Wan VACE, which makes a window at once from a prompt, led by pose or edges, and by a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.engines.base import Caps, Lengths, Session, Tell
from pipeline.engines.diffusion.engine import DiffusionEngine

if TYPE_CHECKING:
    from pipeline.engines.device import Device
    from pipeline.engines.diffusion.wan_cost import Architecture
    from pipeline.engines.vace.defaults import Defaults

USUAL_VACE_BLOCKS = 15
"""How many blocks of VACE the checkpoint with 1.3 billion weights has."""
DEPTH = "depth-anything-v2-small"


class Vace(DiffusionEngine):
    """Wan VACE 2.1 and VACE-Fun 2.2."""

    name = "vace"
    label = "Wan VACE (needs a graphics card and weights)"
    version = 1
    caps = Caps(
        kind="segment",
        lengths=Lengths(preferred=76, most=81, step=4, rest=1),
        size_multiple=16,
        controls=frozenset({"pose", "edges", "depth"}),
        references=4,
        carry=(1, 5, 9, 13, 17),
        given_frames=True,
        deterministic="same card",
    )
    more_settings = ("generate.control", "generate.control_strength", "generate.carry")
    packages = (*DiffusionEngine.packages, "sentencepiece")

    def models(self, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """Those of all engines, and the weights of the depth that leads it."""
        from pipeline.engines.weights import digests

        draws_depth = settings.get("generate.control") == "depth" and not settings.get("generate.guide")
        return {**super().models(settings), **(digests(DEPTH) if draws_depth else {})}

    def architecture(self, config: Mapping[str, Any] | None, name: str) -> Architecture:
        """The sizes of its networks."""
        from pipeline.engines.diffusion.wan_cost import Architecture

        vace_blocks = len(config["vace_layers"]) if config else USUAL_VACE_BLOCKS
        return Architecture.of(config, more_blocks=vace_blocks)

    def defaults(self, name: str) -> Defaults:
        """As the registry says."""
        from pipeline.engines.vace.defaults import Defaults
        from pipeline.engines.weights import options

        return Defaults.of(options(name), name)

    def open(self, settings: Mapping[str, Any], device: Device, tell: Tell) -> Session:
        """Load the model from its folder."""
        from pipeline.engines.diffusion.opening import Opening
        from pipeline.engines.vace.opening import opened

        return opened(Opening.of(self, settings, device, tell))


ENGINE = Vace()
