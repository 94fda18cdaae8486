"""Estimates of time and memory for restyling a clip, from its size, its length and the preset.

Prices were measured once on the walker; they are scaled by a benchmark of this machine and corrected by finished jobs.
Light: the web app asks for it, so nothing here loads what computes pictures.
"""

import math
import statistics
import time
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from pipeline.engines import engine as find_engine
from pipeline.engines.base import Engine
from pipeline.engines.device import processor, processors, this_device
from utils.size import Size

PARALLEL_SHARE = 0.7
"""The share of the work that runs in parallel (assumed): on two processors a run takes 0.65 of its processor time."""
YARDSTICK_S = 0.0171
"""Processor time of `yardstick` on the machine on which the prices below were measured, at that hour."""
LATEST, OTHERS, DOUBT = 12, 0.5, 0.5
"""How many finished jobs count; the weight of one with another preset; and the weight of our own prices among them."""
STRANGEST = 8.0
"""The largest factor by which a job counts as slower or faster; more has other causes, as a machine that slept."""


class Finished(NamedTuple):
    """A finished job that took nothing from the cache."""

    preset: str
    frames: int
    pixels: int
    """Pixels of a frame."""
    seconds: float


@dataclass(frozen=True)
class Estimate:
    """Wall-clock time and peak memory of a run."""

    seconds: float
    memory_mb: float
    vram_mb: float
    device: str


@dataclass(frozen=True)
class _Price:
    """Processor time of a run on the machine of the yardstick: to start, per frame, and per million pixels."""

    start_s: float
    frame_s: float
    megapixel_s: float

    def seconds(self, frames: int, pixels: int) -> float:
        return self.start_s + frames * (self.frame_s + self.megapixel_s * pixels / 1e6)


PRICES = {
    "fast": _Price(1.6, 0.0215, 0.1185),
    "balanced": _Price(1.6, 0.027, 0.1845),
    "quality": _Price(1.6, 0.045, 0.1845),
}
MEMORY_MB, MEGAPIXEL_MB = 420.0, 360.0
"""Peak memory of a run: always, and per million pixels of a frame. It does not grow with the clip's length."""


def estimates(facts: Mapping[str, Any], history: Iterable[Finished] = ()) -> dict[str, Estimate]:
    """The estimate of each preset, from a clip's width, height and frames, and from finished jobs, the oldest first."""
    frames, pixels = int(facts["frames"]), int(facts["width"]) * int(facts["height"])
    latest = list(history)[-LATEST:]
    memory_mb = round(MEMORY_MB + MEGAPIXEL_MB * pixels / 1e6)
    return {
        name: Estimate(round(_expected_s(name, frames, pixels) * _correction(name, latest), 1), memory_mb)
        for name in PRICES
    }


def _expected_s(preset: str, frames: int, pixels: int) -> float:
    """Wall-clock time by our own prices alone, without the history."""
    serial = 1 - PARALLEL_SHARE + PARALLEL_SHARE / _processors()
    return PRICES[preset].seconds(frames, pixels) * serial * slowness()


def _correction(preset: str, jobs: Iterable[Finished]) -> float:
    """The factor by which finished jobs took longer than expected: a weighted geometric mean, shrunk towards 1."""
    total, weights = 0.0, DOUBT
    for job in jobs:
        if job.preset in PRICES and min(job.frames, job.pixels, job.seconds) > 0:
            weight = 1.0 if job.preset == preset else OTHERS
            ratio = job.seconds / _expected_s(job.preset, job.frames, job.pixels)
            total += weight * math.log(min(max(ratio, 1 / STRANGEST), STRANGEST))
            weights += weight
    return math.exp(total / weights)


@cache
def slowness() -> float:
    """The factor by which this machine is slower than that of the prices; measured once per process, some 0.1 s."""
    return statistics.median(yardstick() for _ in range(3)) / YARDSTICK_S


def yardstick() -> float:
    """Processor seconds of a small benchmark: integers, floats, and compressing bytes."""
    start = time.thread_time()
    whole, part = 0, 1.0
    for step in range(300_000):
        whole = (whole * 31 + step) & 0xFFFF
        part = part * 1.0000001 + 0.5
    zlib.compress(bytes(range(256)) * 1024 + repr((whole, part)).encode(), 6)
    return time.thread_time() - start


def _processors() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
