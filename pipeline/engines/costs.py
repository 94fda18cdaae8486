"""What calls of models took, per engine, checkpoint and card: measured on this machine, or shipped with Reshoot.

Both are files of one JSON object a line. An estimate is rough arithmetic, corrected by how the arithmetic fared in the
calls that were measured.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from statistics import fmean
from typing import Any

from pipeline.engines.base import Call, Cost
from utils.atomic_file import write_atomically
from utils.home import home
from utils.size import Size

SHIPPED = Path(__file__).with_name("measured_costs.jsonl")
OWN = "measured_costs.jsonl"
LATEST = 12
"""How many of the latest calls an estimate rests on."""
MOST_BYTES, KEPT_LINES = 1 << 20, 2000
"""When the file of this machine has grown so large, its latest lines are kept."""
FACTS = ("model", "frames", "steps", "passes", "seconds", "vram_mb")
ROUGH = "rough"


@dataclass(frozen=True)
class Known:
    """The latest calls of a checkpoint on a card, and where they were measured."""

    calls: tuple[Call, ...] = ()
    here: bool = True

    def corrected(self, rough: Cost, rough_call: Callable[[Call], Cost]) -> Cost:
        """A rough cost, corrected by what `rough_call` says of each measured call; the cost says what it rests on."""
        ratios = [each.seconds / rough_call(each).seconds for each in self.calls]
        if not ratios:
            return replace(rough, basis=ROUGH)
        memory = [each.vram_mb / rough_call(each).vram_mb for each in self.calls if each.vram_mb and rough.vram_mb]
        factor = math.exp(fmean(map(math.log, ratios)))
        where = "on this machine" if self.here else "on such a card"
        times = "once" if len(ratios) == 1 else f"{len(ratios)} times"
        return Cost(
            seconds=rough.seconds * factor,
            ram_mb=rough.ram_mb,
            vram_mb=rough.vram_mb * max(memory, default=1.0),
            basis=f"measured {where} {times}",
        )


def record(engine: str, card: str, calls: Sequence[Call], under: Path | None = None) -> None:
    """Add calls to the file of this machine."""
    if not calls:
        return
    path = (under or home()) / OWN
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(line(engine, card, each) for each in calls))
    if path.stat().st_size > MOST_BYTES:
        write_atomically(path, "".join(path.read_text("utf-8").splitlines(keepends=True)[-KEPT_LINES:]))


def line(engine: str, card: str, call: Call) -> str:
    """A call as a line of such a file."""
    facts = {name: getattr(call, name) for name in FACTS} | {"seconds": round(call.seconds, 3)}
    facts |= {"vram_mb": round(call.vram_mb), "width_px": call.size.width_px, "height_px": call.size.height_px}
    return json.dumps({"engine": engine, "card": card, **facts}) + "\n"


def known(engine: str, model: str, card: str, under: Path | None = None) -> Known:
    """What is known of a checkpoint on a card: from this machine, else from the shipped file."""
    for path, here in (((under or home()) / OWN, True), (SHIPPED, False)):
        if calls := _table(path).get((engine, model, card)):
            return Known(calls[-LATEST:], here)
    return Known()


def _table(path: Path) -> Mapping[tuple[str, str, str], tuple[Call, ...]]:
    """The calls in a file by engine, checkpoint and card; a file that cannot be read holds none."""
    try:
        state = path.stat()
    except OSError:
        return {}
    return _read(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _read(path: Path, changed_ns: int, size: int) -> Mapping[tuple[str, str, str], tuple[Call, ...]]:
    table: dict[tuple[str, str, str], tuple[Call, ...]] = {}
    with suppress(OSError, UnicodeDecodeError):
        for engine, card, call in _calls(path.read_text("utf-8")):
            key = (engine, call.model, card)
            table[key] = (*table.get(key, ()), call)[-LATEST:]
    return table


def _calls(text: str) -> Iterator[tuple[str, str, Call]]:
    """The calls of a text; a line that was cut off or changed by hand is passed over."""
    for each in text.splitlines():
        with suppress(ValueError, KeyError, TypeError):
            facts: dict[str, Any] = json.loads(each)
            size = Size(int(facts["width_px"]), int(facts["height_px"]))
            call = Call(size=size, **{name: facts[name] for name in FACTS})
            if min(call.seconds, call.frames, call.passes, *size) > 0:
                yield str(facts["engine"]), str(facts["card"]), call
