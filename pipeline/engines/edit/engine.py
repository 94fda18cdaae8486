"""The engine `edit`: an instruction paints key frames, and optical flow carries them through the window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pipeline.engines.base import MEMORY, SPEED, Caps, Cost, Lengths, Readiness, Session, Tell

if TYPE_CHECKING:
    from pipeline.engines.device import Device
    from utils.image import Size

PACKAGES = ("torch", "diffusers", "transformers", "accelerate", "peft", "safetensors")
INSTALL = "Run `pip install -r requirements.txt` in Reshoot's environment."
USUAL = "flux2-klein-4b"


class Edit:
    """The engine; torch is imported when a session is opened."""

    name = "edit"
    label = "FLUX.2 klein on key frames (needs a graphics card and weights)"
    version = 1
    caps = Caps(
        kind="segment",
        tasks=frozenset({"restyle"}),
        lengths=Lengths(preferred=64, most=96),
        references=4,
        carry=tuple(range(1, 34)),
        deterministic="same card",
    )
    settings = (
        "generate.model",
        "generate.loras",
        "generate.prompt",
        "generate.negative_prompt",
        "generate.steps",
        "generate.guidance",
        "generate.apply_to",
        "generate.seed",
        *SPEED,
        *MEMORY,
    )
    opening = ("generate.model", "generate.loras", *SPEED, "memory.offload", "memory.budget_gb")
    tools = ("torch", "diffusers", "transformers", "peft", "opencv-contrib-python", "numpy", "numba")

    def models(self, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """The weights of the checkpoint and of the LoRAs that the settings name."""
        from pipeline.engines.diffusion import lora
        from pipeline.engines.weights import digests

        return {**digests(checkpoint(settings)), **lora.digests(settings["generate.loras"])}

    def probe(self) -> Readiness:
        """Ready if its packages are installed and the weights of any of its checkpoints are here."""
        from pipeline.engines.weights import readiness

        if missing := [name for name in PACKAGES if find_spec(name) is None]:
            return Readiness(False, f"The package {missing[0]!r} is missing.", INSTALL)
        return readiness(checkpoint({}))

    def estimate(self, settings: Mapping[str, Any], size: Size, frames: int, device: Device) -> Cost:
        """From the number of computations; calls that were measured on this card correct what painting takes. Weights
        that are not here are taken for the usual ones."""
        from pipeline.engines.costs import known
        from pipeline.engines.diffusion.throughput import Amount
        from pipeline.engines.edit.cost import Architecture, asked, beside_s, rough
        from pipeline.engines.edit.defaults import Defaults
        from pipeline.engines.weights import configuration, options

        name = checkpoint(settings)
        config = configuration(name, "transformer/config.json")
        model = Architecture.of(config) if config else Architecture()
        cost = rough(model, asked(settings, Defaults.of(options(name), name), size, frames), device)
        painting = known(self.name, name, device.name).corrected(
            cost, lambda call: rough(model, Amount.of(call), device)
        )
        return replace(painting, seconds=painting.seconds + beside_s(size, frames, device))

    def open(self, settings: Mapping[str, Any], device: Device, tell: Tell) -> Session:
        """Load the model from its folder."""
        from pipeline.engines.edit.opening import opened

        return opened(self, settings, device, tell)


def checkpoint(settings: Mapping[str, Any]) -> str:
    """The name of the checkpoint that the settings ask for."""
    from pipeline.engines.weights import usual

    return str(settings.get("generate.model") or usual("edit", USUAL))


ENGINE = Edit()
