"""Usage statistics of the cache: hits, misses, times and sizes of each stage, summed over processes in one file."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from utils.atomic_file import write_atomically
from utils.store.lease import briefly

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Figures:
    """Counts of one stage.

    Over all hits, `spared_s` is the time that computing the entries once took, `read_s` the time of reading them; the
    same over all results that came from the shared cache are `shared_spared_s` and `fetched_s`. What was computed
    before anybody asked for it counts as `ahead` alone; its first use counts as a hit and as `ahead_used`.
    """

    hits: int = 0
    misses: int = 0
    computed_s: float = 0.0
    spared_s: float = 0.0
    read_s: float = 0.0
    made_bytes: int = 0
    read_bytes: int = 0
    evicted: int = 0
    quarantined: int = 0
    shared_hits: int = 0
    shared_spared_s: float = 0.0
    fetched_s: float = 0.0
    fetched_bytes: int = 0
    offered: int = 0
    offered_bytes: int = 0
    ahead: int = 0
    ahead_s: float = 0.0
    ahead_bytes: int = 0
    ahead_used: int = 0
    ahead_saved_s: float = 0.0

    def __add__(self, other: "Figures") -> "Figures":
        mine, theirs = asdict(self), asdict(other)
        return Figures(**{name: mine[name] + theirs[name] for name in mine})

    @property
    def found(self) -> int:
        """Requests that nothing was computed for."""
        return self.hits + self.shared_hits

    @property
    def work_s(self) -> float:
        """What computing took, whoever asked for it or nobody."""
        return self.computed_s + self.ahead_s

    @property
    def saved_s(self) -> float:
        """What computing all that was found once took: the measured time of each entry, once for every hit."""
        return self.spared_s + self.shared_spared_s

    @property
    def saved_bytes(self) -> int:
        """Size of all that was found, and so was not computed again."""
        return self.read_bytes + self.fetched_bytes

    @property
    def ahead_rate(self) -> float:
        """Share of what was computed ahead that somebody used; 0 when there is none."""
        return self.ahead_used / max(self.ahead, 1)

    @property
    def hit_rate(self) -> float:
        """Share of requests that nothing was computed for; 0 when there were none."""
        return self.found / max(self.found + self.misses, 1)


class UsageStats:
    """The file of counts. When it cannot be written, the cache works on and logs one warning."""

    def __init__(self, folder: Path) -> None:
        self.path, self._lock = folder / "tally.json", folder / "tally.lock"
        self._warned = False

    def add(self, stage: str, figures: Figures) -> None:
        """Add to a stage's counts."""
        try:
            with briefly(self._lock):
                stages = self.read()
                stages[stage] = stages.get(stage, Figures()) + figures
                counts = {name: asdict(stages[name]) for name in sorted(stages)}
                write_atomically(self.path, json.dumps(counts, indent=1), durable=False)
        except OSError as error:
            log.log(logging.DEBUG if self._warned else logging.WARNING, "The cache works but cannot count: %s", error)
            self._warned = True

    def read(self) -> dict[str, Figures]:
        """The counts by stage; an unreadable file is logged, and counting starts anew."""
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
