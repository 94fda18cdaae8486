"""What making the windows took, beside what was expected of it: time, the card's use and memory, clearing."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.make.window_cost import WindowCost
from utils.graphics_card import CardUse


@dataclass(frozen=True)
class Making:
    """The costs of the windows that were made in a run, and how the card was used meanwhile."""

    windows: tuple[WindowCost, ...] = ()
    card: CardUse | None = None

    @property
    def vram_mb(self) -> float:
        """The most of the card's memory that was taken: by the card's own count, else by that of the model."""
        own = max((call.vram_mb for window in self.windows for call in window.calls), default=0.0)
        return max(own, self.card.peak_mb if self.card else 0.0)

    def card_figures(self) -> dict[str, Any]:
        """How the graphics card was used, for the ledger; nothing where there is none."""
        if self.card is None:
            return {}
        return {"card": {"name": self.card.name, "busy": round(self.card.busy, 3), "peak_mb": round(self.vram_mb)}}

    def to_json(self) -> dict[str, Any] | None:
        """Plain values for the report; None if every window came from the cache."""
        if not self.windows:
            return None
        return {
            "windows": len(self.windows),
            "frames": sum(window.frames for window in self.windows),
            "seconds": round(sum(window.seconds for window in self.windows), 3),
            "vram_mb": round(self.vram_mb),
            "estimate": self._estimate(),
            "card": asdict(self.card) if self.card else None,
            "clearing": self._clearing(),
            "calls": [{**asdict(call), "size": list(call.size)} for window in self.windows for call in window.calls],
        }

    def _estimate(self) -> Mapping[str, Any]:
        """What the engine said of these windows before the run."""
        expected = [window.expected for window in self.windows]
        return {
            "seconds": round(sum(cost.seconds for cost in expected), 3),
            "vram_mb": round(max(cost.vram_mb for cost in expected)),
            "basis": expected[0].basis,
        }

    def _clearing(self) -> Mapping[str, Any]:
        """How often memory was given back, and how long that took."""
        clearings = [window.clearing for window in self.windows]
        return {
            "when": clearings[0].when,
            "times": sum(each.times for each in clearings),
            "seconds": round(sum(each.seconds for each in clearings), 4),
        }
