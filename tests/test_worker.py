"""What jobs promise, with real workers that are killed, frozen, stopped and starved."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipeline.jobs.job import State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.jobs.results import Results
from pipeline.jobs.workers import worker
from pipeline.result.names import CLIP
from tests.disks import BALLAST, small_disk
from tests.journeys import QUICK, bench, filmed, finished, journey, same
from tests.seen import seen
from tests.workers import NAME, House, house
from utils.digest import digest_file
from utils.home import cache_folder
from utils.walker import Shot

pytestmark = pytest.mark.slow

FRAMES = 45


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filmed(tmp_path_factory.mktemp("film"), Shot(size=(320, 180), frames=FRAMES))


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some seconds of work, time enough to ask for something else."""
    return filmed(tmp_path_factory.mktemp("film"), Shot(size=(320, 180), frames=100, seed=3))


@pytest.fixture(scope="module")
def at_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One worker for the tests that leave it in order."""
    with house(tmp_path_factory.mktemp("home")) as made:
        yield made


def test_a_bad_clip_fails_alone_and_results_are_whole(at_home: House, clip: Path, tmp_path: Path) -> None:
    bad = tmp_path / "notes.mp4"
    bad.write_text("not a clip")
    wrong, good = at_home.submit(bad), at_home.submit(clip)
    ended = at_home.ended(good)
    assert ended.state is State.DONE, ended.problem
    assert at_home.ledger.get(wrong).state is State.FAILED
    assert "notes.mp4" in at_home.ledger.get(wrong).problem and at_home.ledger.get(wrong).remedy
    place = Results.of(at_home.home).place(good)
    assert ended.result["digest"] == digest_file(place / CLIP)
    assert ended.result["frames"] == len(at_home.result(good)) == FRAMES
    assert ended.took_s == ended.worked_s >= ended.result["seconds"], "the run, and what is around it"
    told = json.loads((place / "report.json").read_text())
    assert told["frames_in"] == told["frames_out"] == FRAMES


def test_the_same_job_again_comes_from_the_cache_and_shows_the_same(at_home: House, clip: Path) -> None:
    first = at_home.submit(clip, generate__look="clay")
    at_home.ended(first)
    second = at_home.submit(clip, generate__look="clay")
    told = at_home.ended(second).result
    assert told["cached"] >= 8
    assert same(at_home.result(first), at_home.result(second))


def test_cancel_stops_the_job_and_not_the_worker(at_home: House, clip: Path, long_clip: Path) -> None:
    job = at_home.submit(long_clip, generate__look="noir")
    worker = at_home.working(job)
    at_home.ledger.cancel(job)
    assert at_home.ended(job).state is State.CANCELLED
    after = at_home.submit(clip)
    at_home.ended(after)
    assert [sign.pid for sign in at_home.ledger.workers()] == [worker.pid]
    at_home.ledger.retry(job)
    assert at_home.ended(job).state is State.DONE


def test_a_paused_job_lets_others_go_first_and_goes_on(at_home: House, clip: Path, long_clip: Path) -> None:
    job = at_home.submit(long_clip, generate__look="ink", analysis__pose_every=2)
    at_home.working(job)
    at_home.ledger.pause(job)
    paused = at_home.in_state(job, State.PAUSED)
    assert paused.finished_at is None and paused.worked_s > 0
    other = at_home.submit(clip)
    assert at_home.ended(other).state is State.DONE
    at_home.ledger.resume(job)
    ended = at_home.ended(job)
    assert ended.state is State.DONE
    assert ended.worked_s > paused.worked_s + ended.result["seconds"] - 0.1, "both runs count, and not the pause"


def test_a_worker_that_does_not_listen_is_ended_by_force(clip: Path, long_clip: Path, tmp_path: Path) -> None:
    seen(clip, cache_folder(tmp_path))
    with house(tmp_path) as home:
        job = home.submit(long_clip)
        frozen = home.working(job)
        home.freeze(frozen)
        home.ledger.cancel(job)
        assert home.ended(job).state is State.CANCELLED
        assert "which did not listen" in home.sentences(job)[-1]
        after = home.submit(clip)
        assert home.ended(after).state is State.DONE
        assert home.ledger.workers()[0].pid != frozen.pid


def test_what_was_finished_before_a_death_is_not_done_again(clip: Path, tmp_path: Path) -> None:
    with house(tmp_path) as home:
        job = home.submit(clip, **QUICK)
        home.kill(home.working(job, steps=5))
        reached = home.ledger.get(job).steps_done
        assert home.ended(job).state is State.DONE
        told = json.loads((Results.of(tmp_path).place(job) / "report.json").read_text())
        in_line = [stage["cache"] for stage in told["stages"] if stage["name"] != "steady"]
        behind = in_line[: reached - 1]
        assert len(behind) >= 3 and set(behind) == {"hit"}
        assert any("The worker died" in sentence for sentence in home.sentences(job))
        assert same(home.result(job), finished(journey(clip, bench(tmp_path / "cache"))))


def test_a_stop_signal_ends_all_and_loses_nothing(clip: Path, tmp_path: Path) -> None:
    with house(tmp_path) as home:
        began = time.monotonic()
        job = home.submit(clip)
        worker = home.working(job)
        asked = time.monotonic()
        home.close()
        most_s = max(12, 2 * (asked - began))
        assert time.monotonic() - asked < most_s, "ten seconds are promised, more are for a slow machine"
        assert not Path(f"/proc/{worker.pid}").exists()
        left = home.ledger.get(job)
        assert left.state is State.QUEUED and left.crashes == 0
        seen(clip, cache_folder(tmp_path))
        home.open()
        assert home.ended(job).state is State.DONE


def test_a_worker_whose_keeper_was_killed_goes_and_the_next_one_goes_on(clip: Path, tmp_path: Path) -> None:
    with house(tmp_path) as home:
        job = home.submit(clip)
        home.working(job)
        home.supervisors[-1].kill()
        home.supervisors.pop().wait()
        home.open()
        assert home.ended(job).state is State.DONE
        assert home.ledger.get(job).crashes == 0


def test_a_job_whose_worker_never_heard_of_it_is_begun(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the network breaks off between the database's decision and its answer."""
    with house(tmp_path) as home:
        home.awake()
        enqueue = home.ledger.workflows.enqueue

        def unheard(connection: sa.Connection, queue: str, name: str, id: str, *arguments: object) -> None:
            enqueue(connection, queue, name, id, *arguments)
            claim = "UPDATE workflow_status SET status = 'PENDING', executor_id = :worker, owner_xid = 'somebody'"
            connection.execute(sa.text(claim), {"worker": NAME})

        monkeypatch.setattr(home.ledger.workflows, "enqueue", unheard)
        job = home.submit(clip)
        monkeypatch.undo()
        ended = home.ended(job)
        assert (ended.state, ended.attempts) == (State.DONE, 1)


