"""How much there is to compute, and how much a device computes in a second, for estimates before a run."""

from dataclasses import dataclass

from pipeline.engines.base import Call, Cost
from pipeline.engines.device import Device

TFLOPS = {"A40": 150, "A6000": 155, "A100": 312, "L40": 181, "L40S": 362, "4090": 165, "H100": 989, "H200": 989}
"""Computations a second of cards, in units of 10^12, by data sheet, dense and in 16 bits."""
USUAL_TFLOPS, PROCESSOR_TFLOPS = 60.0, 0.1
"""Computations a second of other cards and of processors (assumed)."""
DRIVER_MB = 700.0
"""Memory that the card's driver takes (assumed)."""


def tflops(device: Device) -> float:
    """Computations a second of a device, in units of 10^12."""
    if device.kind == "cpu":
        return PROCESSOR_TFLOPS
    words = device.name.replace("-", " ").split()
    return next((float(TFLOPS[word]) for word in words if word in TFLOPS), USUAL_TFLOPS)


@dataclass(frozen=True)
class Amount:
    """How many frames of which area are made, and how often the model is asked for them."""

    area_px: int
    frames: float
    passes: int

    @classmethod
    def of(cls, call: Call) -> "Amount":
        """That of a call."""
        return cls(call.size.area_px, call.frames, call.passes)


@dataclass(frozen=True)
class Load:
    """What an amount of work asks of a device."""

    computations: float
    """Multiplications and additions."""
    weights_mb: float
    """The weights of the networks in 16 bits."""
    working_mb: float
    """Memory of the card beside the weights."""
    ram_mb: float
    """The machine's memory."""

    def cost(self, device: Device, used_share: float) -> Cost:
        """Seconds and memory, on a device of whose computations a share is used; a processor computes in 32 bits."""
        seconds = self.computations / (tflops(device) * 1e12 * used_share)
        if device.kind == "cpu":
            return Cost(seconds, self.ram_mb + 2 * self.weights_mb)
        return Cost(seconds, self.ram_mb, DRIVER_MB + self.weights_mb + self.working_mb)
