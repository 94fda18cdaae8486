"""One clip on several machines: homes that share a real Postgres and a real bucket, and nothing else."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml

from pipeline.finish.film.files import beside
from pipeline.finish.film.plan import read_plan
from pipeline.finish.kind import PLAN
from pipeline.finish.settings import FinishSettings
from pipeline.finish.story import finish
from pipeline.jobs.job import State
from pipeline.jobs.line import in_hand, windows
from pipeline.jobs.order import make_order
from pipeline.jobs.results import Results
from pipeline.jobs.tables import wanted_windows, workers
from pipeline.kinds import find_kind
from pipeline.library import inputs
from pipeline.stage import RunContext
from tests.buckets import environment
from tests.films import clip as clip_of
from tests.journeys import QUICK, bench, filmed, finished, journey, same
from tests.workers import House, house
from utils.home import cache_folder
from utils.media.intake import probe
from utils.project import PROJECT_ROOT
from utils.store import Store
from utils.walker import Shot

pytestmark = pytest.mark.slow

SLOWLY = """
import sys
if "pipeline.jobs.workers.worker" in sys.orig_argv:
    import os, signal, time
    from pipeline.stage import Work

    told = Work.report
    def report(self, done, total=None, note=""):
        told(self, done, total, note)
        if self.stage.startswith("make with"):
            time.sleep(0.05)
            if self.inputs["plan"].index == 1 and self.settings["generate.look"] == "ink":
                os.kill(os.getpid(), signal.SIGKILL)
        elif self.stage == "film":
            time.sleep(0.01)
    Work.report = report
"""
"""Every Python runs `sitecustomize` when it starts: this one makes workers slow at windows and chunks, and die at the
second window of every clip in ink."""


@dataclass
class Pods:
    """Several homes on one database and one bucket; the first is where jobs are submitted."""

    houses: list[House]

    @property
    def first(self) -> House:
        """The home that has the clips."""
        return self.houses[0]

    def open(self) -> None:
        """Start all workers, the helpers first."""
        for number, each in reversed([*enumerate(self.houses)]):
            each.open(f"pod{number}")
        self.first.until(lambda: len(self.first.living()) == len(self.houses), "signs of all workers")

    def made_by(self, number: int, stage: str = "make with") -> int:
        """How many windows a home has made itself, or results of another stage."""
        stages = Store(cache_folder(self.houses[number].home)).stats().stages
        return sum(each.figures.misses for name, each in stages.items() if name.startswith(stage))

    def makes(self, number: int) -> bool:
        """Whether a home's worker has a window in hand."""
        return f"pod{number}" in in_hand(self.first.ledger.workflows)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filmed(tmp_path_factory.mktemp("film"), Shot(size=(320, 180), frames=90))


@pytest.fixture
def pods(tmp_path: Path, s3_endpoint: str, postgres: Callable[[], str]) -> Iterator[Pods]:
    (tmp_path / "slowly").mkdir()
    (tmp_path / "slowly" / "sitecustomize.py").write_text(SLOWLY)
    env = {
        **environment(s3_endpoint),
        "RESHOOT_SHARED": f"s3://tests/pods/{tmp_path.name}",
        "PYTHONPATH": os.pathsep.join((str(tmp_path / "slowly"), str(PROJECT_ROOT))),
    }
    url = postgres()
    with ExitStack() as opened:
        names = ("first", "second")
        yield Pods([opened.enter_context(_house(tmp_path / name, url, env)) for name in names])


def _house(home: Path, url: str, env: Mapping[str, str]) -> AbstractContextManager[House]:
    return house(home, opened=False, database=url, **env)  # type: ignore[arg-type]


def test_windows_of_a_clip_are_made_by_workers_of_other_homes(pods: Pods, clip: Path, tmp_path: Path) -> None:
    pods.open()
    job = pods.first.submit(clip, **QUICK)
    ended = pods.first.ended(job)
    assert ended.state is State.DONE, ended.problem
    assert ended.worker == "" and ended.attempts == 1
    assert pods.made_by(1) >= 1, "a home that never saw the clip"
    work = {each.worker: each for each in pods.first.ledger.window_work(job)}
    assert work["pod1"].windows == pods.made_by(1) and work["pod1"].seconds > 0
    assert 0 < ended.waited_s < ended.worked_s
    assert same(pods.first.result(job), finished(journey(clip, bench(tmp_path / "cache"))))
    with pods.first.ledger.engine.connect() as connection:
        assert connection.execute(sa.select(wanted_windows)).first() is None


