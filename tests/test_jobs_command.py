"""python -m pipeline jobs, as its user types it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from utils.project import PROJECT_ROOT

pytestmark = pytest.mark.slow

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pipeline", "jobs", *words, "--home", str(tmp_path / "home")]
        return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True)

    return run


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "[bold]clip.mp4"
    path.write_bytes(b"whatever it is, it waits")
    return path


def test_the_life_of_a_job_that_nobody_works_on(run: Run, clip: Path) -> None:
    ids = run("submit", str(clip), str(clip), "--preset", "fast", "--set", "generate.look=ink").stdout.split()
    assert len(ids) == 2
    listed = run("list")
    assert all(job[:8] in listed.stdout for job in ids) and "[bold]clip.mp4" in listed.stdout
    assert "No worker is running" in listed.stdout
    told = json.loads(run("list", "--json").stdout)
    assert [job["state"] for job in told] == ["queued", "queued"]
    assert told[0]["order"]["settings"] == {"generate.look": "ink"} and "owner" not in told[0]["order"]
    assert "paused" in run("pause", ids[0][:6]).stdout
    assert "queued" in run("resume", ids[0]).stdout
    assert "cancelled" in run("cancel", ids[0]).stdout
    watched = run("watch", ids[0])
    assert watched.returncode == 1 and "It was cancelled." in watched.stderr
    shown = run("show", ids[0])
    assert "Somebody asked to cancel it." in shown.stdout
    assert "is gone" in run("remove", ids[0]).stdout
    assert [job["id"] for job in json.loads(run("list", "--json").stdout)] == [ids[1]]


def test_what_is_wrong_is_said_in_a_sentence(run: Run, clip: Path) -> None:
    for words, sentence in (
        (("submit", str(clip.with_name("absent.mp4"))), "There is no file"),
        (("submit", str(clip), "--set", "generate.look=inc"), "Did you mean 'ink'?"),
        (("show", "nobody"), "There is no job 'nobody'"),
        (("retry", run("submit", str(clip)).stdout.strip()), "A queued job cannot be retried"),
    ):
        said = run(*words)
        assert said.returncode == 1 and sentence in said.stderr.replace("\n", " "), said
        assert "Traceback" not in said.stderr


def test_who_watches_a_job_is_told_that_its_ledger_is_gone(run: Run, clip: Path, tmp_path: Path) -> None:
    job = run("submit", str(clip)).stdout.strip()
    command = [sys.executable, "-m", "pipeline", "jobs", "watch", job, "--home", str(tmp_path / "home")]
    with subprocess.Popen(command, cwd=PROJECT_ROOT, stderr=subprocess.PIPE, text=True) as watch:
        assert watch.stderr
        assert "No worker is running" in watch.stderr.readline()
        (tmp_path / "home" / "jobs" / "ledger.sqlite").unlink()
        told = " ".join(watch.stderr.read().split())  # the console wraps at its width
    assert watch.returncode == 1 and "is not there any more" in told and "Traceback" not in told
