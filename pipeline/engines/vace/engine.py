"""The engine `vace`: Wan VACE, which makes a window at once from a prompt, led by pose or edges, and by a picture."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pipeline.engines.base import MEMORY, SPEED, Caps, Cost, Lengths, Readiness, Session, Tell

if TYPE_CHECKING:
    from pipeline.engines.device import Device
    from utils.image import Size

PACKAGES = ("torch", "diffusers", "transformers", "accelerate", "peft", "safetensors", "sentencepiece")
INSTALL = "Run `pip install -r requirements.txt` in Reshoot's environment."
USUAL, DEPTH = "wan-vace-1.3b", "depth-anything-v2-small"


class Vace:
    """The engine; torch is imported when a session is opened."""

    name = "vace"
    label = "Wan VACE (needs a graphics card and weights)"
    version = 1
    caps = Caps(
        kind="segment",
        tasks=frozenset({"restyle", "replace"}),
        lengths=Lengths(preferred=76, most=81, step=4, rest=1),
        size_multiple=16,
        controls=frozenset({"pose", "edges", "depth"}),
        references=4,
        carry=(1, 5, 9, 13, 17),
        deterministic="same card",
    )
    settings = (
        "generate.model",
        "generate.loras",
        "generate.prompt",
        "generate.negative_prompt",
        "generate.steps",
        "generate.guidance",
        "generate.control",
        "generate.control_strength",
        "generate.carry",
        "generate.apply_to",
        "generate.seed",
        *SPEED,
        *MEMORY,
    )
    opening = ("generate.model", "generate.loras", *SPEED, "memory.offload", "memory.budget_gb")
    tools = ("torch", "diffusers", "transformers", "peft", "opencv-contrib-python", "numpy")

    def models(self, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """The weights of the checkpoint and of the LoRAs that the settings name, and of the depth that leads it."""
        from pipeline.engines.diffusion import lora
        from pipeline.engines.weights import digests

        used = (checkpoint(settings), *([DEPTH] if settings.get("generate.control") == "depth" else []))
        return {**digests(*used), **lora.digests(settings["generate.loras"])}

    def probe(self) -> Readiness:
        """Ready if its packages are installed and the weights of any of its checkpoints are here."""
        from pipeline.engines.weights import readiness

        if missing := [name for name in PACKAGES if find_spec(name) is None]:
            return Readiness(False, f"The package {missing[0]!r} is missing.", INSTALL)
        return readiness(checkpoint({}))

    def estimate(self, settings: Mapping[str, Any], size: Size, frames: int, device: Device) -> Cost:
        """From the number of computations, corrected by calls that were measured on this card; weights that are not
        here are taken for the usual ones."""
        from pipeline.engines.costs import known
        from pipeline.engines.diffusion.throughput import Amount
        from pipeline.engines.vace.cost import Architecture, asked, rough
        from pipeline.engines.vace.defaults import Defaults
        from pipeline.engines.weights import configuration, options

        name = checkpoint(settings)
        config = configuration(name, "transformer/config.json")
        model = Architecture.of(config) if config else Architecture()
        cost = rough(model, asked(settings, Defaults.of(options(name), name), size, frames), device)
        return known(self.name, name, device.name).corrected(cost, lambda call: rough(model, Amount.of(call), device))

    def open(self, settings: Mapping[str, Any], device: Device, tell: Tell) -> Session:
        """Load the model from its folder."""
        from pipeline.engines.vace.opening import opened

        return opened(self, settings, device, tell)


def checkpoint(settings: Mapping[str, Any]) -> str:
    """The name of the checkpoint that the settings ask for."""
    from pipeline.engines.weights import usual

    return str(settings.get("generate.model") or usual("vace", USUAL))


ENGINE = Vace()
