"""What a run took: what was computed, what the cache had and what that had once taken, memory, graphics card."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipeline.types import Done
from utils.graphics_card import CardUse


@dataclass(frozen=True)
class Spent:
    """Sums over the stages of a run. Each stage that was found counts with the measured time of that very result."""

    computed_s: float = 0.0
    found_s: float = 0.0
    saved_s: float = 0.0
    saved_bytes: int = 0

    @classmethod
    def of(cls, done: Iterable[Done]) -> "Spent":
        """What these stages took."""
        stages = list(done)
        found = [stage for stage in stages if stage.hit]
        return cls(
            sum(stage.seconds for stage in stages if not stage.hit),
            sum(stage.seconds for stage in found),
            sum(stage.made_s for stage in found),
            sum(stage.bytes for stage in found),
        )

    def figures(self) -> dict[str, float]:
        """The numbers that pages and the ledger keep."""
        seconds = {name: round(getattr(self, name), 3) for name in ("computed_s", "found_s", "saved_s")}
        return seconds | {"saved_bytes": self.saved_bytes}

    @property
    def sentence(self) -> str:
        """In a line, for the command line."""
        from rich.filesize import decimal

        found = f", found in {self.found_s:.2f} s what had taken {self.saved_s:.1f} s ({decimal(self.saved_bytes)})"
        return f"computed in {self.computed_s:.1f} s{found if self.saved_bytes else ''}"


def machine_figures(peak_rss_mb: float, card: CardUse | None) -> dict[str, Any]:
    """What a run took of the machine; `card` is None where no graphics card was seen."""
    used = {"name": card.name, "busy": round(card.busy, 3), "peak_mb": round(card.peak_mb)} if card else None
    return {"peak_rss_mb": round(peak_rss_mb, 1), "card": used}


def machine_sentence(figures: dict[str, Any]) -> str:
    """What a run took of the machine, in a line."""
    card = figures["card"]
    used = f"{card['name']} {card['busy']:.0%} busy, {card['peak_mb']:,} MB" if card else "no graphics card"
    return f"{figures['peak_rss_mb']:,.0f} MB of memory; {used}"
