"""When free memory goes back to the card while an engine works: after each frame, after each window, or never.

clearing = Clearing.of(settings, engine.caps)
frames = clearing.after(output.frames)      # the same frames; the memory is given back as they pass by
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pipeline.engines.base import Caps
from utils.memory import clear_cuda

Made = TypeVar("Made")
CLEAR = "memory.clear"


@dataclass
class Clearing:
    """Gives memory back as the settings ask, and counts how often a card got it and how long that took."""

    when: Literal["frame", "window", "never"]
    times: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, settings: Mapping[str, Any], caps: Caps) -> "Clearing":
        """As asked for; by itself after what the engine makes at once, a frame or a window."""
        usual: Literal["frame", "window"] = "frame" if caps.kind == "frame" else "window"
        return cls(usual if settings[CLEAR] == "auto" else settings[CLEAR])

    def after(self, frames: Iterable[Made]) -> Iterator[Made]:
        """The frames of a window, with memory given back between them or at the end, also at an early one."""
        try:
            for frame in frames:
                yield frame
                if self.when == "frame":
                    self.clear()
        finally:
            if self.when == "window":
                self.clear()

    def clear(self) -> None:
        """Give back what is free, unless that is never wanted."""
        if self.when == "never":
            return
        started = time.perf_counter()
        if clear_cuda():
            self.times += 1
            self.seconds += time.perf_counter() - started
