"""The engine `controlnet`: Stable Diffusion 1.5 and SDXL, led by pose or edges, each frame from those around it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pipeline.engines.base import MEMORY, SPEED, Caps, Cost, Lengths, Readiness, Session, Tell

if TYPE_CHECKING:
    from pipeline.engines.device import Device
    from utils.image import Size

PACKAGES = ("torch", "diffusers", "transformers", "accelerate", "peft", "safetensors")
INSTALL = "Run `pip install -r requirements.txt` in Reshoot's environment."
USUAL = "sd-1.5-lcm"


class Controlnet:
    """The engine; torch is imported when a session is opened."""

    name = "controlnet"
    label = "ControlNet (needs a graphics card and weights)"
    version = 1
    caps = Caps(
        kind="segment",
        tasks=frozenset({"restyle", "replace"}),
        lengths=Lengths(preferred=64, most=97),
        size_multiple=8,
        controls=frozenset({"pose", "edges"}),
        references=0,
        carry=(1,),
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
        "generate.strength",
        "generate.apply_to",
        "generate.seed",
        *SPEED,
        *MEMORY,
    )
    opening = ("generate.model", "generate.loras", *SPEED, "memory.offload", "memory.budget_gb")
    tools = ("torch", "diffusers", "transformers", "peft", "opencv-contrib-python", "numpy")

    def models(self, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """The weights of the checkpoint with its parts, and of the LoRAs that the settings name."""
        from pipeline.engines.diffusion import lora
        from pipeline.engines.weights import digests

        return {**digests(checkpoint(settings)), **lora.digests(settings["generate.loras"])}

    def probe(self) -> Readiness:
        """Ready if its packages are installed and the weights of any of its checkpoints are here, with their parts."""
        from pipeline.engines.weights import readiness

        if missing := [name for name in PACKAGES if find_spec(name) is None]:
            return Readiness(False, f"The package {missing[0]!r} is missing.", INSTALL)
        return readiness(checkpoint({}))

    def estimate(self, settings: Mapping[str, Any], size: Size, frames: int, device: Device) -> Cost:
        """From the number of computations, corrected by calls that were measured on this card; weights that are not
        here are taken for the usual ones."""
        from pipeline.engines.controlnet.cost import Architecture, asked, rough
        from pipeline.engines.controlnet.defaults import Defaults
        from pipeline.engines.costs import known
        from pipeline.engines.diffusion.throughput import Amount
        from pipeline.engines.weights import configuration, options

        name = checkpoint(settings)
        model = Architecture.of(configuration(name, "unet/config.json") or {})
        cost = rough(model, asked(settings, Defaults.of(options(name), name), size, frames), device)
        return known(self.name, name, device.name).corrected(cost, lambda call: rough(model, Amount.of(call), device))

    def open(self, settings: Mapping[str, Any], device: Device, tell: Tell) -> Session:
        """Load the model from its folder."""
        from pipeline.engines.controlnet.opening import opened

        return opened(self, settings, device, tell)


def checkpoint(settings: Mapping[str, Any]) -> str:
    """The name of the checkpoint that the settings ask for."""
    from pipeline.engines.weights import usual

    return str(settings.get("generate.model") or usual("controlnet", USUAL))


ENGINE = Controlnet()
