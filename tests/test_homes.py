"""Several homes on one database: each has its own line, and sees its own jobs."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipeline.jobs.board import read_board
from pipeline.jobs.frame_requests import PREVIEW, FrameRequest, FrameRequests
from pipeline.jobs.job import JobError, State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.line import queue
from pipeline.jobs.locations import database_url, home_mark, machine_name, worker_name
from pipeline.jobs.tables import jobs
from pipeline.jobs.workers.worker_ledger import WorkerLedger
from tests.orders import begin_next, restyle_order
from utils.project import PROJECT_ROOT

pytestmark = pytest.mark.slow


@pytest.fixture
def ledgers(tmp_path: Path) -> Iterator[list[Ledger]]:
    made = [Ledger(database_url(tmp_path), home) for home in ("one", "other")]
    yield made
    for each in made:
        each.close()


def test_each_home_has_its_own_line(ledgers: list[Ledger]) -> None:
    ids = [[each.submit(restyle_order("0" * 64, name)).id for name in "ab"] for each in ledgers]
    for ledger, mine in zip(ledgers, ids, strict=True):
        assert [job.id for job in ledger.all()] == mine == [job.id for job in read_board(ledger, 9, 9).jobs]
        assert read_board(ledger, 9, 9).counts == {State.QUEUED: 2}
        assert ledger.waiting() == 1 and ledger.workflows.waiting(queue(ledger.home)) == 1
    one, _ = ledgers
    one.cancel(ids[0][0])
    assert [job.is_called for job in one.all()] == [False, True]


def test_a_home_neither_sees_nor_changes_the_job_of_another(ledgers: list[Ledger]) -> None:
    one, other = ledgers
    job = one.submit(restyle_order("0" * 64, "a")).id
    for change in (other.get, other.cancel, other.pause, other.resume, other.retry, other.remove):
        with pytest.raises(JobError, match="There is no job"):
            change(job)
    with pytest.raises(JobError, match="There is no job"):
        other.edit(job, restyle_order("0" * 64, "b"))
    assert one.get(job).state is State.QUEUED and one.get(job).order.title == "a"


def test_who_looks_after_the_database_sees_the_jobs_of_all_homes(tmp_path: Path, postgres: Callable[[], str]) -> None:
    url, ids = postgres(), {}
    for home in ("one", "other"):
        ledger = Ledger(url, home_mark(tmp_path / home, url))
        ids[ledger.home] = ledger.submit(restyle_order("0" * 64, f"{home}.mp4")).id
        ledger.close()

    def listed(*options: str) -> str:
        command = [sys.executable, "-m", "pipeline", "jobs", "list", *options, "--home", str(tmp_path / "one")]
        told = subprocess.run([*command, "--database", url], cwd=PROJECT_ROOT, capture_output=True, text=True)
        assert told.returncode == 0, told.stderr
        return told.stdout

    assert [job["id"] for job in json.loads(listed("--json"))] == [ids[home_mark(tmp_path / "one", url)]]
    everyone = json.loads(listed("--all-homes", "--json"))
    assert {job["home"]: job["id"] for job in everyone} == ids
    assert {job["home_name"] for job in everyone} == {machine_name()}
    assert all(f"{machine_name()}-{mark}" in listed("--all-homes") for mark in ids)


def test_lines_of_two_homes_do_not_wait_for_each_other(postgres: Callable[[], str]) -> None:
    url = sa.make_url(postgres()).update_query_dict({"options": "-c lock_timeout=3000"}).render_as_string(False)
    one, other, same = Ledger(url, "one"), Ledger(url, "other"), Ledger(url, "one")
    with one.changing():
        assert other.submit(restyle_order("0" * 64, "a")).state is State.QUEUED
        with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
            same.submit(restyle_order("0" * 64, "b"))
    for each in (one, other, same):
        each.close()


def test_a_worker_tends_to_the_jobs_of_its_home(ledgers: list[Ledger]) -> None:
    one, other = ledgers
    job = one.submit(restyle_order("0" * 64, "a")).id
    assert begin_next(WorkerLedger(one, "gone"))
    one.workflows.drop([f"{job}-1"])
    WorkerLedger(other, "another").tend(idle=True)
    assert one.get(job).state is State.RUNNING
    WorkerLedger(one, "next").tend(idle=True)
    assert one.get(job).state is State.QUEUED and one.waiting() == 1


def test_a_worker_without_jobs_leaves_those_of_other_homes_alone(tmp_path: Path, ledgers: list[Ledger]) -> None:
    one, other = ledgers
    job = one.submit(restyle_order("0" * 64, "a"))
    with one.engine.begin() as connection:
        held = "UPDATE workflow_status SET status = 'PENDING', executor_id = 'gone'"
        connection.execute(sa.text(held))
    WorkerLedger(other, "another").tend(idle=True)
    [kept] = one.workflows.beginning(job.id).values()
    assert (kept.status, kept.worker) == ("PENDING", "gone"), "it cannot make it: the clip is not there"
    assert WorkerLedger(other, "another").begin(job.id, 1) is None
    WorkerLedger(one, "next").tend(idle=True)
    assert one.waiting() == 1 and other.waiting() == 0


def test_previews_are_made_where_the_clip_is(tmp_path: Path, ledgers: list[Ledger]) -> None:
    one, other = (FrameRequests(ledger, PREVIEW) for ledger in ledgers)
    one.ask("asked", FrameRequest(restyle_order("0" * 64, "a")))
    assert other.claim("another") is None
    assert (claimed := one.claim("next")) and claimed[0] == "asked"


def test_jobs_of_a_time_without_homes_are_taken_over(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    before = Ledger(url)
    before.submit(restyle_order("0" * 64, "a"))
    with before.engine.begin() as connection:
        connection.execute(jobs.update().values(run=0, is_called=False))
        connection.execute(sa.text("DELETE FROM workflow_status"))
    before.close()
    now = Ledger(url, "one")
    WorkerLedger(now, "next").tend(idle=True)
    assert [job.order.title for job in now.all()] == ["a"] and now.waiting() == 1
    now.close()


def test_workers_of_two_homes_have_two_names_where_they_meet(tmp_path: Path) -> None:
    url = "postgresql://somewhere/jobs"
    names = {worker_name(tmp_path / home, url) for home in ("one", "other", "one")}
    assert len(names) == 2
    assert home_mark(tmp_path / "one", database_url(tmp_path)) == ""
    assert len({worker_name(tmp_path / home, database_url(tmp_path / home)) for home in ("one", "other")}) == 1
