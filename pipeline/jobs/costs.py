"""What a job took of cards, what that cost, and what it would take and cost on more of them.

A worker's card counts as used while it makes a window or runs a job that does not wait for windows. The price of a
card's hour is a setting of the machine that has it, a plain number in whatever currency.
"""

import math
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from pipeline.engines import engine as engine_of
from pipeline.jobs.job import Job, State
from pipeline.jobs.tables import jobs, wanted_windows, window_work
from pipeline.kinds import find_kind
from utils.errors import ReshootError

PRICE = "RESHOOT_CARD_PRICE"
"""The variable with the price of an hour of this machine's card."""
CARDS = (1, 2, 4)
"""On how many cards it is told what a job would take."""
AT_ONCE = "generate.windows"
"""The setting by which engines that continue windows make them at once, all the same."""
MAKING = "make with "
"""How the names of the stages begin that make windows."""


def use_price(price: float | None) -> None:
    """Let an hour of this machine's card cost so much from now on, for the worker as well; None changes nothing."""
    if price is not None:
        os.environ[PRICE] = repr(price)


def card_price() -> float | None:
    """The price of an hour of this machine's card; None where none is given, or what is given is no price."""
    try:
        price = float(os.environ.get(PRICE, ""))
    except ValueError:
        return None
    return price if math.isfinite(price) and price >= 0 else None


@dataclass(frozen=True)
class Use:
    """How long a worker process has run, how much of that it used its card, and what an hour of it costs."""

    alive_s: float = 0.0
    used_s: float = 0.0
    price: float | None = None


@dataclass
class UseClock:
    """Adds up how long a worker uses its card, each time that it is told whether it does."""

    clock: Callable[[], float] = time.monotonic
    used_s: float = 0.0

    def __post_init__(self) -> None:
        self._began_s = self._last_s = self.clock()

    def count(self, *, busy: bool) -> Use:
        """Count the time since the last call."""
        now_s = self.clock()
        self.used_s += now_s - self._last_s if busy else 0.0
        self._last_s = now_s
        return Use(now_s - self._began_s, self.used_s, card_price())


@dataclass(frozen=True)
class WindowWork:
    """The windows of a job that one worker has made: how many, on what, in how many seconds, at what price an hour."""

    worker: str
    device: str
    windows: int
    seconds: float
    price: float | None


@dataclass(frozen=True)
class OnCards:
    """What a job would take on so many cards, all of them rented while it runs; an estimate by its own times."""

    cards: int
    seconds: float
    money: float | None


@dataclass(frozen=True)
class JobCost:
    """The seconds of cards that a job took, and their price if all prices are known; who made its windows."""

    seconds: float
    money: float | None
    windows: Sequence[WindowWork] = ()
    would_take: Sequence[OnCards] = ()
    """Empty while it runs, and where windows cannot be made side by side."""

    def to_json(self) -> dict[str, Any]:
        """Plain values for pages and programs."""
        made = [
            {"worker": each.worker, "windows": each.windows, "seconds": round(each.seconds, 1)} for each in self.windows
        ]
        plans = [{**vars(each), "seconds": round(each.seconds, 1)} for each in self.would_take]
        return {"seconds": round(self.seconds, 1), "money": self.money, "windows": made, "would_take": plans}

    @property
    def sentences(self) -> Iterator[str]:
        """Sentences for people on what the job took, and what it would take on more cards."""
        others = f", parts by {', '.join(_made(each) for each in self.windows)}" if self.windows else ""
        yield f"Card time: {self.seconds:.0f} s{_money(self.money)}{others}"
        if self.would_take:
            plans = "; ".join(
                f"{_cards(each.cards)} {each.seconds:.0f} s{_money(each.money)}" for each in self.would_take
            )
            yield f"Estimated by these times, with as many cards rented for it alone: {plans}"


