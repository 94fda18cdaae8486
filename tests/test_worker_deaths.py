"""Deaths of a worker within one stage: at other frames they are forgiven, three at the same frame end the job."""

import os
import subprocess
from pathlib import Path

import pytest

from pipeline.jobs.job import State
from pipeline.jobs.workers.worker_ledger import MOST_CRASHES
from tests.forms import FFMPEG
from tests.journeys import filmed
from tests.seen import seen
from tests.workers import House, house
from utils.home import cache_folder
from utils.project import PROJECT_ROOT
from utils.walker import Shot

pytestmark = pytest.mark.slow

FRAMES, ROUNDS = 36, 4
SLOWLY = """
import sys
if "pipeline.jobs.workers.worker" in sys.orig_argv:
    import os, signal, time
    from pipeline.stage import Work

    told = Work.report
    def report(self, done, total=None, note=""):
        told(self, done, total, note)
        if self.stage == "analyse" and done:
            time.sleep(0.06)
            if done == 20 and total == {frames}:
                os.kill(os.getpid(), signal.SIGKILL)
        making = self.stage.startswith("make")
        if making and self.inputs["plan"].index == 1 and self.settings["generate.look"] == "ink":
            os.kill(os.getpid(), signal.SIGKILL)
    Work.report = report
"""
"""Every Python runs `sitecustomize` when it starts: this one makes workers analyse at 16 frames a second at most, of
which few lie between two reports to the ledger, and die at the 20th frame of a clip of so many frames, and at the
second window of every clip in ink."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filmed(tmp_path_factory.mktemp("film"), Shot(size=(320, 180), frames=FRAMES))


@pytest.fixture(scope="module")
def long_clip(clip: Path) -> Path:
    """Frames enough for deaths at several of them."""
    return repeated(clip, ROUNDS)


@pytest.fixture(scope="module")
def other_clip(clip: Path) -> Path:
    """One that is not killed for its length."""
    return repeated(clip, 2)


def repeated(clip: Path, rounds: int) -> Path:
    """One walker over and over."""
    path = clip.with_name(f"{rounds}.mp4")
    command = [FFMPEG, "-v", "error", "-stream_loop", str(rounds - 1), "-i", str(clip), "-c", "copy", str(path)]
    subprocess.run(command, check=True)
    return path


@pytest.fixture
def slowly(tmp_path: Path) -> str:
    """A PYTHONPATH with which workers are slow and mortal."""
    folder = tmp_path / "slowly"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SLOWLY.format(frames=FRAMES))
    return os.pathsep.join((str(folder), str(PROJECT_ROOT)))


def test_a_worker_that_is_killed_at_other_frames_of_one_stage_finishes_the_job(
    long_clip: Path, tmp_path: Path, slowly: str
) -> None:
    with house(tmp_path / "home", PYTHONPATH=slowly) as home:
        job = home.submit(long_clip)
        for death in range(1, MOST_CRASHES + 1):
            kill_elsewhere(home, job)
            home.until(lambda: said(home, job) == death, "recovery")  # noqa: B023
        assert home.ended(job).state is State.DONE, home.ledger.get(job).problem
        assert said(home, job) == MOST_CRASHES, "so many at one frame would have ended it"
        assert len(home.result(job)) == ROUNDS * FRAMES


def test_a_clip_that_kills_at_the_same_frame_three_times_fails(
    clip: Path, other_clip: Path, tmp_path: Path, slowly: str
) -> None:
    seen(other_clip, cache_folder(tmp_path / "home"))
    with house(tmp_path / "home", PYTHONPATH=slowly) as home:
        job, other = home.submit(clip), home.submit(other_clip)
        ended = home.ended(job)
        assert ended.state is State.FAILED and ended.attempts == 3
        assert "died 3 times in a row at" in ended.problem and "(analyse)" in ended.problem
        assert home.ended(other).state is State.DONE


def test_a_window_that_kills_three_times_fails_and_what_was_finished_is_kept(
    other_clip: Path, tmp_path: Path, slowly: str
) -> None:
    seen(other_clip, cache_folder(tmp_path / "home"))
    with house(tmp_path / "home", PYTHONPATH=slowly) as home:
        job = home.submit(other_clip, generate__look="ink")
        ended = home.ended(job)
        assert ended.state is State.FAILED and ended.attempts == 3
        assert "died 3 times in a row at step" in ended.problem


def kill_elsewhere(home: House, job: str) -> None:
    """Kill the worker once it told that it analyses frames which are not near those where one died before.

    Until it tells anything, the ledger says where the one before it was.
    """
    sign = home.working(job, "analyse")

    def is_elsewhere() -> bool:
        now = home.ledger.get(job)
        assert not now.state.ended, "there are frames enough for all deaths"
        return now.stage == "analyse" and now.frame > 0 and not (now.died_at and now.died_at.near(now.spot))

    home.until(is_elsewhere, "other frame")
    home.kill(sign)


def said(home: House, job: str) -> int:
    """How often a worker is said to have died."""
    return sum("The worker died" in sentence for sentence in home.sentences(job))
