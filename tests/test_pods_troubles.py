"""One clip on several machines, while what they share goes away, and machines that are not what they should be."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.jobs.job import State
from pipeline.jobs.line import WINDOW
from tests.buckets import Proxy, environment
from tests.journeys import QUICK, bench, filmed, finished, journey, same
from tests.postgres import postgres_is_away
from tests.test_pods import SLOWLY, Pods
from tests.workers import house
from utils.project import PROJECT_ROOT
from utils.walker import Shot

pytestmark = pytest.mark.slow

AWAY_S = 4.0
AHEAD_S = 300
FAKETIME = [*Path("/usr/lib").glob("*/faketime/libfaketime.so.1")]
SLEEPING = """
import os
if "FAKETIME" in os.environ:
    import select, time
    time.sleep = lambda seconds: select.select([], [], [], seconds) and None
"""
"""Where it leaves the monotonic clock alone, libfaketime breaks the call of the system that `time.sleep` uses."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filmed(tmp_path_factory.mktemp("film"), Shot(size=(160, 90), frames=90))


@contextmanager
def two(folder: Path, url: str, endpoint: str, second: Mapping[str, str] | None = None) -> Iterator[Pods]:
    """Two homes, slow at windows; the second one's environment may be another."""
    (folder / "slowly").mkdir()
    (folder / "slowly" / "sitecustomize.py").write_text(SLEEPING + SLOWLY)
    env = {
        **environment(endpoint),
        "RESHOOT_SHARED": f"s3://tests/troubles/{folder.name}",
        "PYTHONPATH": os.pathsep.join((str(folder / "slowly"), str(PROJECT_ROOT))),
    }
    with ExitStack() as opened:
        homes = (("first", env), ("second", {**env, **(second or {})}))
        yield Pods(
            [opened.enter_context(house(folder / name, opened=False, database=url, **more)) for name, more in homes]  # type: ignore[arg-type]
        )


def check(pods: Pods, job: str, clip: Path, cache: Path, **settings: Any) -> None:
    """It is done, at the first attempt, with the pixels of one machine."""
    ended = pods.first.ended(job)
    assert (ended.state, ended.attempts) == (State.DONE, 1), ended.problem
    assert same(pods.first.result(job), finished(journey(clip, bench(cache, **settings))))


def logs(pods: Pods) -> list[str]:
    """What each worker wrote, without what a sentence stands for."""
    return [(each.home / "jobs" / f"pod{number}.log").read_text() for number, each in enumerate(pods.houses)]


def test_a_database_that_is_restarted_in_the_middle_loses_nothing(
    clip: Path, tmp_path: Path, s3_endpoint: str, postgres_server: Any, postgres: Any
) -> None:
    with two(tmp_path, postgres(), s3_endpoint) as pods:
        pods.open()
        job = pods.first.submit(clip, **QUICK)
        pods.first.until(lambda: pods.makes(1), "window at the second machine")
        postgres_is_away(postgres_server, AWAY_S)
        check(pods, job, clip, tmp_path / "cache")
        for log in logs(pods):
            assert "The database of the jobs does not answer. Nothing is lost; try again when it runs." in log
            assert "The database of the jobs can be used again." in log and "Traceback" not in log
            assert log.count("wait for the database") <= 2, "once for previews and once for frames to paint"


def test_a_bucket_that_is_away_for_some_seconds_loses_nothing(
    clip: Path, tmp_path: Path, s3_endpoint: str, postgres: Any
) -> None:
    proxy = Proxy(s3_endpoint)
    with proxy.serving() as endpoint, two(tmp_path, postgres(), endpoint) as pods:
        pods.open()
        job = pods.first.submit(clip, generate__look="clay", **QUICK)
        pods.first.until(lambda: pods.makes(1), "window at the second machine")
        proxy.fault = lambda method, path: "503"
        asked = len(proxy.asked)
        pods.first.until(lambda: len(proxy.asked) > asked + 3, "requests meanwhile")
        time.sleep(AWAY_S)
        proxy.fault = lambda method, path: ""
        check(pods, job, clip, tmp_path / "cache", generate__look="clay")
        told = "\n".join([*pods.first.sentences(job), *logs(pods)])
        assert "answered with an error (HTTP 503)" in told, told
        assert "Traceback" not in told


@pytest.mark.skipif(not FAKETIME, reason="no libfaketime here (sudo apt-get install -y faketime brings it)")
def test_a_machine_whose_clock_is_ahead_changes_nothing(
    clip: Path, tmp_path: Path, s3_endpoint: str, postgres: Any
) -> None:
    ahead = {"LD_PRELOAD": str(FAKETIME[0]), "FAKETIME": f"+{AHEAD_S}", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    with two(tmp_path, postgres(), s3_endpoint, ahead) as pods:
        pods.open()
        job = pods.first.submit(clip, generate__look="noir", **QUICK)
        pods.first.until(lambda: pods.makes(1), "window at the second machine")
        check(pods, job, clip, tmp_path / "cache", generate__look="noir")
        assert pods.made_by(1) >= 1
        others = pods.houses[1].submit(clip, generate__look="noir", **QUICK)
        assert pods.houses[1].ended(others).state is State.DONE
        assert not [sentence for sentence in pods.first.sentences(job) if "died" in sentence]
        times = [sign.beat_at for sign in pods.first.living()]
        assert max(times) - min(times) < AHEAD_S / 2, "signs are dated by the database"


def test_two_machines_of_one_host_name_are_two(clip: Path, tmp_path: Path, s3_endpoint: str, postgres: Any) -> None:
    with two(tmp_path, postgres(), s3_endpoint) as pods:
        for each in pods.houses:
            each.open("")
        names = {
            sign.name
            for sign in pods.first.until(lambda: len(pods.first.living()) == 2 and pods.first.living(), "both")
        }
        job = pods.first.submit(clip, generate__look="cel", **QUICK)
        workflows, held = pods.first.ledger.workflows, set[str]()

        def both() -> bool:
            held.update(kept.worker for kept in workflows.held(WINDOW).values())
            return held == names

        pods.first.until(both, "windows at both")
        check(pods, job, clip, tmp_path / "cache", generate__look="cel")
