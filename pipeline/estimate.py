"""What a run will take on this machine, before it is started: the parts that every kind of job shares.

Prices are processor times that were measured once, on a machine whose speed the yardstick tells. They are scaled by how
long this machine takes for the same little work, and how long it waits for a processor meanwhile, so that other work on
it counts; and finished jobs, each beside what it was scaled by, correct the sum. The web app asks for estimates, so
nothing here loads what computes pictures.
"""

import math
import statistics
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from pipeline.engines.device import processors

PARALLEL_SHARE = 0.7
"""Of the work, what several processors can do at once (assumed): with two, a run takes 0.65 of its processor time."""
YARDSTICK_S = 0.0171
"""What the yardstick took on the machine and in the hour in which the prices were measured."""
FRESH_S = 20.0
"""How long a measured speed of the machine is believed."""
WAITING_POWER = 0.5
"""The power of the yardstick's waiting that a run is scaled by: one moment is busier or calmer than most of a run."""
LATEST, OTHER_PRESET, DOUBT = 12, 0.5, 0.5
"""How many of the latest finished jobs count; the weight of one with another preset, where one with the same preset has
the weight 1; and the weight of the prices themselves in the mean."""
SHORT_S = 10.0
"""A job that was expected to take so long counts half: of a short one, starting the worker is too large a part."""
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
    slowness: float = 0.0
    """That of the machine when it began; 0 if it was not measured."""


@dataclass(frozen=True)
class Estimate:
    """What a run will take: time by the clock, memory at its peak, and the device that it computes on."""

    seconds: float
    memory_mb: float
    vram_mb: float
    device: str

    def __str__(self) -> str:
        seconds = f"{self.seconds:.0f} s" if self.seconds < 90 else f"{self.seconds / 60:.0f} min"
        vram = f" and {self.vram_mb:.0f} MB of the card" if self.vram_mb else ""
        return f"about {seconds}, {self.memory_mb:.0f} MB{vram}, on {self.device}"


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


def correction(preset: str, known: Iterable[FinishedRun], expected_s: Callable[[str, int, int], float | None]) -> float:
    """By how much this home's jobs took longer than expected.

    A weighted geometric mean of their ratios, and of 1 for the prices themselves.

    `expected_s` gives the expected seconds for a preset, frames and pixels; None for an unknown preset.
    """
    total, weights = 0.0, DOUBT
    for run in list(known)[-LATEST:]:
        now_s = expected_s(run.preset, run.frames, run.pixels)
        if now_s and min(run.frames, run.pixels, run.seconds) > 0:
            then_s = now_s * (run.slowness or slowness()) / slowness()
            weight = (1.0 if run.preset == preset else OTHER_PRESET) * now_s / (now_s + SHORT_S)
            total += weight * math.log(min(max(run.seconds / then_s, 1 / STRANGEST), STRANGEST))
            weights += weight
    return math.exp(total / weights)


def slowness() -> float:
    """How much longer than there a run takes on this machine now; measured again after a while, which takes 0.1 s."""
    return _slowness_in(int(time.monotonic() // FRESH_S))


@lru_cache(maxsize=1)
def _slowness_in(period: int) -> float:
    taken = [yardstick() for _ in range(3)]
    work = statistics.median(each.processor_s for each in taken) / YARDSTICK_S
    waiting = statistics.median(each.clock_s / each.processor_s for each in taken)
    return float(work * max(1.0, waiting) ** WAITING_POWER)


class Taken(NamedTuple):
    """What a piece of work took: of a processor, and by the clock."""

    processor_s: float
    clock_s: float


def yardstick() -> Taken:
    """What a little fixed work takes now: whole numbers, fractions, and packing bytes."""
    start, clock_start = time.thread_time(), time.perf_counter()
    whole, part = 0, 1.0
    for step in range(300_000):
        whole = (whole * 31 + step) & 0xFFFF
        part = part * 1.0000001 + 0.5
    zlib.compress(bytes(range(256)) * 1024 + repr((whole, part)).encode(), 6)
    return Taken(time.thread_time() - start, time.perf_counter() - clock_start)
