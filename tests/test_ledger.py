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

from pipeline.jobs import durable
from pipeline.jobs.job import JobError, RequestedAction, Spot, State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.jobs.order import Order
from pipeline.jobs.tables import jobs, workers
from pipeline.jobs.workers import worker_ledger
from pipeline.jobs.workers.worker_ledger import WorkerLedger
from tests.orders import begin_next, restyle_order
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


def test_what_is_submitted_is_there_for_another_process_with_its_workflow(ledger: Ledger) -> None:
    job = ledger.submit(restyle_order("/clips/a.mp4", "a.mp4", {"generate.look": "ink"}, "fast", "me", "batch"))
    code = (
        "import sys; from pipeline.jobs.ledger import Ledger; ledger = Ledger(sys.argv[1]);"
        "job = ledger.all()[0]; print(job.id, job.state, job.order.settings['generate.look'], ledger.waiting())"
    )
    child = subprocess.run([sys.executable, "-c", code, ledger.url], cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert child.stdout.split() == [job.id, "queued", "ink", "1"], child.stderr
    assert job.order.owner == "me" and len(job.id) >= 16


def test_a_job_that_could_not_be_stored_leaves_no_workflow(ledger: Ledger) -> None:
    with pytest.raises((sa.exc.StatementError, TypeError)):
        ledger.submit(order(what=object()))
    assert ledger.all() == [] and ledger.waiting() == 0


def test_jobs_are_begun_in_line(ledger: Ledger) -> None:
    for name in "abcdefgh":
        ledger.submit(order(name))
    shifts = [WorkerLedger(ledger, name) for name in ("one", "two", "three")]
    begun = [begin_next(shifts[turn % 3]) for turn in range(9)]
    assert [job and (job.order.title, job.worker) for job in begun] == [
        *zip("abcdefgh", ["one", "two", "three"] * 3, strict=False), None,
    ]  # fmt: skip


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
    assert (job := begin_next(shift)) and job.id == second.id
    assert begin_next(shift) is None
    ledger.resume(first.id)
    assert (job := begin_next(shift)) and job.id == first.id


def test_a_running_job_hears_what_is_wished_and_an_idle_one_changes_at_once(ledger: Ledger) -> None:
    running, idle = ledger.submit(order("a")), ledger.submit(order("b"))
    shift = WorkerLedger(ledger, "one")
    assert begin_next(shift)
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
    begin_next(WorkerLedger(ledger, "one"))
    for change in (ledger.retry, ledger.remove, ledger.resume):
        with pytest.raises(JobError, match="A running job cannot be"):
            change(job.id)
    with pytest.raises(JobError, match="A running job cannot be edited"):
        ledger.edit(job.id, order("b"))
    with pytest.raises(JobError, match="There is no job"):
        ledger.get("nobody")


def test_a_retried_job_starts_with_a_clean_sheet(ledger: Ledger) -> None:
    job, shift = ledger.submit(order()), WorkerLedger(ledger, "one")
    begin_next(shift)
    shift.end(job.id, State.FAILED, "It broke.", problem="It broke.", remedy="Mend it.", crashes=2)
    again = ledger.retry(job.id)
    assert (again.state, again.problem, again.crashes, again.finished_at) == (State.QUEUED, "", 0, None)
    assert (taken := begin_next(shift)) and taken.attempts == 2


def test_a_worker_that_lost_a_job_cannot_change_it(ledger: Ledger) -> None:
    job, old, new = ledger.submit(order()), WorkerLedger(ledger, "old"), WorkerLedger(ledger, "new")
    begun = begin_next(old)
    assert begun and begin_next(new) is None
    assert (taken := new.begin(job.id, begun.run)) and taken.worker == "new" and taken.attempts == 2
    assert old.report(job.id, share=0.9) is RequestedAction.CANCEL
    assert not old.end(job.id, State.DONE, "Finished.")
    assert ledger.get(job.id).state is State.RUNNING


def die(ledger: Ledger, job: str, *spots: Spot) -> list[int]:
    """Let a worker die at each of these spots, after which DBOS gives the job back; how often in a row at one spot."""
    shift, counts = WorkerLedger(ledger, "one"), []
    begin_next(shift)
    for spot in spots:
        shift.report(job, stage="generate", **asdict(spot))
        shift.begin(job, ledger.get(job).run)
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
    assert ledger.get(job).state is State.RUNNING


def test_three_deaths_at_about_the_same_frame_end_a_job(ledger: Ledger) -> None:
    """The frame that was told lies behind the one at which a worker died by what was done since."""
    job = ledger.submit(order()).id
    assert die(ledger, job, Spot(4, 300, 60), Spot(4, 100, 20), Spot(4, 118, 5), Spot(4, 95, 40)) == [1, 1, 2, 3]
    assert ledger.get(job).problem == "The worker died 3 times in a row at frame 95 of step 5 (generate)."


def test_a_new_run_begins_at_the_beginning(ledger: Ledger) -> None:
    """A worker that dies before it told anything died at the start, not where the one before it was."""
    job, shift = ledger.submit(order()), WorkerLedger(ledger, "one")
    assert die(ledger, job.id, Spot(4, 100), Spot(4, 100)) == [1, 2]
    assert (taken := ledger.get(job.id)).spot == Spot()
    assert shift.begin(job.id, taken.run)
    assert ledger.get(job.id).crashes == 1 and ledger.get(job.id).died_at == Spot()


def test_a_requested_action_that_a_dead_worker_did_not_read_is_carried_out(ledger: Ledger) -> None:
    cancelled, paused = ledger.submit(order("a")), ledger.submit(order("b"))
    shift = WorkerLedger(ledger, "one")
    runs = [begun.run for begun in (begin_next(shift), begin_next(shift)) if begun]
    ledger.cancel(cancelled.id), ledger.pause(paused.id)
    shift.obey()
    assert [shift.begin(job.id, run) for job, run in zip((cancelled, paused), runs, strict=True)] == [None, None]
    assert ledger.get(cancelled.id).state is State.CANCELLED
    assert ledger.get(paused.id).state is State.PAUSED


def offered(ledger: Ledger) -> list[str]:
    """What workers are offered."""
    query = f"SELECT workflow_uuid FROM {dbos(ledger)}workflow_status WHERE status = 'ENQUEUED'"
    with ledger.engine.connect() as connection:
        return list(connection.execute(sa.text(query)).scalars())


def hold(ledger: Ledger, worker: str) -> None:
    """What DBOS writes when a worker is given all workflows."""
    with ledger.engine.begin() as connection:
        held = f"UPDATE {dbos(ledger)}workflow_status SET status = 'PENDING', executor_id = :worker"
        connection.execute(sa.text(held), {"worker": worker})


def forget_workflows(ledger: Ledger) -> None:
    with ledger.engine.begin() as connection:
        connection.execute(sa.text(f"DELETE FROM {dbos(ledger)}workflow_status"))


def silence(ledger: Ledger, worker: str) -> None:
    """Let the last sign of a worker be an old one."""
    with ledger.engine.begin() as connection:
        connection.execute(workers.update().where(workers.c.name == worker).values(beat_at=1.0))


def test_workers_are_offered_the_first_job_in_line_and_no_other(ledger: Ledger) -> None:
    a, b, c = (ledger.submit(order(name)).id for name in "abc")
    assert offered(ledger) == [f"{a}-1"]
    ledger.move(c, before=a)
    assert offered(ledger) == [f"{c}-1"]
    ledger.pause(c)
    assert offered(ledger) == [f"{a}-2"]
    ledger.cancel(a)
    assert offered(ledger) == [f"{b}-1"]
    ledger.resume(c)
    assert offered(ledger) == [f"{c}-2"]
    ledger.pause(c), ledger.remove(c)
    assert offered(ledger) == [f"{b}-2"]
    ledger.remove(b)
    assert offered(ledger) == []


def test_a_workflow_that_nobody_needs_any_more_does_nothing(ledger: Ledger) -> None:
    first, second = ledger.submit(order("a")).id, ledger.submit(order("b")).id
    shift = WorkerLedger(ledger, "one")
    ledger.move(second, before=first)
    assert shift.begin(first, 1) is None, "it was the first until then"
    assert shift.begin(second, 2) is None and shift.begin("nobody", 1) is None
    assert (begun := shift.begin(second, 1)) and begun.state is State.RUNNING
    shift.end(second, State.DONE, "Finished.")
    assert shift.begin(second, 1) is None
    assert {job.state for job in ledger.all()} == {State.QUEUED, State.DONE}


def test_a_workflow_that_was_lost_is_enqueued_again(ledger: Ledger) -> None:
    first, *_ = (ledger.submit(order(name)) for name in "abc")
    forget_workflows(ledger)
    assert offered(ledger) == []
    WorkerLedger(ledger, "one").tend(idle=True)
    assert offered(ledger) == [f"{first.id}-2"]


def test_a_job_whose_workflow_is_gone_goes_on_when_its_worker_is_silent(ledger: Ledger) -> None:
    job, gone, other = ledger.submit(order()), WorkerLedger(ledger, "gone"), WorkerLedger(ledger, "other")
    gone.beat(1, "")
    begin_next(gone)
    forget_workflows(ledger)
    other.tend(idle=True)
    assert offered(ledger) == [], "it still gives signs"
    silence(ledger, "gone")
    for _ in range(2):
        other.tend(idle=True)
        assert offered(ledger) == [f"{job.id}-2"]


def test_what_a_silent_worker_holds_is_given_back(ledger: Ledger) -> None:
    job, gone, other = ledger.submit(order()), WorkerLedger(ledger, "gone"), WorkerLedger(ledger, "other")
    gone.beat(1, "")
    begun = begin_next(gone)
    hold(ledger, "gone")
    other.tend(idle=True)
    assert offered(ledger) == [], "it still gives signs"
    silence(ledger, "gone")
    other.tend(idle=True)
    assert begun and offered(ledger) == [f"{job.id}-1"]
    assert (taken := other.begin(job.id, begun.run)) and (taken.worker, taken.attempts) == ("other", 2)
    assert "The worker died" in ledger.job_events(job.id)[-1].sentence


def test_who_was_frozen_while_it_read_who_is_silent_gives_nothing_back(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, gone, other = ledger.submit(order()), WorkerLedger(ledger, "gone"), WorkerLedger(ledger, "other")
    assert begin_next(gone)
    hold(ledger, "gone")
    with monkeypatch.context() as patched:
        patched.setattr(worker_ledger, "STALE_S", -1.0)
        other.tend(idle=True)
        assert offered(ledger) == []
    other.tend(idle=True)
    assert offered(ledger) == [f"{job.id}-1"]


def test_a_worker_gives_back_what_it_holds_and_never_heard_of(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    job, one = ledger.submit(order()), WorkerLedger(ledger, "one")
    assert begin_next(one)
    hold(ledger, "one")
    with monkeypatch.context() as patched:
        patched.setitem(durable._running, f"{job.id}-1", 1)
        for _ in range(3):
            one.tend(idle=False)
            assert offered(ledger) == [], "it works on it, and gives its next sign in a moment"
    one.tend(idle=False)
    assert offered(ledger) == [], "it may be about to begin"
    one.tend(idle=False)
    assert offered(ledger) == [f"{job.id}-1"]


def test_a_line_of_an_earlier_version_is_gone_through(ledger: Ledger) -> None:
    jobs_in_line = [ledger.submit(order(name)) for name in "abc"]
    with ledger.engine.begin() as connection:
        connection.execute(jobs.update().values(run=0, is_called=False))
        connection.execute(jobs.update().where(jobs.c.id == jobs_in_line[0].id).values(state="running", worker="one"))
    forget_workflows(ledger)
    shift = WorkerLedger(ledger, "one")
    shift.beat(1, "")
    shift.tend(idle=True)
    assert offered(ledger) == [f"{jobs_in_line[0].id}-1"], "it was cut short, and is first again"


@pytest.mark.parametrize("ahead_s", [600.0, -600.0], ids=["ahead", "behind"])
def test_a_machine_whose_clock_is_wrong_takes_no_job_from_another_and_ends_no_worker(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, ahead_s: float
) -> None:
    job, right, wrong = ledger.submit(order()), WorkerLedger(ledger, "right"), WorkerLedger(ledger, "wrong")
    right.beat(1, job.id)
    assert begin_next(right)
    forget_workflows(ledger)
    with monkeypatch.context() as patched:
        real = time.time
        patched.setattr(time, "time", lambda: real() + ahead_s)
        wrong.tend(idle=True)
        assert ledger.get(job.id).worker == "right", "it gave a sign a moment ago"
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
    begin_next(shift)
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
        "import sys; from pipeline.jobs.ledger import Ledger; from tests.orders import begin_next, restyle_order;"
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
    assert len(found) == 211 == len({job.position for job in found})
    assert offered(ledger) == [f"{found[0].id}-1"] and found[0].is_called
    assert [job.order.title for job in found[:11]] == ["x"] * 10 + ["first"]


def test_a_batch_is_stored_as_a_whole_or_not_at_all(ledger: Ledger) -> None:
    with pytest.raises((sa.exc.StatementError, TypeError)):
        ledger.submit_all([order("a"), order("b", what=object())])
    assert ledger.all() == [] and ledger.waiting() == 0
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
        begin_next(shift)
        shift.end(job.id, State.WAITING, "Full.", needs_bytes=needs, problem="Full.", remedy="Make room.")
    before = ledger.waiting()
    ledger.find_room(10)
    assert {job.state for job in ledger.all()} == {State.WAITING}
    ledger.find_room(500)
    now = ledger.get(small.id)
    assert (now.state, now.needs_bytes, now.problem) == (State.QUEUED, 0, "")
    assert ledger.get(large.id).state is State.WAITING and ledger.waiting() == before + 1
    assert ledger.job_events(small.id)[-1].sentence == "There is room now; it goes on."


def test_finished_workflows_are_deleted(ledger: Ledger) -> None:
    ledger.submit_all([order() for _ in range(300)])
    shift = WorkerLedger(ledger, "one")
    assert all(begin_next(shift) for _ in range(300))
    with ledger.engine.begin() as connection:
        used = f"SELECT workflow_uuid FROM {dbos(ledger)}workflow_status LIMIT 250"
        update = f"UPDATE {dbos(ledger)}workflow_status SET status = 'SUCCESS', completed_at = 1 WHERE workflow_uuid IN"
        connection.execute(sa.text(f"{update} ({used})"))
    ledger.workflows.sweep()
    with ledger.engine.connect() as connection:
        for table in (f"{dbos(ledger)}workflow_status", f"{dbos(ledger)}workflow_input"):
            assert connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar() == 50
    assert ledger.waiting() == 50


def test_every_sqlite_tells_the_time_that_workflows_are_stored_with(ledger: Ledger) -> None:
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
