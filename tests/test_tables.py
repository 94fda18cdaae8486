"""Where jobs are kept: what cannot be opened is told without its password; what an older version made is opened."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipeline.jobs.database import open_database
from pipeline.jobs.job import JobError, Spot, State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.jobs.tables import meta
from pipeline.jobs.workers.worker_ledger import WorkerLedger
from utils.project import PROJECT_ROOT

pytestmark = pytest.mark.slow

FIRST_VERSION = """
CREATE TABLE reshoot_jobs (
    id VARCHAR NOT NULL PRIMARY KEY, "order" JSON NOT NULL, owner VARCHAR NOT NULL, state VARCHAR NOT NULL,
    wish VARCHAR NOT NULL, wished_at FLOAT, position FLOAT NOT NULL, worker VARCHAR NOT NULL,
    attempts INTEGER NOT NULL, stage VARCHAR NOT NULL, note VARCHAR NOT NULL, share FLOAT NOT NULL, left_s FLOAT,
    place INTEGER NOT NULL, crashes INTEGER NOT NULL, needs_bytes BIGINT NOT NULL, problem VARCHAR NOT NULL,
    remedy VARCHAR NOT NULL, created_at FLOAT NOT NULL, started_at FLOAT, finished_at FLOAT, result JSON NOT NULL
);
INSERT INTO reshoot_jobs VALUES (
    'first', '{"clip": "/a.mp4", "title": "a.mp4"}', '', 'running', '', NULL, 1.0, 'one', 1, 'analyse', '', 0.5, NULL,
    3, 2, 0, '', '', 1.0, 2.0, NULL, '{}'
)
"""
"""The table of jobs before frames were counted, with a job that ran when its worker died."""
OPENS = """
import sys
from pipeline.jobs.ledger import Ledger
print("ready", flush=True)
input()
ledger = Ledger(sys.argv[1])
print([(job.id, job.steps_done, job.frame, job.died_at) for job in ledger.all()])
ledger.close()
"""


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
    child = subprocess.run(
        [sys.executable, *command, *said], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=120
    )
    assert child.returncode == 1
    assert "cannot be opened" in child.stderr and "Traceback" not in child.stderr and "secret" not in child.stderr


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize("older", [True, False], ids=["older", "new"])
def test_a_database_is_brought_up_to_date_by_several_processes_that_open_it_at_once(
    tmp_path: Path, request: pytest.FixtureRequest, kind: str, older: bool
) -> None:
    fresh: Callable[[], str] | None = request.getfixturevalue("postgres") if kind == "postgres" else None
    url = database_url(tmp_path, fresh() if fresh else None)
    (tmp_path / "jobs").mkdir()
    engine = sa.create_engine(url)
    if older:
        with engine.begin() as connection:
            for statement in FIRST_VERSION.split(";"):
                connection.execute(sa.text(statement.replace(": ", "\\: ")))
    command, pipe = [sys.executable, "-c", OPENS, url], subprocess.PIPE
    children = [
        subprocess.Popen(command, cwd=PROJECT_ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(4)
    ]
    for child in children:
        assert child.stdout and child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin
        child.stdin.write("\n")
        child.stdin.flush()
    said = [child.communicate(timeout=120) for child in children]
    seen = "[('first', 3, 0, None)]" if older else "[]"
    assert [out.strip() for out, _ in said] == [seen] * 4, [wrong for _, wrong in said]
    for name, table in meta.tables.items():
        assert {each["name"] for each in sa.inspect(engine).get_columns(name)} == {
            column.name for column in table.columns
        }
    engine.dispose()


def test_a_job_of_an_older_version_goes_on(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    database = sqlite3.connect(tmp_path / "jobs" / "ledger.sqlite")
    database.executescript(FIRST_VERSION)
    database.close()
    ledger = Ledger(database_url(tmp_path))
    WorkerLedger(ledger, "one").tend(idle=True)
    found = ledger.get("first")
    assert (found.state, found.crashes, found.died_at) == (State.QUEUED, 1, Spot(3))
    with ledger.engine.connect() as connection:
        row = connection.execute(sa.text("SELECT wish, wished_at, place, died_at FROM reshoot_jobs")).one()
    assert row == ("", None, 3, '{"place": 3, "frame": 0, "slack": 0}'), "an older worker can read it"
    ledger.close()
