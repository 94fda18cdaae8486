"""The engine `bernini`: Bernini-R, which edits a window of the source as an instruction says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.engines.base import Caps, Lengths, Session, Tell
from pipeline.engines.diffusion.engine import DiffusionEngine

if TYPE_CHECKING:
    from pipeline.engines.bernini.defaults import Defaults
    from pipeline.engines.device import Device
    from pipeline.engines.diffusion.wan_cost import Architecture


class Bernini(DiffusionEngine):
    """Bernini-R with 1.3 and with 14 billion weights. It knows no way to go on from the window before."""

    name = "bernini"
    label = "Bernini-R (needs a graphics card and weights)"
    version = 1
    caps = Caps(
        kind="segment",
        lengths=Lengths(preferred=76, most=81, step=4, rest=1),
        size_multiple=16,
        references=4,
        deterministic="same card",
    )
    packages = (*DiffusionEngine.packages, "sentencepiece")

    def architecture(self, config: Mapping[str, Any] | None, name: str) -> Architecture:
        """The sizes of its networks."""
        from pipeline.engines.diffusion.wan_cost import Architecture

        return Architecture.of(config, videos=2)

    def defaults(self, name: str) -> Defaults:
        """As the registry says."""
        from pipeline.engines.bernini.defaults import Defaults
        from pipeline.engines.weights import options

        return Defaults.of(options(name), name)

    def open(self, settings: Mapping[str, Any], device: Device, tell: Tell) -> Session:
        """Load the model from its folder."""
        from pipeline.engines.bernini.opening import opened
        from pipeline.engines.diffusion.opening import Opening

        return opened(Opening.of(self, settings, device, tell))


ENGINE = Bernini()
