"""Attempts: a window that does not fit into memory is made in smaller steps, and each step down is said once.

First fewer frames at once, then parts of the model wait in the machine's memory, then pictures are decoded tile by
tile, then they become smaller.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from pipeline.engines.base import EngineError
from utils.memory import clear_cuda, is_out_of_memory

Offload = Literal["none", "model", "blocks"]
"""Where the parts of a model are: all on the card, each only while it is used, or block by block."""
OFFLOADS: tuple[Offload, ...] = ("none", "model", "blocks")

SMALLEST_SCALE = 0.5
SHRINK = 0.75
Made = TypeVar("Made")


@dataclass(frozen=True)
class Attempt:
    """How much is taken on at once: frames of a call, where the model's parts are, whole pictures or tiles, and their
    scale."""

    frames: int
    offload: Offload = "none"
    offloads: tuple[Offload, ...] = ()
    """What else can be tried, in order; nothing on a processor, where all memory is one."""
    scale: float = 1.0
    tiled: bool = False
    can_tile: bool = False
    """Whether decoding tile by tile can be tried."""
    fewest: int = 17
    """The fewest frames that are worth a call."""
    group: int = 4
    """Calls have a multiple of this many frames, and one."""

    def on_card(self, parts_mb: Sequence[float], room_mb: float, asked: str = "auto") -> "Attempt":
        """This attempt on a card: all parts there if they fit, else the one in use, else blocks of it; or as asked."""
        fits = 0 if sum(parts_mb) <= room_mb else 1 if max(parts_mb) <= room_mb else 2
        chosen = next((number for number, name in enumerate(OFFLOADS) if name == asked), fits)
        return replace(self, offload=OFFLOADS[chosen], offloads=OFFLOADS[chosen + 1 :])

    def smaller(self) -> "tuple[Attempt, str] | None":
        """The next smaller attempt, with a sentence that tells people; None if there is none."""
        if self.frames > self.fewest:
            frames = max(self.fewest, (self.frames // 2 - 1) // self.group * self.group + 1)
            many = f"at most {frames} frames are" if frames > 1 else "one frame is"
            return replace(self, frames=frames), f"The memory was too small: {many} made at once."
        if self.offloads:
            offload, *left = self.offloads
            where = "parts of the model" if offload == "model" else "all blocks of the model"
            return (
                replace(self, offload=offload, offloads=tuple(left)),
                f"The memory was too small: {where} wait outside the graphics card while they are not used.",
            )
        if self.can_tile and not self.tiled:
            return replace(self, tiled=True), "The memory was too small: pictures are decoded tile by tile."
        if self.scale * SHRINK >= SMALLEST_SCALE:
            scale = self.scale * SHRINK
            return (
                replace(self, scale=scale),
                f"The memory was too small: pictures are made at {scale:.0%} of their size and enlarged.",
            )
        return None


@dataclass
class Attempts:
    """The attempt that is known to fit; it stays for later windows of a session, which would fail alike."""

    now: Attempt

    def run(self, task: Callable[[Attempt], Made], fallbacks: list[str]) -> Made:
        """The result of a task, tried with less and less until it fits; what was done instead goes to `fallbacks`."""
        while True:
            try:
                return task(self.now)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                problem = str(error).partition("\n")[0] or type(error).__name__
            clear_cuda()
            smaller = self.now.smaller()
            if smaller is None:
                raise EngineError(
                    f"There is too little memory even for the smallest attempt ({problem}).",
                    "Close other programs on the graphics card, choose a smaller model, or use a larger card.",
                )
            self.now, sentence = smaller
            fallbacks.append(sentence)
