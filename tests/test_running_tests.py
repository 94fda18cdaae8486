"""The script that runs the tests, shown by a `python` that only writes down how it is started."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from utils.project import PROJECT_ROOT

PYTHON = """#!/bin/sh
printf '%s\\n' "$TMPDIR" "$OMP_NUM_THREADS" "$*" > started
[ -z "$TMPDIR" ] || stat -c %a "$TMPDIR" > mode
exit {code}
"""
DF = """#!/bin/sh
printf 'Filesystem Size Used Available\\ntmpfs 0 0 {room_mb}\\n'
"""


def run(folder: Path, *more: str, room_mb: int, code: int = 0, **env: str) -> tuple[int, list[str]]:
    """How the script ended, and where the tests were to write, with how many threads, and with which arguments."""
    (folder / "scripts").mkdir()
    shutil.copy(PROJECT_ROOT / "scripts" / "run_tests.sh", folder / "scripts")
    for place, text in ((folder / ".venv/bin/python", PYTHON.format(code=code)), (folder / "bin/df", DF)):
        place.parent.mkdir(parents=True)
        place.write_text(text.replace("{room_mb}", str(room_mb)))
        place.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if name not in ("TMPDIR", "OMP_NUM_THREADS")}
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(["bash", folder / "scripts" / "run_tests.sh", *more], env={**kept, **env, "PATH": path})
    return done.returncode, (folder / "started").read_text().splitlines()


def memory_mb() -> int:
    """What is free of this machine's memory; 0 where files in it cannot be run."""
    if not re.search(r" /dev/shm \S+ (?!\S*noexec)", Path("/proc/mounts").read_text()):
        return 0
    line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable:"))
    return int(line.split()[1]) // 1024


@pytest.mark.skipif(memory_mb() < 12_500, reason="this machine has not the memory for it")
def test_where_memory_has_room_tests_write_there_and_it_goes_with_them(tmp_path: Path) -> None:
    ended, (where, threads, arguments) = run(tmp_path, "-m", "not slow", room_mb=9000, code=3)
    assert where.startswith("/dev/shm/reshoot-tests-") and not Path(where).exists()
    assert threads == "1" and arguments.startswith("-m pytest -n 3 ") and arguments.endswith(" -m not slow")
    assert ended == 3, "a failure is passed on"
    assert (tmp_path / "mode").read_text() == "755\n", "other users may work in it"


def test_where_it_has_none_they_write_where_they_always_do(tmp_path: Path) -> None:
    ended, (where, _, _) = run(tmp_path, room_mb=7000)
    assert (ended, where) == (0, "")


def test_a_place_and_a_number_of_threads_that_are_given_stay(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    _, (where, threads, _) = run(tmp_path, room_mb=9000, TMPDIR=str(given), OMP_NUM_THREADS="4")
    assert where == str(given) and threads == "4" and given.exists()
