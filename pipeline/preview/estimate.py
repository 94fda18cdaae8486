"""What restyling a clip will take on this machine, before it is started: by its size, its length and the preset.

The engine says what its part takes on this device. All other stages were measured once on the walker and are scaled by
how fast this machine does a little fixed work; finished jobs correct the sum. The web app asks for it, so nothing here
loads what computes pictures.
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
    """What a run will take: time by the clock, memory at its peak, and the device that the engine computes on."""

    seconds: float
    memory_mb: float
    vram_mb: float
    device: str


@dataclass(frozen=True)
class _Price:
    """Processor time of a run without its engine, where the yardstick was measured."""

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
"""Memory at the peak of a run: always, and for each million pixels of a frame, whatever the clip's length."""
PERSON_SHARE = 0.3
"""The share of the picture that an engine usually gets to see: the person and a little around them (assumed)."""


def estimates(
    facts: Mapping[str, Any], history: Iterable[Finished] = (), engine: Engine | None = None
) -> dict[str, Estimate]:
    """The estimate for each preset, with the built-in engine or another one.

    `facts` are a clip's width and height in pixels and its frames; the latest jobs of the history count.
    """
    frames, pixels = int(facts["frames"]), int(facts["width"]) * int(facts["height"])
    known, engine, device = list(history)[-LATEST:], engine or find_engine("restyle"), this_device()
    cost = engine.estimate(_crop(pixels), frames, device)
    memory_mb = round(MEMORY_MB + MEGAPIXEL_MB * pixels / 1e6)
    return {
        name: Estimate(
            seconds=round(_expected_s(name, frames, pixels, engine) * _correction(name, known, engine), 1),
            memory_mb=max(memory_mb, round(cost.ram_mb)),
            vram_mb=round(cost.vram_mb),
            device=str(device) if cost.vram_mb else str(processor()),
        )
        for name in PRICES
    }


def _crop(pixels: int) -> Size:
    """What an engine sees of a picture: of its size only the area matters here."""
    side = max(1, round(math.sqrt(PERSON_SHARE * pixels)))
    return Size(side, side)


def _expected_s(preset: str, frames: int, pixels: int, engine: Engine) -> float:
    """Seconds by the clock: ours as they were measured, and what the engine says of its own part."""
    serial = 1 - PARALLEL_SHARE + PARALLEL_SHARE / processors()
    ours = PRICES[preset].seconds(frames, pixels) * serial * slowness()
    return ours + engine.estimate(_crop(pixels), frames, this_device()).seconds


def _correction(preset: str, known: Iterable[Finished], engine: Engine) -> float:
    """By how much this home's jobs took longer than expected: a mean of ratios, ours among them."""
    total, weights = 0.0, DOUBT
    for each in known:
        if each.preset in PRICES and min(each.frames, each.pixels, each.seconds) > 0:
            weight = 1.0 if each.preset == preset else OTHERS
            ratio = each.seconds / _expected_s(each.preset, each.frames, each.pixels, engine)
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
