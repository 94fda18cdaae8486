"""What a job took of cards and cost, who made its windows, and what it would take on more cards."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.engines.sessions import Sessions
from pipeline.jobs.board import read_board
from pipeline.jobs.costs import CARDS, PRICE, Use, UseClock, WindowWork, card_price, cost_of, has_parts, use_price
from pipeline.jobs.job import Job, State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.jobs.outage import OutageRetry
from pipeline.jobs.tables import jobs, wanted_windows
from pipeline.jobs.workers.window_maker import WindowMaker
from pipeline.jobs.workers.worker_ledger import WorkerLedger
from tests.engines import CPU
from tests.orders import restyle_order
from ui.board import BoardView
from ui.studio import Studio


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(database_url(tmp_path))
    yield ledger
    ledger.close()


def stage(name: str, seconds: float, cache: str = "miss") -> dict[str, Any]:
    return {"name": name, "seconds": seconds, "cache": cache}


def done(ledger: Ledger, settings: dict[str, Any] | None = None, **values: Any) -> Job:
    """A finished job with these values."""
    job = ledger.submit(restyle_order("0" * 64, "walk.mp4", settings or {}, "fast"))
    with ledger.engine.begin() as connection:
        change = jobs.update().where(jobs.c.id == job.id)
        connection.execute(change.values(state=State.DONE, is_called=False, finished_at=1.0, **values))
    return ledger.get(job.id)


def record(ledger: Ledger, job: str, worker: str, *windows: str, seconds: float, wanted: int = 0) -> None:
    """Note windows as a worker does that has made them."""
    stopping = threading.Event()
    retry = OutageRetry(ledger.database, stopping)
    maker = WindowMaker(ledger, Path("nowhere"), Sessions(CPU), stopping, retry, lambda connection: True, worker)
    with ledger.engine.begin() as connection:
        for window in (*windows, *(f"{worker} {number}" for number in range(wanted))):
            connection.execute(wanted_windows.insert().values(window=window, job=job))
    for window in windows:
        maker._ended(window, "start", seconds)


def test_a_job_on_one_card_took_what_was_worked_on_it(ledger: Ledger) -> None:
    stages = [stage("analyse", 10.0), *[stage("make with restyle", 20.0)] * 4, stage("compose", 6.0)]
    job = done(ledger, worked_s=100.0, price=1.8, result={"stages": stages})
    cost = cost_of(job, [])
    assert cost and cost.seconds == 100.0 and cost.money == pytest.approx(0.05)
    assert [(each.cards, each.seconds) for each in cost.would_take] == [(1, 100.0), (2, 60.0), (4, 40.0)]
    assert [each.money for each in cost.would_take] == pytest.approx([0.05, 0.06, 0.08])


def test_windows_that_others_made_count_with_their_own_prices(ledger: Ledger) -> None:
    job = done(ledger, worked_s=60.0, waited_s=40.0, price=3.6, result={"stages": [stage("analyse", 20.0)]})
    made = [WindowWork("a", "card", 2, 60.0, 3.6), WindowWork("b", "card", 1, 30.0, 7.2)]
    cost = cost_of(job, made)
    assert cost and cost.seconds == 20.0 + 60.0 + 30.0
    assert cost.money == pytest.approx((20.0 + 60.0) / 1000 + 30.0 * 2 / 1000)
    assert [each.seconds for each in cost.would_take] == [110.0, 80.0, 50.0], "two of three windows after each other"
    assert "parts by a (2, 60 s, card), b (1, 30 s, card)" in " ".join(cost.sentences)


def test_without_a_price_seconds_are_told_and_no_money(ledger: Ledger) -> None:
    job = done(ledger, worked_s=60.0, result={"stages": [stage("make with restyle", 50.0)]})
    for made in ([], [WindowWork("a", "card", 1, 60.0, 2.0)]):
        cost = cost_of(job, made)
        assert cost and cost.money is None and {each.money for each in cost.would_take} == {None}
        assert " for " not in " ".join(cost.sentences).replace("for it alone", "")


def test_what_continues_from_window_to_window_is_not_told_of_more_cards(ledger: Ledger) -> None:
    stages = [stage("make with vace", 50.0)] * 2
    job = done(ledger, {"generate.engine": "vace", "generate.prompt": "ink"}, worked_s=110.0, result={"stages": stages})
    cost = cost_of(job, [])
    assert cost and cost.seconds == 110.0 and not cost.would_take and not has_parts(job)
    at_once = {**job.order.settings, "generate.windows": "at once"}
    cost = cost_of(done(ledger, at_once, worked_s=110.0, result={"stages": stages}), [])
    assert (
        cost
        and len(cost.would_take) == len(CARDS)
        and has_parts(replace(job, order=replace(job.order, settings=at_once)))
    )
    found = done(ledger, worked_s=3.0, result={"stages": [stage("make with restyle", 0.1, "hit")]})
    cost = cost_of(found, [])
    assert cost and not cost.would_take, "nothing was made from which one could tell"
    assert cost_of(replace(found, worked_s=0.0), []) is None


def test_a_window_is_noted_for_one_job_and_forgotten_with_it(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PRICE, "2.5")
    one, other = done(ledger, worked_s=9.0), done(ledger, worked_s=9.0)
    record(ledger, one.id, "pod1", "w1", "w2", seconds=4.0)
    (work,) = ledger.window_work(one.id)
    assert (work.worker, work.windows, work.seconds, work.price) == ("pod1", 2, 8.0, 2.5) and work.device
    record(ledger, other.id, "pod2", "w3", seconds=1.0)
    ledger.retry(one.id)
    assert not ledger.window_work(one.id) and ledger.window_work(other.id), "it begins anew, and so does its cost"
    ledger.remove(other.id)
    assert not ledger.window_work(other.id)


def test_a_window_that_two_jobs_want_is_paid_once(ledger: Ledger) -> None:
    both = [done(ledger, worked_s=9.0) for _ in range(2)]
    with ledger.engine.begin() as connection:
        connection.execute(wanted_windows.insert().values(window="w1", job=both[0].id))
    record(ledger, both[1].id, "pod1", "w1", seconds=4.0)
    assert sum(len(ledger.window_work(job.id)) for job in both) == 1


def test_workers_tell_their_part_of_what_runs(ledger: Ledger) -> None:
    job = ledger.submit(restyle_order("0" * 64, "walk.mp4", {}, "fast"))
    assert WorkerLedger(ledger, "pod1").begin(job.id, 1)
    record(ledger, job.id, "pod1", "w1", "w2", seconds=1.0, wanted=1)
    record(ledger, job.id, "pod2", "w3", seconds=1.0)
    assert ledger.parts() == {"pod1": [(job.id, 2, 4)], "pod2": [(job.id, 1, 4)]}
    WorkerLedger(ledger, "pod1").end(job.id, State.DONE, "Finished.")
    assert ledger.parts() == {}


def test_a_clock_counts_what_is_used_and_what_is_idle() -> None:
    now_s = 100.0
    clock = UseClock(lambda: now_s)
    for step_s, busy in ((2.0, False), (3.0, True), (1.0, True), (4.0, False)):
        now_s += step_s
        use = clock.count(busy=busy)
    assert use == Use(alive_s=10.0, used_s=4.0, price=card_price())


def test_a_heartbeat_carries_it(ledger: Ledger) -> None:
    worker = WorkerLedger(ledger, "pod1")
    for use in (Use(5.0, 1.0, 0.5), Use(9.0, 4.0, 0.7)):
        worker.beat(1, "", "a card", use)
        (sign,) = ledger.workers()
        assert (sign.alive_s, sign.used_s, sign.idle_s, sign.price) == (
            use.alive_s,
            use.used_s,
            use.alive_s - use.used_s,
            use.price,
        )


@pytest.mark.parametrize(
    ("said", "price"), [("1.25", 1.25), ("0", 0.0), ("", None), ("-1", None), ("inf", None), ("x", None)]
)
def test_a_price_is_a_plain_number(said: str, price: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PRICE, said)
    assert card_price() == price
    use_price(None)
    assert card_price() == price
    use_price(3.0)
    assert card_price() == 3.0


def test_the_card_of_a_job_shows_it(ledger: Ledger, tmp_path: Path) -> None:
    job = done(ledger, worked_s=20.0, waited_s=10.0, price=3.6, result={"stages": []})
    record(ledger, job.id, "pod1", "w1", "w2", seconds=30.0)
    view = BoardView(Studio(tmp_path, ledger))
    _, page = view.page("", 10, 10)
    (shown,) = page["jobs"]
    assert shown["cost"] == view.view(job, "")["cost"]
    assert shown["cost"]["seconds"] == 70.0 and shown["cost"]["money"] is None, "the price of pod1 is not known"
    assert shown["cost"]["windows"] == [{"worker": "pod1", "windows": 2, "seconds": 60.0}]
    assert [each["cards"] for each in shown["cost"]["would_take"]] == list(CARDS)
    assert read_board(ledger, 10, 10).windows[job.id] == ledger.window_work(job.id)
