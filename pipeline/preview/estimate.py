"""What restyling a clip will take on this machine, before it is started: by its size, its length and the preset.

Measured once on the walker, scaled by how fast this machine does a little fixed work, corrected by finished jobs.
Light: the web app asks for it, so nothing here loads what computes pictures.
"""

import math
import os
import statistics
import time
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

PARALLEL_SHARE = 0.7
"""Of the work, what several processors can do at once (assumed): with two, a run takes 0.65 of its processor time."""
YARDSTICK_S = 0.0171
"""What the yardstick took on the machine and in the hour in which the prices below were measured."""
LATEST, OTHERS, DOUBT = 12, 0.5, 0.5
"""How many finished jobs count; what one with another preset counts; and how many would have to speak for our own
numbers to be half believed."""
STRANGEST = 8.0
"""By so much a job may differ at most; more was something else, a machine that slept."""


class Finished(NamedTuple):
    """A job that was done with nothing taken from the cache."""

    preset: str
    frames: int
    pixels: int
    """Of a frame."""
    seconds: float


@dataclass(frozen=True)
class Estimate:
    """What a run will take: time by the clock, memory at its peak."""

    seconds: float
    memory_mb: float


@dataclass(frozen=True)
class _Price:
    """Processor time of a run where the yardstick was measured: to start, for each frame, for each million pixels."""

    start_s: float
    frame_s: float
    megapixel_s: float

    def seconds(self, frames: int, pixels: int) -> float:
        return self.start_s + frames * (self.frame_s + self.megapixel_s * pixels / 1e6)


PRICES = {
    "fast": _Price(4.7, 0.0215, 0.137),
    "balanced": _Price(4.7, 0.027, 0.203),
    "quality": _Price(4.7, 0.045, 0.203),
}
MEMORY_MB, MEGAPIXEL_MB = 420.0, 360.0
"""At the peak of a run: always, and for each million pixels of a frame. It does not grow with the clip's length."""


def estimates(facts: Mapping[str, Any], history: Iterable[Finished] = ()) -> dict[str, Estimate]:
    """For each preset; `facts` are a clip's width and height in pixels and its frames. Later history counts more."""
    frames, pixels = int(facts["frames"]), int(facts["width"]) * int(facts["height"])
    known = list(history)[-LATEST:]
    memory_mb = round(MEMORY_MB + MEGAPIXEL_MB * pixels / 1e6)
    return {
        name: Estimate(round(_expected_s(name, frames, pixels) * _correction(name, known), 1), memory_mb)
        for name in PRICES
    }


def _expected_s(preset: str, frames: int, pixels: int) -> float:
    """By the clock, by our own measurements alone."""
    serial = 1 - PARALLEL_SHARE + PARALLEL_SHARE / _processors()
    return PRICES[preset].seconds(frames, pixels) * serial * slowness()


def _correction(preset: str, known: Iterable[Finished]) -> float:
    """By how much this home's jobs took longer than expected: a mean of ratios, ours among them."""
    total, weights = 0.0, DOUBT
    for each in known:
        if each.preset in PRICES and min(each.frames, each.pixels, each.seconds) > 0:
            weight = 1.0 if each.preset == preset else OTHERS
            ratio = each.seconds / _expected_s(each.preset, each.frames, each.pixels)
            total += weight * math.log(min(max(ratio, 1 / STRANGEST), STRANGEST))
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


def _processors() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