def test_a_full_disk_pauses_the_job_until_there_is_room(clip: Path, tmp_path: Path) -> None:
    size = 96 * 2**20
    with small_disk(tmp_path / "disk", size) as disk, house(disk, opened=False) as home:
        ballast = disk / BALLAST
        ballast.write_bytes(bytes(size - 2 * 2**20))
        job = home.submit(clip)
        home.open()
        waiting = home.in_state(job, State.WAITING)
        assert waiting.needs_bytes > 2**20 and "is full" in waiting.problem and "bytes" in waiting.problem
        ballast.unlink()
        assert home.ended(job).state is State.DONE
        assert home.ledger.get(job).problem == ""


def test_a_sign_of_life_comes_before_the_first_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others take what belongs to a worker that gives none."""
    Ledger(database_url(tmp_path)).close()
    made = worker.Worker(tmp_path, database_url(tmp_path), "new", os.getppid(), 600)
    seen: list[str] = []

    def take(database: object, name: str, work: object) -> None:
        seen.extend(sign.name for sign in made._worker_ledger.ledger.workers())
        made._stopping.set()

    monkeypatch.setattr(worker, "serve", take)
    monkeypatch.setattr(made, "_stop", lambda: None)
    monkeypatch.setattr(signal, "signal", lambda number, what: None)
    made.run()
    assert seen == ["new"]
