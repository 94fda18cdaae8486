"""A long film is more windows than a shell lets a program hold open: the command line and the worker ask for more."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from utils.project import PROJECT_ROOT

FEW, MANY = 64, 120

HOLD = """
from pathlib import Path
from utils.process_resources import raise_open_file_limit
from utils.key import Key
from utils.store import Store
{asks}
store = Store(Path({home!r}))
held = [store.get_or_make(Key("w", 1, {{"n": n}}), lambda to: (to / "x").write_text(str(n))) for n in range({many})]
print(sum(int(each.read_bytes("x")) for each in held))
"""


def lowered() -> None:
    """As few as a careful system would begin with, and leave to be raised."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


@pytest.mark.parametrize("asks", [True, False])
def test_as_many_results_are_held_as_a_long_film_has_windows(tmp_path: Path, asks: bool) -> None:
    code = HOLD.format(asks="raise_open_file_limit()" if asks else "", home=str(tmp_path), many=MANY)
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT_ROOT, preexec_fn=lowered
    )
    if asks:
        assert child.stdout.strip() == str(sum(range(MANY))), child.stderr
    else:
        assert child.returncode, "nothing was held open: this test tells nothing"


@pytest.mark.parametrize("module", ["pipeline.__main__", "pipeline.jobs.workers.worker"])
def test_it_is_asked_for_at_the_start(module: str) -> None:
    code = (
        f"import resource, sys; sys.argv[1:] = []; import {module} as it\ntry: it.main()\nexcept BaseException: pass\n"
    )
    code += "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], file=sys.stderr)"
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT_ROOT, preexec_fn=lowered
    )
    assert int(child.stderr.strip().splitlines()[-1]) > FEW
