"""A rough estimate of what Wan VACE takes, from the number of computations; measurements of a machine replace it."""

from pipeline.engines.base import Cost
from pipeline.engines.device import Device
from utils.image import Size

WEIGHTS = 2.15e9
"""Of the usual checkpoint's transformer, with the blocks that read the control pictures."""
WIDTH, LAYERS = 1536, 45
STEPS, PASSES = 50, 2
"""Passes per step: with guidance there are two."""
AREA_PX = 480 * 832
TFLOPS = {"A40": 150, "A6000": 155, "A100": 312, "L40": 181, "L40S": 362, "4090": 165, "H100": 989, "H200": 989}
"""Of cards, by data sheet, dense and in 16 bits."""
USUAL_TFLOPS, PROCESSOR_TFLOPS, USED_SHARE = 60.0, 0.1, 0.45
"""Of other cards and of processors (assumed), and the share of it that such a model uses (assumed)."""
WEIGHTS_MB, WORKING_MB, RAM_MB = 4600.0, 6000.0, 14_000.0
"""Memory on the card, and of the machine, where the text encoder is read."""


def rough(size: Size, frames: int, device: Device) -> Cost:
    """Seconds and memory for so many frames of a size."""
    scale = min(1.0, AREA_PX / size.area_px)
    tokens = (frames + 3) / 4 * size.area_px * scale / 256
    window_tokens = min(tokens, 21 * AREA_PX / 256)
    computations = tokens * (2 * WEIGHTS + 4 * LAYERS * WIDTH * window_tokens) * STEPS * PASSES
    seconds = computations / (_tflops(device) * 1e12 * USED_SHARE)
    if device.kind == "cpu":
        return Cost(seconds, RAM_MB + 2 * WEIGHTS_MB)
    return Cost(seconds, RAM_MB, WEIGHTS_MB + WORKING_MB * window_tokens / (21 * AREA_PX / 256))


def _tflops(device: Device) -> float:
    if device.kind == "cpu":
        return PROCESSOR_TFLOPS
    words = device.name.replace("-", " ").split()
    return next((float(TFLOPS[word]) for word in words if word in TFLOPS), USUAL_TFLOPS)
