"""What the engines with diffusion models have in common: their settings, weights, readiness and estimates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pipeline.engines.base import MEMORY, SPEED, Caps, Cost, EngineError, Readiness, Session, Tell

if TYPE_CHECKING:
    from pipeline.engines.device import Device
    from pipeline.engines.diffusion.defaults import Defaults
    from pipeline.engines.diffusion.throughput import Amount
    from utils.image import Size

INSTALL = "Run `pip install -r requirements.txt` in Reshoot's environment."
COMMON = (
    "generate.model",
    "generate.effort",
    "generate.loras",
    "generate.prompt",
    "generate.negative_prompt",
    "generate.steps",
    "generate.guidance",
    "generate.apply_to",
    "generate.seed",
)
"""The settings that all of them read, besides those of speed and memory."""


class Architecture(Protocol):
    """The sizes of a checkpoint's networks, from which its cost follows."""

    def amount(self, settings: Mapping[str, Any], defaults: Any, size: Size, frames: int) -> Amount:
        """How much settings ask for; those that are missing are as the checkpoint was made for."""
        ...

    def rough(self, amount: Amount, device: Device) -> Cost:
        """Seconds and memory from the number of computations."""
        ...


class DiffusionEngine(ABC):
    """An engine with a diffusion model; torch is imported when a session is opened."""

    name: ClassVar[str]
    label: ClassVar[str]
    version: ClassVar[int]
    caps: ClassVar[Caps]
    more_settings: ClassVar[tuple[str, ...]] = ()
    """The settings that it reads besides those that are common."""
    packages: ClassVar[tuple[str, ...]] = ("torch", "diffusers", "transformers", "accelerate", "peft", "safetensors")
    tools: ClassVar[tuple[str, ...]] = (
        "torch",
        "diffusers",
        "transformers",
        "peft",
        "opencv-contrib-python",
        "numpy",
    )
    config: ClassVar[str] = "transformer/config.json"
    """The file of a checkpoint that says how large its network is."""
    opening = ("generate.model", "generate.loras", *SPEED, "memory.offload", "memory.budget_gb")

    @property
    def settings(self) -> tuple[str, ...]:
        """The settings that it reads."""
        return (*COMMON, *self.more_settings, *SPEED, *MEMORY)

    def models(self, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """The weights of the checkpoint with its parts, and of the LoRAs that the settings name."""
        from pipeline.engines.diffusion import lora
        from pipeline.engines.weights import digests

        self._check_control(settings)
        return {**digests(self.checkpoint(settings)), **lora.digests(settings["generate.loras"])}

    def checkpoint(self, settings: Mapping[str, Any]) -> str:
        """The name of the checkpoint that the settings mean."""
        from pipeline.engines import weights

        return weights.checkpoint(self.name, settings)

    def _check_control(self, settings: Mapping[str, Any]) -> None:
        """Refuse to be led by what this engine has no use for."""
        control = settings.get("generate.control")
        if "generate.control" not in self.more_settings:
            return
        if control == "none" and settings.get("generate.guide"):
            raise EngineError(
                "A guide is given, and generate.control says that nothing leads.",
                "Let it say what the guide shows, as pose or edges, or leave the guide out.",
            )
        if control in (None, "none", *self.caps.controls):
            return
        choices = ", ".join(sorted(self.caps.controls))
        raise EngineError(f"{self.name} is not led by {control}.", f"Choose {choices} or none as what leads it.")

    def probe(self) -> Readiness:
        """Ready if its packages are installed and the weights of any of its checkpoints are here, with their parts."""
        from pipeline.engines.weights import readiness

        if missing := [name for name in self.packages if find_spec(name) is None]:
            return Readiness(False, f"The package {missing[0]!r} is missing.", INSTALL)
        return readiness(self.checkpoint({}))

    def estimate(self, settings: Mapping[str, Any], size: Size, frames: int, device: Device) -> Cost:
        """From the number of computations, corrected by calls that were measured on this card; weights that are not
        here are taken for the usual ones."""
        from pipeline.engines.costs import known
        from pipeline.engines.diffusion.throughput import Amount
        from pipeline.engines.weights import configuration

        name = self.checkpoint(settings)
        model = self.architecture(configuration(name, self.config), name)
        cost = model.rough(model.amount(settings, self.defaults(name), size, frames), device)
        calls = known(self.name, name, device.name).corrected(cost, lambda call: model.rough(Amount.of(call), device))
        return replace(calls, seconds=calls.seconds + self.beside_s(model, size, frames, device))

    def beside_s(self, model: Any, size: Size, frames: int, device: Device) -> float:
        """Seconds that are no call of the model."""
        return 0.0

    @abstractmethod
    def architecture(self, config: Mapping[str, Any] | None, name: str) -> Architecture:
        """The sizes of a checkpoint with this configuration; without any those of the usual one."""

    @abstractmethod
    def defaults(self, name: str) -> Defaults:
        """What the checkpoint of this name was made for."""

    @abstractmethod
    def open(self, settings: Mapping[str, Any], device: Device, tell: Tell) -> Session:
        """Load the model from its folder."""
