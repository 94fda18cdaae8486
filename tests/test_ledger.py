"""The ledger: what can be asked of a job in each state, who takes which, and what a worker's death does to it."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipeline.jobs.job import JobError, RequestedAction, Spot, State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.jobs.order import Order
from pipeline.jobs.tables import jobs, workers
from pipeline.jobs.worker_ledger import WorkerLedger
from tests.orders import restyle_order
from utils.project import PROJECT_ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Ledger]:
    postgres = request.getfixturevalue("postgres")() if request.param == "postgres" else None
    ledger = Ledger(database_url(tmp_path, postgres))
    yield ledger
    ledger.close()


def dbos(ledger: Ledger) -> str:
    """Where DBOS keeps its tables."""
    return "dbos." if ledger.engine.dialect.name == "postgresql" else ""


def order(title: str = "clip.mp4", **settings: object) -> Order:
    return restyle_order(f"/clips/{title}", title, settings)


def titles(ledger: Ledger) -> list[str]:
    return [job.order.title for job in ledger.all()]


def test_what_is_submitted_is_there_for_another_process_with_its_ticket(ledger: Ledger) -> None:
    job = ledger.submit(restyle_order("/clips/a.mp4", "a.mp4", {"generate.look": "ink"}, "fast", "me", "batch"))
    code = (
        "import sys; from pipeline.jobs.ledger import Ledger; ledger = Ledger(sys.argv[1]);"
        "job = ledger.all()[0]; print(job.id, job.state, job.order.settings['generate.look'], ledger.wakeups.waiting())"
    )
    child = subprocess.run([sys.executable, "-c", code, ledger.url], cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert child.stdout.split() == [job.id, "queued", "ink", "1"], child.stderr
    assert job.order.owner == "me" and len(job.id) >= 16


def test_a_job_that_could_not_be_stored_leaves_no_ticket(ledger: Ledger) -> None:
    with pytest.raises((sa.exc.StatementError, TypeError)):
        ledger.submit(order(what=object()))
    assert ledger.all() == [] and ledger.wakeups.waiting() == 0


def test_jobs_are_taken_in_line_and_each_by_one_worker(ledger: Ledger) -> None:
    for name in "abcdefgh":
        ledger.submit(order(name))
    taken: list[str] = []

    def take(shift: WorkerLedger) -> None:
        shift.beat(1, "")
        while job := shift.claim():
            taken.append(job.order.title)

    threads = [threading.Thread(target=take, args=(WorkerLedger(ledger, name),)) for name in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list("abcdefgh")


def test_the_line_can_be_changed(ledger: Ledger) -> None:
    ids = {name: ledger.submit(order(name)).id for name in "abcd"}
    ledger.move(ids["d"], before=ids["b"])
    assert titles(ledger) == list("adbc")
    ledger.move(ids["c"], before=ids["a"])
    assert titles(ledger) == list("cadb")
    ledger.move(ids["c"], before=None)
    assert titles(ledger) == list("adbc")
    assert ledger.edit(ids["a"], order("a", **{"generate.look": "ink"})).order.settings == {"generate.look": "ink"}
    with pytest.raises(JobError, match="There is no job 'nobody'"):
        ledger.move(ids["a"], before="nobody")


def test_paused_jobs_are_passed_over_until_they_are_resumed(ledger: Ledger) -> None:
    first, second = ledger.submit(order("a")), ledger.submit(order("b"))
    ledger.pause(first.id)
    shift = WorkerLedger(ledger, "one")
    shift.beat(1, "")
    assert (job := shift.claim()) and job.id == second.id
    assert shift.claim() is None
    ledger.resume(first.id)
    assert (job := shift.claim()) and job.id == first.id


def test_a_running_job_hears_what_is_wished_and_an_idle_one_changes_at_once(ledger: Ledger) -> None:
    running, idle = ledger.submit(order("a")), ledger.submit(order("b"))
    shift = WorkerLedger(ledger, "one")
    assert shift.claim()
    assert shift.report(running.id, share=0.25, stage="analyse") is RequestedAction.NONE
    assert ledger.cancel(running.id).state is State.RUNNING
    assert shift.report(running.id, share=0.5) is RequestedAction.CANCEL
    shift.end(running.id, State.CANCELLED, "Stopped.")
    assert ledger.cancel(idle.id).state is State.CANCELLED
    assert [entry.sentence for entry in ledger.job_events(running.id)] == ["Somebody asked to cancel it.", "Stopped."]
    assert ledger.get(running.id).share == 0.5


def test_what_cannot_be_done_is_said(ledger: Ledger) -> None:
    job = ledger.submit(order())
    with pytest.raises(JobError, match="A queued job cannot be resumed"):
        ledger.resume(job.id)
    WorkerLedger(ledger, "one").claim()
    for change in (ledger.retry, ledger.remove, ledger.resume):
        with pytest.raises(JobError, match="A running job cannot be"):
            change(job.id)
    with pytest.raises(JobError, match="A running job cannot be edited"):
        ledger.edit(job.id, order("b"))
    with pytest.raises(JobError, match="There is no job"):
        ledger.get("nobody")


def test_a_retried_job_starts_with_a_clean_sheet(ledger: Ledger) -> None:
    job, shift = ledger.submit(order()), WorkerLedger(ledger, "one")
    shift.claim()
    shift.end(job.id, State.FAILED, "It broke.", problem="It broke.", remedy="Mend it.", crashes=2)
    again = ledger.retry(job.id)
    assert (again.state, again.problem, again.crashes, again.finished_at) == (State.QUEUED, "", 0, None)
    assert (taken := shift.claim()) and taken.attempts == 2


def test_a_worker_that_lost_a_job_cannot_change_it(ledger: Ledger) -> None:
    job, old, new = ledger.submit(order()), WorkerLedger(ledger, "old"), WorkerLedger(ledger, "new")
    old.beat(1, "")
    old.claim()
    new.beat(2, "")
    assert new.claim() is None
    with ledger.engine.begin() as connection:
        connection.execute(workers.update().where(workers.c.name == "old").values(beat_at=0.0))
    assert (taken := new.claim()) and taken.id == job.id
    assert old.report(job.id, share=0.9) is RequestedAction.CANCEL
    assert not old.end(job.id, State.DONE, "Finished.")
    assert ledger.get(job.id).state is State.RUNNING


def die(ledger: Ledger, job: str, *spots: Spot) -> list[int]:
    """Let a worker die at each of these spots; how often in a row it died at one, after each death."""
    shift, counts = WorkerLedger(ledger, "one"), []
    for spot in spots:
        assert shift.claim()
        shift.report(job, stage="generate", **asdict(spot))
        shift.recover()
        counts.append(ledger.get(job).crashes)
    return counts


def test_three_deaths_at_one_place_end_a_job_and_progress_forgives(ledger: Ledger) -> None:
    job = ledger.submit(order()).id
    assert die(ledger, job, Spot(), Spot()) == [1, 2]
    assert die(ledger, job, Spot(4), Spot(4), Spot(4)) == [1, 2, 3]
    ended = ledger.get(job)
    assert ended.state is State.FAILED
    assert ended.problem == "The worker died 3 times in a row at step 5 (generate)."
    again = ledger.retry(job)
    assert (again.crashes, again.died_at, again.spot) == (0, None, Spot())


def test_deaths_at_other_frames_of_one_stage_are_forgiven(ledger: Ledger) -> None:
    job = ledger.submit(order()).id
    spots = [Spot(4, frame, 20) for frame in (100, 160, 120, 60, 140, 100, 500)]
    assert die(ledger, job, *spots) == [1] * len(spots), "each is further away than what is done between two tellings"
    assert ledger.get(job).state is State.QUEUED


def test_three_deaths_at_about_the_same_frame_end_a_job(ledger: Ledger) -> None:
    """The frame that was told lies behind the one at which a worker died by what was done since."""
    job = ledger.submit(order()).id
    assert die(ledger, job, Spot(4, 300, 60), Spot(4, 100, 20), Spot(4, 118, 5), Spot(4, 95, 40)) == [1, 1, 2, 3]
    assert ledger.get(job).problem == "The worker died 3 times in a row at frame 95 of step 5 (generate)."


def test_a_new_run_begins_at_the_beginning(ledger: Ledger) -> None:
    """A worker that dies before it told anything died at the start, not where the one before it was."""
    job, shift = ledger.submit(order()), WorkerLedger(ledger, "one")
    assert die(ledger, job.id, Spot(4, 100), Spot(4, 100)) == [1, 2]
    assert (taken := shift.claim()) and taken.spot == Spot()
    shift.recover()
    assert ledger.get(job.id).crashes == 1 and ledger.get(job.id).died_at == Spot()


def test_a_requested_action_that_a_dead_worker_did_not_read_is_carried_out(ledger: Ledger) -> None:
    cancelled, paused = ledger.submit(order("a")), ledger.submit(order("b"))
    shift = WorkerLedger(ledger, "one")
    shift.claim(), shift.claim()
    ledger.cancel(cancelled.id), ledger.pause(paused.id)
    shift.recover()
    assert ledger.get(cancelled.id).state is State.CANCELLED
    assert ledger.get(paused.id).state is State.PAUSED


def test_lost_wakeups_are_issued_again(ledger: Ledger) -> None:
    for name in "abc":
        ledger.submit(order(name))
    with ledger.engine.begin() as connection:
        connection.execute(sa.text(f"DELETE FROM {dbos(ledger)}workflow_status"))
    assert ledger.wakeups.waiting() == 0
    WorkerLedger(ledger, "one").recover()
    assert ledger.wakeups.waiting() == 3


def test_a_job_that_a_lost_worker_left_behind_gets_a_ticket(ledger: Ledger) -> None:
    ledger.submit(order())
    WorkerLedger(ledger, "gone").beat(1, "")
    WorkerLedger(ledger, "gone").claim()
    with ledger.engine.begin() as connection:
        connection.execute(sa.text(f"DELETE FROM {dbos(ledger)}workflow_status"))
    other = WorkerLedger(ledger, "other")
    other.issue_missing()
    assert ledger.wakeups.waiting() == 0, "it still gives signs"
    with ledger.engine.begin() as connection:
        connection.execute(workers.update().values(beat_at=1.0))
    for _ in range(2):
        other.issue_missing()
        assert ledger.wakeups.waiting() == 1


@pytest.mark.parametrize("ahead_s", [600.0, -600.0], ids=["ahead", "behind"])
def test_a_machine_whose_clock_is_wrong_takes_no_job_from_another_and_ends_no_worker(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, ahead_s: float
) -> None:
    job, right, wrong = ledger.submit(order()), WorkerLedger(ledger, "right"), WorkerLedger(ledger, "wrong")
    right.beat(1, job.id)
    assert right.claim()
    with monkeypatch.context() as patched:
        real = time.time
        patched.setattr(time, "time", lambda: real() + ahead_s)
        assert wrong.claim() is None, "its worker gave a sign a moment ago"
        ledger.pause(job.id)
        wrong.beat(2, "")
        assert not right.hangs(1) and not wrong.hangs(2)
        assert [abs(time.time() - sign.beat_at) < 60 for sign in ledger.workers()] == [True, True]
    assert not right.hangs(1) and not wrong.hangs(2)
    assert [abs(time.time() - sign.beat_at) < 60 for sign in ledger.workers()] == [True, True]


def test_a_removed_job_takes_its_diary_along(ledger: Ledger) -> None:
    job = ledger.submit(order())
    ledger.pause(job.id)
    ledger.remove(job.id)
    assert ledger.all() == [] and ledger.job_events(job.id) == []


def test_a_worker_hangs_when_it_does_not_hear_or_gives_no_sign(ledger: Ledger) -> None:
    job, shift = ledger.submit(order()), WorkerLedger(ledger, "one")
    shift.beat(7, job.id)
    shift.claim()
    assert not shift.hangs(7)
    ledger.cancel(job.id)
    assert not shift.hangs(7), "it is given some time"
    with ledger.engine.begin() as connection:
        connection.execute(jobs.update().values(requested_at=1.0))
    assert shift.hangs(7) and not shift.hangs(8), "the next process under that name has not heard of it yet"
    shift.end(job.id, State.CANCELLED, "Stopped.")
    assert not shift.hangs(7)
    with ledger.engine.begin() as connection:
        connection.execute(workers.update().values(beat_at=1.0))
    assert shift.hangs(7)


def test_many_threads_and_another_process_may_write_at_once(ledger: Ledger) -> None:
    code = (
        "import sys; from pipeline.jobs.ledger import Ledger; from tests.orders import restyle_order;"
        "ledger = Ledger(sys.argv[1]); print('ready', flush=True); input();"
        "[ledger.move(ledger.submit(restyle_order('x', 'x')).id, before=sys.argv[2]) for _ in range(10)]"
    )
    first = ledger.submit(order("first")).id
    command = [sys.executable, "-c", code, ledger.url, first]
    child = subprocess.Popen(command, cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin and child.stdout and child.stdout.readline() == "ready\n"
    child.stdin.write("\n")
    child.stdin.close()

    def ask() -> None:
        for _ in range(5):
            ledger.submit_all([order("a"), order("b")])

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert child.wait(60) == 0
    child.stdout.close()
    found = ledger.all()
    assert len(found) == 211 == len({job.position for job in found}) == ledger.wakeups.waiting()
    assert [job.order.title for job in found[:11]] == ["x"] * 10 + ["first"]


def test_a_batch_is_stored_as_a_whole_or_not_at_all(ledger: Ledger) -> None:
    with pytest.raises((sa.exc.StatementError, TypeError)):
        ledger.submit_all([order("a"), order("b", what=object())])
    assert ledger.all() == [] and ledger.wakeups.waiting() == 0
    assert [job.order.title for job in ledger.submit_all([order(name) for name in "cab"])] == list("cab")


def test_two_jobs_may_change_places_for_ever(ledger: Ledger) -> None:
    for name in "abc":
        ledger.submit(order(name))
    for _ in range(70):
        a, b, c = ledger.all()
        ledger.move(a.id, before=c.id)
        assert [job.id for job in ledger.all()] == [b.id, a.id, c.id]


def test_a_retried_job_is_the_last_in_line(ledger: Ledger) -> None:
    first = ledger.submit(order("a"))
    ledger.submit(order("b"))
    ledger.cancel(first.id)
    ledger.retry(first.id)
    assert titles(ledger) == list("ba")


def test_jobs_go_on_when_there_is_room_for_them(ledger: Ledger) -> None:
    small, large = ledger.submit(order("a")), ledger.submit(order("b"))
    shift = WorkerLedger(ledger, "one")
    for job, needs in ((small, 10), (large, 1000)):
        shift.claim()
        shift.end(job.id, State.WAITING, "Full.", needs_bytes=needs, problem="Full.", remedy="Make room.")
    before = ledger.wakeups.waiting()
    ledger.find_room(10)
    assert {job.state for job in ledger.all()} == {State.WAITING}
    ledger.find_room(500)
    now = ledger.get(small.id)
    assert (now.state, now.needs_bytes, now.problem) == (State.QUEUED, 0, "")
    assert ledger.get(large.id).state is State.WAITING and ledger.wakeups.waiting() == before + 1
    assert ledger.job_events(small.id)[-1].sentence == "There is room now; it goes on."


def test_used_up_wakeups_are_deleted(ledger: Ledger) -> None:
    for _ in range(3):
        ledger.submit_all([order() for _ in range(100)])
    with ledger.engine.begin() as connection:
        used = f"SELECT workflow_uuid FROM {dbos(ledger)}workflow_status LIMIT 250"
        update = f"UPDATE {dbos(ledger)}workflow_status SET status = 'SUCCESS', completed_at = 1 WHERE workflow_uuid IN"
        connection.execute(sa.text(f"{update} ({used})"))
    ledger.wakeups.sweep()
    with ledger.engine.connect() as connection:
        for table in (f"{dbos(ledger)}workflow_status", f"{dbos(ledger)}workflow_input"):
            assert connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar() == 50
    assert ledger.wakeups.waiting() == 50


def test_every_sqlite_tells_the_time_that_wakeups_are_stored_with(ledger: Ledger) -> None:
    """DBOS asks for it on Python 3.12, whatever SQLite the system has."""
    if ledger.engine.dialect.name == "sqlite":
        with ledger.engine.connect() as connection:
            told = connection.execute(sa.text("SELECT unixepoch('subsec')")).scalar()
        assert told == pytest.approx(time.time(), abs=60)


def test_the_database_holds_no_pickles(ledger: Ledger) -> None:
    ledger.submit(order())
    with ledger.engine.connect() as connection:
        rows = connection.execute(sa.text(f"SELECT serialization FROM {dbos(ledger)}workflow_status")).all()
    assert rows == [("portable_json",)]
