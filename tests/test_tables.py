"""Where jobs are kept: what cannot be opened is told in two sentences, without the password that was in it."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.jobs.job import JobError
from pipeline.jobs.places import database_url
from pipeline.jobs.tables import open_database
from tests.workers import HOUSE


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("hello", "not said as a URL"),
        ("postgresql://ada:secret@host:port/x", "not said as a URL"),
        ("mysql://ada:secret@host/x", "cannot be kept in 'mysql'"),
        ("sqlite://", "has no name"),
        ("postgresql://ada:secret@localhost:1/x", "Connection refused"),
        ("postgres://ada:secret@localhost:1/x", "Connection refused"),
        ("sqlite:////proc/nowhere/x.sqlite", "No such file or directory"),
    ],
)
def test_what_cannot_be_opened_is_told(tmp_path: Path, url: str, why: str) -> None:
    with pytest.raises(JobError) as told:
        open_database(database_url(tmp_path, url))
    assert why in told.value.problem and told.value.remedy
    assert "secret" not in str(told.value)


def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "jobs" / "ledger.sqlite"
    file.parent.mkdir()
    file.write_text("something else " * 100)
    with pytest.raises(JobError, match="not a database"):
        open_database(database_url(tmp_path))
    assert file.read_text().startswith("something else")


@pytest.mark.parametrize("command", [["app.py", "--port", "0"], ["-m", "pipeline", "worker"]])
def test_whoever_starts_with_it_hears_two_sentences(tmp_path: Path, command: list[str]) -> None:
    said = ["--home", str(tmp_path), "--database", "postgresql://ada:secret@localhost:1/x"]
    child = subprocess.run([sys.executable, *command, *said], cwd=HOUSE, capture_output=True, text=True, timeout=60)
    assert child.returncode == 1
    assert "cannot be opened" in child.stderr and "Traceback" not in child.stderr and "secret" not in child.stderr