def cost_of(job: Job, made: Sequence[WindowWork]) -> JobCost | None:
    """What a job took, with the windows that workers made for it; None before anything was done."""
    own_s = max(0.0, job.worked_s - job.waited_s)
    if not own_s and not made:
        return None
    seconds = own_s + sum(each.seconds for each in made)
    parts = [(own_s, job.price), *((each.seconds, each.price) for each in made)]
    money = sum(part_s * (price or 0.0) for part_s, price in parts) / 3600
    known = money if all(price is not None for _, price in parts) else None
    plans = _plans(job, own_s, made, known) if job.state is State.DONE and can_be_spread(job) else ()
    return JobCost(seconds, known, made, plans)


def _plans(job: Job, own_s: float, made: Sequence[WindowWork], money: float | None) -> list[OnCards]:
    """What the job would take on more cards: its windows side by side, and all else on one of them as before."""
    stages = job.result.get("stages") or ()
    own = [each["seconds"] for each in stages if each["name"].startswith(MAKING) and each["cache"] == "miss"]
    count = len(own) + sum(each.windows for each in made)
    if not count:
        return []
    making_s = sum(own) + sum(each.seconds for each in made)
    alone_s, window_s = max(0.0, own_s - sum(own)), making_s / count
    took = [(cards, alone_s + math.ceil(count / cards) * window_s) for cards in CARDS]
    per_s = None if money is None else money / (alone_s + making_s)
    return [OnCards(cards, each_s, None if per_s is None else cards * each_s * per_s) for cards, each_s in took]


def has_parts(job: Job) -> bool:
    """Whether a job has anything that other machines can make: windows, or chunks of a film."""
    kind = find_kind(job.order.kind)
    return kind.part is not None and (not kind.engine or can_be_spread(job))


def can_be_spread(job: Job) -> bool:
    """Whether several machines can make the windows of a job, so that none is continued from the one before."""
    kind, chosen = find_kind(job.order.kind), job.order.chosen
    if kind.part is None or not kind.engine:
        return False
    return chosen.get(AT_ONCE) == "at once" or _is_spread(kind.name, job.order.preset, chosen.get(kind.engine))


@cache
def _is_spread(kind: str, preset: str, engine: str | None) -> bool:
    """Whether the engine of a kind does so, the one of the preset unless one is named."""
    described = find_kind(kind)
    try:
        name = engine or described.settings.load(preset).flat()[described.engine]
        return not engine_of(str(name)).caps.carry
    except ReshootError:  # a preset or engine of another version
        return False


def read_window_work(connection: sa.Connection, of: Collection[str]) -> dict[str, list[WindowWork]]:
    """Who made windows for these jobs."""
    work = window_work.c
    query = sa.select(work.job, work.worker, work.device, sa.func.count(), sa.func.sum(work.seconds), work.price)
    grouped = query.where(work.job.in_(of)).group_by(work.job, work.worker, work.device, work.price)
    found: dict[str, list[WindowWork]] = {}
    for job, *values in connection.execute(grouped.order_by(work.worker)):
        found.setdefault(job, []).append(WindowWork(*values))
    return found


def read_parts(connection: sa.Connection) -> dict[str, list[tuple[str, int, int]]]:
    """How many windows of the jobs that run now each worker has made, as (job, made, all)."""
    running = sa.select(jobs.c.id).where(jobs.c.state == State.RUNNING)
    wanted = sa.select(wanted_windows.c.job, sa.func.count().label("windows")).group_by(wanted_windows.c.job)
    of_all: dict[str, int] = {row.job: row.windows for row in connection.execute(wanted)}
    parts: dict[str, list[tuple[str, int, int]]] = {}
    made = read_window_work(connection, connection.execute(running).scalars().all())
    for job, work in made.items():
        for each in work:
            total = max(of_all.get(job, 0), sum(other.windows for other in work))
            parts.setdefault(each.worker, []).append((job, each.windows, total))
    return parts


def _made(work: WindowWork) -> str:
    return f"{work.worker} ({work.windows}, {work.seconds:.0f} s{f', {work.device}' if work.device else ''})"


def _cards(count: int) -> str:
    return "1 card" if count == 1 else f"{count} cards"


def _money(money: float | None) -> str:
    return "" if money is None else f" for {money:.4g}" if money >= 0.01 else f" for {money:.2g}"
