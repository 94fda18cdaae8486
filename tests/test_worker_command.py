"""python -m pipeline worker list and drain, on real workers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.jobs.job import State
from tests.journeys import filmed
from tests.workers import NAME, House, house
from utils.project import PROJECT_ROOT
from utils.walker import Shot

pytestmark = pytest.mark.slow


def said(home: House, *arguments: str, of: str = "worker") -> "subprocess.CompletedProcess[str]":
    """What a command on workers or jobs says."""
    command = [sys.executable, "-m", "pipeline", of, *arguments, "--home", str(home.home)]
    return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True)


def test_a_worker_that_is_drained_finishes_what_it_has_and_ends(tmp_path: Path) -> None:
    clip = filmed(tmp_path, Shot(size=(320, 180), frames=120))
    with house(tmp_path / "home", RESHOOT_CARD_PRICE="3600") as home:
        job, later = home.submit(clip), home.submit(clip, generate__look="ink")
        home.working(job)
        assert "ends when it has finished what it has" in said(home, "drain", NAME).stdout
        (listed,) = json.loads(said(home, "list", "--json").stdout)
        assert (listed["name"], listed["job"], listed["is_leaving"]) == (NAME, job, True)
        assert "processor" in listed["device"] and listed["price"] == 3600
        assert listed["idle_s"] >= 0 and listed["alive_s"] >= listed["used_s"]
        supervisor = home.supervisors.pop()
        assert supervisor.wait(120) == 0
        assert home.ledger.get(job).state is State.DONE
        assert home.ledger.get(later).state is State.QUEUED and home.ledger.get(later).crashes == 0
        assert "No worker is running." in said(home, "list").stdout
        took_s = home.ledger.get(job).worked_s
        told = said(home, "show", job, of="jobs").stdout
        assert f"Card time: {took_s:.0f} s for {took_s:.4g}" in told and "4 cards" in told
        home.open()
        assert home.ended(later).state is State.DONE
        home.until(lambda: home.awake().used_s > 0, "used card")


def test_who_is_not_there_cannot_be_drained(tmp_path: Path) -> None:
    with house(tmp_path / "home", opened=False) as home:
        wrong = said(home, "drain", "nobody")
        assert wrong.returncode == 1 and "There is no worker 'nobody'." in wrong.stderr