def test_the_window_of_a_machine_that_is_lost_is_made_by_another(pods: Pods, clip: Path, tmp_path: Path) -> None:
    pods.open()
    second = pods.houses[1]
    job = pods.first.submit(clip, generate__look="clay", **QUICK)
    pods.first.until(lambda: pods.makes(1), "window at the second machine")
    supervisor = second.supervisors.pop()
    supervisor.kill()
    supervisor.wait()
    second.kill(next(sign for sign in second.living() if sign.name == "pod1"))
    with pods.first.ledger.engine.begin() as connection:  # most of a minute later
        connection.execute(workers.update().where(workers.c.name == "pod1").values(beat_at=1.0))
    ended = pods.first.ended(job)
    assert (ended.state, ended.attempts) == (State.DONE, 1), ended.problem
    assert same(pods.first.result(job), finished(journey(clip, bench(tmp_path / "cache", generate__look="clay"))))


def test_a_cancelled_job_takes_its_windows_back(pods: Pods, clip: Path) -> None:
    pods.open()
    job = pods.first.submit(clip, generate__look="noir", **QUICK)
    pods.first.until(lambda: pods.makes(1), "window at the second machine")
    pods.first.ledger.cancel(job)
    assert pods.first.ended(job).state is State.CANCELLED
    workflows = pods.first.ledger.workflows
    pods.first.until(lambda: not in_hand(workflows) and not workflows.waiting(windows("restyle")), "end of all windows")
    assert all(sign.pid for sign in pods.first.living()), "no worker had to be ended for it"


def test_a_window_that_kills_workers_ends_its_job(pods: Pods, clip: Path) -> None:
    pods.open()
    job = pods.first.submit(clip, generate__look="ink", **QUICK)
    ended = pods.first.ended(job)
    assert ended.state is State.FAILED
    assert "has ended 3 workers" in ended.problem or "died 3 times in a row" in ended.problem
    after = pods.first.submit(clip, generate__look="cel", **QUICK)
    assert pods.first.ended(after).state is State.DONE


@pytest.mark.parametrize("planned", [True, False])
def test_chunks_of_a_film_are_encoded_by_workers_of_other_homes(pods: Pods, tmp_path: Path, planned: bool) -> None:
    """Also of a film whose plan is drafted by the job: the others are told the plan."""
    pods.open()
    home, film = pods.first.home, clip_of(tmp_path / "film.mp4", 900, Fraction(25))
    plan = {"cut": [{"from_s": 4, "to_s": 5}], "zoom": {"most": 1.08}}
    settings = {"film.plan": yaml.safe_dump(plan)} if planned else {}
    digest = inputs.keep(home, film.path, "clip")
    order = make_order(find_kind("finish"), {"clip": digest}, "film", settings, "")
    ended = pods.first.ended(pods.first.ledger.submit(order).id)
    assert ended.state is State.DONE, ended.problem
    assert not [said for said in pods.first.sentences(ended.id) if "left to this job" in said]
    assert pods.made_by(1, "film") >= 1, "a home that never saw the clip"
    made = read_plan(Results.of(home).place(ended.id) / PLAN)
    context = RunContext(Store(tmp_path / "cache"), FinishSettings.load("", {}).flat())
    alone = finish(film, made, beside(tmp_path), context)
    alone.write(tmp_path / "alone.mp4")
    assert len(alone.chunks) >= 4
    assert same(pods.first.result(ended.id), probe(tmp_path / "alone.mp4"))


def test_a_worker_that_is_drained_makes_the_windows_of_its_own_job(pods: Pods, clip: Path) -> None:
    first = pods.first
    first.open("pod0")
    job = first.submit(clip, generate__look="riso", **QUICK)
    first.until(lambda: pods.makes(0), "window")
    first.ledger.send_away("pod0")
    assert first.supervisors.pop().wait(120) == 0
    assert first.ledger.get(job).state is State.DONE
