"""Tally: what the cache did for each stage, counted across processes in one small file."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from utils.store.lease import briefly

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Figures:
    """Counts of one stage. `spared_s` and `read_s` are of the same hits: computing them once, and reading them."""

    hits: int = 0
    misses: int = 0
    computed_s: float = 0.0
    spared_s: float = 0.0
    read_s: float = 0.0
    made_bytes: int = 0
    read_bytes: int = 0
    evicted: int = 0
    quarantined: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        mine, theirs = asdict(self), asdict(other)
        return Figures(**{name: mine[name] + theirs[name] for name in mine})

    @property
    def hit_rate(self) -> float:
        """Hits among all that was asked, 0 when nothing was."""
        return self.hits / max(self.hits + self.misses, 1)


class Tally:
    """The file that counts. When it cannot be written, the cache works on and says once that it no longer counts."""

    def __init__(self, folder: Path) -> None:
        self.path, self._lock = folder / "tally.json", folder / "tally.lock"
        self._said = False

    def add(self, stage: str, figures: Figures) -> None:
        """Add to a stage's counts."""
        try:
            with briefly(self._lock):
                stages = self.read()
                stages[stage] = stages.get(stage, Figures()) + figures
                fresh = self.path.with_suffix(".new")
                fresh.write_text(json.dumps({name: asdict(stages[name]) for name in sorted(stages)}, indent=1))
                fresh.replace(self.path)
        except OSError as error:
            log.log(logging.DEBUG if self._said else logging.WARNING, "The cache works but cannot count: %s", error)
            self._said = True

    def read(self) -> dict[str, Figures]:
        """The counts by stage; an unreadable file is said, and counting starts anew."""
        try:
            return _parse(json.loads(self.path.read_bytes()))
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            log.warning("The counts of the cache are unreadable and start anew: %s", error)
            return {}


def _parse(document: Mapping[str, Mapping[str, float]]) -> dict[str, Figures]:
    stages = {name: Figures(**counts) for name, counts in document.items()}  # type: ignore[arg-type]
    for figures in stages.values():
        for field in fields(figures):
            if type(getattr(figures, field.name)) not in (int, float):
                raise ValueError(f"{field.name} is not a number")
    return stages
