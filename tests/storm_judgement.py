"""What came of a storm: from the changes that the database kept, and from what the engine wrote down."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from pipeline.jobs.durable import HELD, WAITING
from pipeline.jobs.line import WINDOW as WORKFLOW


@dataclass(frozen=True)
class Hit:
    """An interruption of a machine."""

    machine: str
    kind: str
    began: float
    ended: float

    def meets(self, other: "Hit") -> bool:
        """Whether both were of one machine at one time."""
        return self.machine == other.machine and self.began < other.ended and other.began < self.ended


@dataclass(frozen=True)
class Hold:
    """A window in the hands of a worker, as the database saw it; `lost` when it was given to another meanwhile."""

    window: str
    workflow: str
    machine: str
    began: float
    ended: float = float("inf")
    lost: bool = False

    @property
    def of(self) -> tuple[str, str]:
        """The window, and who has it."""
        return self.window, self.machine


@dataclass(frozen=True)
class Change:
    """A change of a row, and whose connection made it."""

    at: float
    who: str
    what: str
    place: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    transaction: str

    @property
    def is_offer(self) -> bool:
        """Whether a workflow is offered, as a job and who gives back what others have lost may do at any time."""
        return self.place == "workflow_status" and (self.after or {}).get("status") == WAITING

    @property
    def window(self) -> str:
        """The window that it concerns, if any."""
        row = self.after or self.before or {}
        return str(row.get("window") or str(row.get("workflow_uuid", "")).rpartition("-")[0])


@dataclass(frozen=True)
class Judgement:
    """Which windows were made how often, who was interrupted at them, and who wrote about what was no longer theirs."""

    hits: list[Hit]
    changes: list[Change]
    lines: list[dict[str, Any]]
    silent_s: float

    def silences(self) -> list[Hit]:
        """When machines gave no sign for so long that others were given what they had: also for lack of a processor."""
        found, before = [], dict[str, float]()
        for change in self.changes:
            if change.place == "reshoot_workers":
                if change.at - before.get(change.who, change.at) > self.silent_s:
                    found.append(Hit(change.who, "silence", before[change.who], change.at))
                before[change.who] = change.at
        return found

    def holds(self) -> list[Hold]:
        """Who had which window, and until when."""
        under_way: dict[str, Hold] = {}
        over: list[Hold] = []
        for change in self.changes:
            before, after = (row or {} for row in (change.before, change.after))
            if change.place != "workflow_status" or (after or before)["name"] != WORKFLOW:
                continue
            id = str((after or before)["workflow_uuid"])
            if before.get("status") == HELD and after.get("status") != HELD and id in under_way:
                held = under_way.pop(id)
                lost = after.get("status") == WAITING and change.who != held.machine
                over.append(replace(held, ended=change.at, lost=lost))
            if after.get("status") == HELD and before.get("status") != HELD:
                under_way[id] = Hold(change.window, id, str(after["executor_id"]), change.at)
        return [*over, *under_way.values()]

    def made(self) -> Counter[str]:
        """How often each window was begun to be computed."""
        return Counter(line["window"] for line in self.lines if line["what"] == "made")

    def hit(self) -> Counter[str]:
        """How often each window was in the hands of somebody who was interrupted, or was silent of itself."""
        found: Counter[str] = Counter()
        hits = [*self.hits, *(each for each in self.silences() if not any(map(each.meets, self.hits)))]
        for hold in self.holds():
            mine = (hit for hit in hits if hit.machine == hold.machine)
            found[hold.window[:16]] += sum(hit.began < hold.ended and hit.ended > hold.began for hit in mine)
        return found

    def made_too_often(self) -> dict[str, tuple[int, int]]:
        """The windows that were computed more than once and once for each interruption: how often, and those."""
        hit = self.hit()
        return {window: (times, hit[window]) for window, times in self.made().items() if times > 1 + hit[window]}

    def written_late(self) -> list[str]:
        """What a machine wrote about a window that had been given to another: rows, and results that it offered."""
        told, offers = [], {change.transaction for change in self.changes if change.is_offer}
        holds = self.holds()
        for lost in (hold for hold in holds if hold.lost):
            again = [each.began for each in holds if each.of == lost.of and each.began > lost.ended]
            until = min(again, default=float("inf"))
            told += [
                f"{change.at:.2f} {change.who}: {change.what} {change.place} of {change.window[:16]}"
                for change in self.changes
                if (change.window, change.who) == lost.of and lost.ended < change.at < until
                and change.transaction not in offers
            ]  # fmt: skip
            told += [
                f"{line['at']:.2f} {line['worker']}: offered {line['window']}"
                for line in self.lines
                if line["what"] == "offered" and (line["window"], line["worker"]) == (lost.window[:16], lost.machine)
                and lost.ended < line["at"] < until
            ]  # fmt: skip
        return told
