"""Where a foreground lies: a stage of its own, for it is the same whichever frames are held."""

import json
from dataclasses import asdict, dataclass

from pipeline.align.reduced import MATCHING, TOOLS, given, matching_of, pair_of
from pipeline.stage import Stage, Work
from utils.align.placed import Placed, place
from utils.store import Entry

PLACE_FILE = "place.json"


@dataclass(frozen=True)
class CachedPlace:
    """Where the foreground lies, read from the cache."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @property
    def placed(self) -> Placed:
        return Placed.from_json(json.loads(self.entry.read_bytes(PLACE_FILE)))


def _place(work: Work) -> None:
    pair, known = pair_of(work), given(work.settings)
    placed = Placed.given(pair, known) if known else place(pair, matching_of(work.settings), work.cancel.check)
    (work.folder / PLACE_FILE).write_text(json.dumps(asdict(placed)))


PLACE = Stage("place", version=6, run=_place, settings=MATCHING, tools=TOOLS)
