"""What a run will take on this machine, before it is started: the parts that every kind of job shares.

Prices are processor times that were measured once, on a machine whose speed the yardstick tells; they are scaled by how
fast this machine does the same little work, and finished jobs correct the sum. The web app asks for estimates, so
nothing here loads what computes pictures.
"""

import math
import statistics
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from pipeline.engines.device import processor, processors

PARALLEL_SHARE = 0.7
"""Of the work, what several processors can do at once (assumed): with two, a run takes 0.65 of its processor time."""
YARDSTICK_S = 0.0171
"""What the yardstick took on the machine and in the hour in which the prices were measured."""
LATEST, FADING, OTHER_PRESET, DOUBT = 12, 0.85, 0.5, 0.25
"""How many of the latest finished jobs count; the weight of each beside the one after it, for how busy a machine is
changes; that of one with another preset beside one with the same; and the weight of the prices themselves. Chosen on 28
jobs of different clips (`benchmarks.promise`)."""
STRANGEST = 8.0
"""Largest factor by which a finished job may correct the estimate; a larger one had another cause, such as a suspended
machine."""


class FinishedRun(NamedTuple):
    """A job that was done with nothing taken from the cache."""

    preset: str
    frames: int
    pixels: int
    """Of a frame."""
    seconds: float
    settings: Mapping[str, Any] = MappingProxyType({})
    """Those that differed from the preset."""


@dataclass(frozen=True)
class Estimate:
    """What a run will take: time by the clock, memory at its peak, and the device that it computes on."""

    seconds: float
    memory_mb: float
    vram_mb: float
    device: str
    basis: str = ""
    """What the engine's part rests on: measured, or rough; empty for the built-in engine, which was measured."""

    def __str__(self) -> str:
        seconds = f"{self.seconds:.0f} s" if self.seconds < 90 else f"{self.seconds / 60:.0f} min"
        vram = f" and {self.vram_mb:.0f} MB of the card" if self.vram_mb else ""
        basis = f" ({self.basis})" if self.basis else ""
        return f"about {seconds}, {self.memory_mb:.0f} MB{vram}, on {self.device}{basis}"


@dataclass(frozen=True)
class Price:
    """Processor time of a run without an engine, where the yardstick was measured."""

    start_s: float
    frame_s: float
    megapixel_s: float

    def seconds(self, frames: int, pixels: int) -> float:
        """Seconds by the clock on this machine."""
        serial = 1 - PARALLEL_SHARE + PARALLEL_SHARE / processors()
        processor_s = self.start_s + frames * (self.frame_s + self.megapixel_s * pixels / 1e6)
        return processor_s * serial * slowness()


@dataclass(frozen=True)
class Memory:
    """Memory at the peak of a run: always, and for each million pixels of a frame."""

    always_mb: float
    megapixel_mb: float


def without_presets(price: Price, memory: Memory, facts: Mapping[str, Any], history: Sequence[FinishedRun]) -> Estimate:
    """What a job of a kind without presets takes for a clip with these facts, after these finished jobs."""
    frames, pixels = int(facts["frames"]), int(facts["width"]) * int(facts["height"])
    late = correction("", history, lambda preset, frames, pixels: price.seconds(frames, pixels))
    memory_mb = round(memory.always_mb + memory.megapixel_mb * pixels / 1e6)
    return Estimate(round(price.seconds(frames, pixels) * late, 1), memory_mb, 0, str(processor()))


def correction(preset: str, known: Iterable[FinishedRun], expected_s: Callable[[str, int, int], float | None]) -> float:
    """By how much this home's jobs took longer than expected.

    A weighted geometric mean of their ratios, and of 1 for the prices themselves.

    `expected_s` gives the expected seconds for a preset, frames and pixels; None for an unknown preset.
    """
    total, weights = 0.0, DOUBT
    for age, run in enumerate(reversed(list(known)[-LATEST:])):
        expected = expected_s(run.preset, run.frames, run.pixels)
        if expected and min(run.frames, run.pixels, run.seconds) > 0:
            weight = FADING**age * (1.0 if run.preset == preset else OTHER_PRESET)
            total += weight * math.log(min(max(run.seconds / expected, 1 / STRANGEST), STRANGEST))
            weights += weight
    return math.exp(total / weights)


@cache
def slowness() -> float:
    """How much longer than there this machine takes for the same work; measured once in a process, some 0.1 s."""
    return statistics.median(yardstick() for _ in range(3)) / YARDSTICK_S


def yardstick() -> float:
    """Processor seconds that a little fixed work takes: whole numbers, fractions, and packing bytes."""
    start = time.thread_time()
    whole, part = 0, 1.0
    for step in range(300_000):
        whole = (whole * 31 + step) & 0xFFFF
        part = part * 1.0000001 + 0.5
    zlib.compress(bytes(range(256)) * 1024 + repr((whole, part)).encode(), 6)
    return time.thread_time() - start
