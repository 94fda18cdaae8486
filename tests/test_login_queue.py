"""LoginQueue of those who sign in: one check at a time, one visitor after the other, and few guesses for each."""

import asyncio
import threading
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from ui import login_queue
from ui.login_queue import AT_ONCE, MOST_STRANGERS_WAITING, MOST_VISITORS, MOST_WAITING, LoginQueue, TooManyAttempts


@dataclass
class Checks:
    """What was checked, in its order; none ends before it may."""

    done: list[str] = field(default_factory=list)
    may: threading.Event = field(default_factory=threading.Event)
    at_once: int = 0
    most_at_once: int = 0

    def of(self, name: str, right: bool = False) -> Callable[[], bool]:
        def check() -> bool:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            assert self.may.wait(60)
            self.done.append(name)
            self.at_once -= 1
            return right

        return check


@pytest.fixture
def checks() -> Iterator[Checks]:
    made = Checks()
    yield made
    made.may.set()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_queue, "EVERY_S", 0.001)


async def settled(*tasks: Awaitable[bool]) -> list[bool | None]:
    """What came of them; None for those that were not looked at."""
    told = await asyncio.gather(*tasks, return_exceptions=True)
    for each in told:
        if isinstance(each, BaseException) and not isinstance(each, TooManyAttempts):
            raise each
    return [each if isinstance(each, bool) else None for each in told]


@pytest.mark.usefixtures("quick")
def test_a_flood_costs_another_visitor_one_check_at_most(checks: Checks) -> None:
    async def crowd() -> list[bool | None]:
        line = LoginQueue()
        flood = [asyncio.create_task(line.check("flood", checks.of("flood"))) for _ in range(50)]
        await asyncio.sleep(0.05)
        me = asyncio.create_task(line.check("me", checks.of("me", right=True)))
        await asyncio.sleep(0.05)
        checks.may.set()
        return await settled(me, *flood)

    told = asyncio.run(crowd())
    assert told[0] is True and checks.done[:2] in (["me", "flood"], ["flood", "me"])
    assert told.count(False) == MOST_WAITING and told.count(None) == 50 - MOST_WAITING
    assert checks.most_at_once == 1


@pytest.mark.usefixtures("quick")
def test_visitors_take_turns(checks: Checks) -> None:
    async def crowd() -> None:
        line = LoginQueue()
        tasks = [line.check(name, checks.of(name)) for name in "aaabbbccc"]
        started = [asyncio.create_task(each) for each in tasks]
        await asyncio.sleep(0.05)
        checks.may.set()
        await settled(*started)

    asyncio.run(crowd())
    assert sorted(checks.done) == list("aaabbbccc")
    assert {"".join(sorted(checks.done[at : at + 3])) for at in (0, 3, 6)} == {"abc"}


def test_a_visitor_gets_a_few_guesses_and_then_one_now_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(round(seconds / login_queue.EVERY_S, 2))
        now[0] += seconds

    now = [1000.0]
    monkeypatch.setattr(asyncio, "sleep", rest)
    monkeypatch.setattr(login_queue, "time", SimpleNamespace(monotonic=lambda: now[0]))

    async def guesses() -> None:
        line = LoginQueue()
        for _ in range(AT_ONCE + 3):
            assert await line.check("me", lambda: False) is False
        assert await line.check("me", lambda: True) is True
        assert await line.check("me", lambda: True) is True
        now[0] += AT_ONCE * login_queue.EVERY_S
        for _ in range(AT_ONCE):
            await line.check("me", lambda: False)

    asyncio.run(guesses())
    assert rests == [*([0] * AT_ONCE), 1, 1, 1, 1, 0, *([0] * AT_ONCE)]


def test_full_lines_say_when_to_come_back_and_leave_those_in_that_are_known(checks: Checks) -> None:
    async def crowd() -> list[bool | None]:
        line = LoginQueue()
        each = [f"stranger {number}" for number in range(MOST_STRANGERS_WAITING)]
        strangers = [asyncio.create_task(line.check(name, checks.of(name))) for name in each]
        await asyncio.sleep(0.05)
        with pytest.raises(TooManyAttempts) as refused:
            await line.check("another", checks.of("another"))
        assert refused.value.after_s > 0 and str(refused.value.after_s) in refused.value.remedy
        known = asyncio.create_task(line.check("known", checks.of("known", right=True), stranger=False))
        await asyncio.sleep(0.05)
        checks.may.set()
        return await settled(known, *strangers)

    told = asyncio.run(crowd())
    assert told[0] is True and told.count(False) == MOST_STRANGERS_WAITING


def test_what_is_remembered_of_visitors_has_a_limit() -> None:
    async def crowd() -> tuple[int, int]:
        line = LoginQueue()
        tracemalloc.start()
        for number in range(MOST_VISITORS):
            line._visitor(str(number)).was_wrong()
        full = tracemalloc.get_traced_memory()[0]
        for number in range(MOST_VISITORS, 3 * MOST_VISITORS):
            line._visitor(str(number)).was_wrong()
        more = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert line._visitor(str(3 * MOST_VISITORS - 1)).free_at and not line._visitor("0").free_at
        return full, more

    full, more = asyncio.run(crowd())
    assert more < 1.1 * full < 600 * MOST_VISITORS
