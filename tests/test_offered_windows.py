"""Windows that any worker may make: who wants them, which workflow makes them, and what ends them."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
import sqlalchemy as sa

from pipeline.engines.sessions import Sessions
from pipeline.jobs.database import Outage
from pipeline.jobs.durable import Kept
from pipeline.jobs.job import Job
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.line import CHUNK, CHUNKS
from pipeline.jobs.line import windows as queue_of
from pipeline.jobs.locations import database_url
from pipeline.jobs.order import Order
from pipeline.jobs.outage import OutageRetry
from pipeline.jobs.tables import wanted_windows, window_starts
from pipeline.jobs.workers.offered_windows import OfferedWindows, WindowError
from pipeline.jobs.workers.window_maker import KILLED, MADE, MOST_STARTS, UNWANTED, Watch, WindowMaker
from pipeline.jobs.workers.worker_ledger import STALE_S, WorkerLedger
from pipeline.library import shared_files
from tests.engines import CPU
from tests.orders import restyle_order
from utils.errors import Cancelled
from utils.key import Key
from utils.progress import Cancel
from utils.store.shared.opening import open_store
from utils.store.shared.worth import EVERYTHING

pytestmark = pytest.mark.slow

FIRST, SECOND = (Key("make with a test", 1, {"window": index}) for index in (0, 1))


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    (tmp_path / "shared").mkdir()
    monkeypatch.setenv("RESHOOT_SHARED", str(tmp_path / "shared"))
    ledger = Ledger(database_url(tmp_path))
    yield ledger
    ledger.close()


def offered(ledger: Ledger, home: Path, job: Job | None = None) -> OfferedWindows:
    job = job or ledger.submit(restyle_order("0" * 64, "walk.mp4"))
    store = open_store(home, owner=job.id, all=True)
    retry = OutageRetry(ledger.database, threading.Event())
    return OfferedWindows(ledger, job, home, store, Cancel(), retry, queues=[queue_of("restyle")])


def maker_of(ledger: Ledger, home: Path) -> WindowMaker:
    stopping = threading.Event()
    retry = OutageRetry(ledger.database, stopping)
    return WindowMaker(ledger, home, Sessions(CPU), stopping, retry, lambda connection: True)


def windows(ledger: Ledger) -> dict[str, Kept]:
    """The workflows of both windows."""
    return {**ledger.workflows.beginning(FIRST.digest), **ledger.workflows.beginning(SECOND.digest)}


def finish(ledger: Ledger, id: str, output: str = "made") -> None:
    """What DBOS writes when a worker has made a window."""
    with ledger.engine.begin() as connection:
        update = "UPDATE workflow_status SET status = 'SUCCESS' WHERE workflow_uuid = :id"
        connection.execute(sa.text(update), {"id": id})
        insert = "INSERT INTO workflow_output (workflow_uuid, output) VALUES (:id, :output)"
        connection.execute(sa.text(insert), {"id": id, "output": f'"{output}"'})


def test_jobs_that_want_one_window_wait_for_one_workflow(ledger: Ledger, tmp_path: Path) -> None:
    one, other = offered(ledger, tmp_path), offered(ledger, tmp_path)
    one.offer({0: FIRST, 1: SECOND}, {}, needs="restyle")
    other.offer({5: FIRST}, {}, needs="restyle")
    assert set(windows(ledger)) == {f"{FIRST.digest}-1", f"{SECOND.digest}-1"}
    one.close()
    assert set(windows(ledger)) == {f"{FIRST.digest}-1"}, "the other job still wants it"
    other.close()
    assert not windows(ledger) and ledger.workflows.waiting(queue_of("restyle")) == 0


def test_a_result_that_is_gone_is_made_by_the_next_generation(ledger: Ledger, tmp_path: Path) -> None:
    first = offered(ledger, tmp_path)
    first.offer({0: FIRST}, {}, needs="restyle")
    finish(ledger, f"{FIRST.digest}-1")
    first.wait(0)
    first.close()
    assert not ledger.job_events(first.job.id), "all went as it should"
    again = offered(ledger, tmp_path)
    again.offer({0: FIRST}, {}, needs="restyle")
    assert set(windows(ledger)) == {f"{FIRST.digest}-1", f"{FIRST.digest}-2"}


def test_what_is_in_the_cache_is_not_offered(ledger: Ledger, tmp_path: Path) -> None:
    made = offered(ledger, tmp_path)
    made.store.get_or_make(FIRST, lambda folder: (folder / "frames").write_text("made"))
    made.offer({0: FIRST, 1: SECOND}, {}, needs="restyle")
    assert set(windows(ledger)) == {f"{SECOND.digest}-1"}
    made.wait(0)


def test_what_leads_to_windows_is_offered_and_of_the_rest_what_is_worth_it(ledger: Ledger, tmp_path: Path) -> None:
    run = offered(ledger, tmp_path)
    assert run.store.sharing
    tier, flush = run.store.sharing.tier, run.store.sharing.flush

    def cheap(number: int) -> bool:
        """Whether a result that took no time reaches the shared cache."""
        key = Key("a cheap stage", 1, {"number": number})
        run.store.get_or_make(key, lambda folder: (folder / "file").write_text("made"))
        flush(60)
        return tier.find(key, Cancel()) is not None

    assert cheap(1)
    run.offer({0: FIRST, 1: SECOND}, {})
    assert not cheap(2) and run.store.sharing.worth is EVERYTHING, "and everything is still asked for"


def test_a_run_that_waits_hears_that_it_is_cancelled(ledger: Ledger, tmp_path: Path) -> None:
    waiting = offered(ledger, tmp_path)
    waiting.offer({0: FIRST}, {}, needs="restyle")
    waiting.cancel.ask()
    with pytest.raises(Cancelled):
        waiting.wait(0)


def test_a_window_that_nobody_wants_is_not_made(ledger: Ledger, tmp_path: Path) -> None:
    wants = offered(ledger, tmp_path)
    wants.offer({0: FIRST}, {}, needs="restyle")
    wants.close()
    maker = maker_of(ledger, tmp_path)
    assert maker.make(wants.job.order.to_json(), 0, FIRST.digest) == UNWANTED


def test_a_window_that_killed_three_workers_ends_its_job(ledger: Ledger, tmp_path: Path) -> None:
    wants = offered(ledger, tmp_path)
    wants.offer({0: FIRST}, {}, needs="restyle")
    maker = maker_of(ledger, tmp_path)
    assert all(maker._started(FIRST.digest, f"{number}") for number in range(MOST_STARTS)), (
        "none of which came to an end"
    )
    assert maker.make(wants.job.order.to_json(), 0, FIRST.digest) == KILLED
    finish(ledger, f"{FIRST.digest}-1", KILLED)
    with pytest.raises(WindowError, match="Window 1 has ended 3 workers"):
        wants.wait(0)
    wants.offer({0: FIRST}, {}, needs="restyle")
    assert maker._started(FIRST.digest, "anew"), "whoever retries begins anew"


def test_a_beginning_counts_once_however_often_it_is_told(ledger: Ledger, tmp_path: Path) -> None:
    """The answer of the database may be lost after the change was made."""
    maker = maker_of(ledger, tmp_path)
    assert all(maker._started(FIRST.digest, "first") for _ in range(2 * MOST_STARTS))
    assert all(maker._started(FIRST.digest, f"{number}") for number in range(1, MOST_STARTS))
    assert maker._started(FIRST.digest, "one more") > MOST_STARTS


def test_a_job_that_offered_nothing_takes_nothing_back(ledger: Ledger, tmp_path: Path) -> None:
    nothing, wants = offered(ledger, tmp_path), offered(ledger, tmp_path)
    wants.offer({0: FIRST}, {}, needs="restyle")
    waiting = ledger.waiting()
    nothing.close()
    assert ledger.waiting() == waiting == 1 and set(windows(ledger)) == {f"{FIRST.digest}-1"}


def test_who_lost_a_window_makes_nothing_of_it(ledger: Ledger, tmp_path: Path) -> None:
    """It was frozen, and when it wakes up another worker has begun."""
    wants = offered(ledger, tmp_path)
    wants.offer({0: FIRST}, {}, needs="restyle")
    has = [True]
    maker = replace(maker_of(ledger, tmp_path), is_mine=lambda connection: has[0])

    def make(order: Order, index: int, window: str, watch: Watch) -> str:
        has[0] = False
        other = maker_of(ledger, tmp_path / "other")
        other._started(window, "other")
        watch._looked_s -= 2 * STALE_S  # what a process that was frozen finds
        watch.check()
        return MADE

    with patch.object(WindowMaker, "_make", staticmethod(make)):
        assert maker.make(wants.job.order.to_json(), 0, FIRST.digest) == UNWANTED
    with ledger.engine.connect() as connection:
        assert connection.execute(sa.select(window_starts.c.last)).scalar() == "other"


def test_what_was_lost_before_it_was_begun_is_not_counted(ledger: Ledger, tmp_path: Path) -> None:
    """As DBOS keeps it: it was given back, and to another worker."""
    wants = offered(ledger, tmp_path)
    wants.offer({0: FIRST}, {}, needs="restyle")
    [id] = windows(ledger)
    held = "UPDATE workflow_status SET status = 'PENDING', executor_id = :worker"

    def begins() -> int:
        maker = replace(
            maker_of(ledger, tmp_path), is_mine=lambda connection: ledger.workflows.is_held(connection, id, "one")
        )
        return maker._started(FIRST.digest, "start")

    assert begins() == 0, "nobody has it"
    for worker, times in (("other", 0), ("one", 1)):
        with ledger.engine.begin() as connection:
            connection.execute(sa.text(held), {"worker": worker})
        assert begins() == times


def test_a_watched_window_goes_on_during_an_outage(ledger: Ledger, tmp_path: Path) -> None:
    def away() -> bool:
        raise Outage("The database is away.", "Wait.")

    watch = Watch(away)
    watch._looked_s -= 2 * STALE_S
    watch.check()
    assert watch.look()


def test_what_cannot_be_made_elsewhere_is_left_to_the_job(ledger: Ledger, tmp_path: Path) -> None:
    wants = offered(ledger, tmp_path)
    wants.offer({0: FIRST}, {}, needs="restyle")
    maker = maker_of(ledger, tmp_path / "other")
    said = maker.make(wants.job.order.to_json(), 0, FIRST.digest)
    assert "did not come from" in said and "it is not there" in said
    finish(ledger, f"{FIRST.digest}-1", "It has no weights.")
    wants.wait(0)
    assert ledger.job_events(wants.job.id)[-1].sentence == "Window 1 is left to this job: It has no weights."
    with ledger.engine.connect() as connection:
        assert connection.execute(sa.select(wanted_windows.c.job)).scalar() == wants.job.id


def test_two_workers_want_windows_of_an_order_that_is_retried(ledger: Ledger, tmp_path: Path) -> None:
    """A retried job has the same id: what it wanted before is not wanted twice."""
    wants = offered(ledger, tmp_path)
    wants.offer({0: FIRST}, {}, needs="restyle")
    again = offered(ledger, tmp_path, replace(wants.job, attempts=2))
    again.offer({0: FIRST}, {}, needs="restyle")
    again.close()
    assert not windows(ledger)


def test_without_the_place_the_job_makes_its_windows_itself(ledger: Ledger, tmp_path: Path) -> None:
    wants = offered(ledger, tmp_path)
    (tmp_path / "shared").rmdir()
    wants.store.get_or_make(Key("analyse", 1), lambda folder: (folder / "found").write_text("much"))
    wants.offer({0: FIRST}, {}, needs="restyle")
    assert not windows(ledger)
    wants.wait(0)


def test_what_a_job_wanted_that_ended_without_its_worker_is_taken_back(ledger: Ledger, tmp_path: Path) -> None:
    wants = offered(ledger, tmp_path)
    wants.offer({0: FIRST}, {}, needs="restyle")
    ledger.cancel(wants.job.id)
    WorkerLedger(ledger, "one").tend(idle=True)
    assert maker_of(ledger, tmp_path).make(wants.job.order.to_json(), 0, FIRST.digest) == UNWANTED


def test_a_window_that_breaks_elsewhere_is_left_to_the_job(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wants = offered(ledger, tmp_path)
    wants.offer({0: FIRST}, {}, needs="restyle")
    monkeypatch.setattr(shared_files, "fetch", lambda *given: 1 / 0)
    assert maker_of(ledger, tmp_path).make(wants.job.order.to_json(), 0, FIRST.digest) == "division by zero"
    assert maker_of(ledger, tmp_path)._started(FIRST.digest, "anew"), "it came to an end"


def test_nothing_of_whoever_ordered_is_told_to_other_machines(ledger: Ledger, tmp_path: Path) -> None:
    job = ledger.submit(restyle_order("0" * 64, "walk.mp4", owner="a cookie's secret"))
    offered(ledger, tmp_path, job).offer({0: FIRST}, {}, needs="restyle")
    with ledger.engine.connect() as connection:
        inputs = connection.execute(sa.text("SELECT inputs FROM workflow_input")).scalars().all()
    assert len(inputs) == 2 and "secret" not in str(inputs)


def test_windows_that_its_own_worker_takes_none_of_stay_with_the_job(ledger: Ledger, tmp_path: Path) -> None:
    """The weights came after the worker had begun: nobody may ever take what is put into that queue."""
    wants = offered(ledger, tmp_path)
    wants.offer({0: FIRST}, {}, needs="wan-vace-1.3b")
    wants.wait(0)
    (event,) = ledger.job_events(wants.job.id)
    assert "before wan-vace-1.3b was here. Start it again." in event.sentence and not windows(ledger)


def test_chunks_of_films_have_a_queue_of_their_own(ledger: Ledger, tmp_path: Path) -> None:
    wants = offered(ledger, tmp_path)
    wants.offer({0: FIRST}, {"film.plan": "{}"})
    (kept,) = ledger.workflows.of([f"{FIRST.digest}-1"]).values()
    assert (kept.name, kept.queue) == (CHUNK, CHUNKS)
    wants.close()
