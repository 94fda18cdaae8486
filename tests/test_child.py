"""Guarded children: their first line is heard, and no child can hold up, fill up or outlive the one who asked."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from utils import guarded_child as child
from utils.project import PROJECT_ROOT


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_first_line_is_the_answer_also_of_one_that_crashes_later() -> None:
    assert child.ask(python("print('yes'); print('no')"), 60) == "yes"
    assert child.ask(python("print('yes', flush=True); import os; os.abort()"), 60) == "yes"


def test_a_child_hears_what_is_added_to_its_environment_and_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"RUNPOD_API_KEY", "RESHOOT_AUTH", "RESHOOT_BROLL_KEY", "RESHOOT_LANGUAGE_MODEL_KEY"}
    for name in secrets:
        monkeypatch.setenv(name, "ada:secret")
    said = child.ask(python("import os; print(*os.environ)"), 60, {"MORE": "1"})
    assert said and "MORE" in said.split() and not secrets & set(said.split())


@pytest.mark.parametrize("code", ["", "raise SystemExit('why')", "import os; os.abort()"])
def test_one_that_says_nothing_gives_none(code: str) -> None:
    assert child.ask(python(code), 60) is None


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_one_that_never_stops_talking_is_ended(stream: str, tmp_path: Path) -> None:
    """What it says is not collected without end, and talking does not keep it alive."""
    mark = tmp_path / "pid"
    code = f"import os, pathlib, sys; pathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\n"
    code += f"while True: sys.{stream}.write('x' * 65536)"
    assert child.ask(python(code), 600 if stream == "stdout" else 3) is None
    assert not alive(int(mark.read_text()))


def test_one_that_takes_too_long_ends_with_all_it_started(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    code = "import subprocess, sys, pathlib, time;"
    code += "it = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)']);"
    code += f"pathlib.Path({str(mark)!r}).write_text(str(it.pid)); time.sleep(300)"
    assert child.ask(python(code), 3) is None
    until(lambda: not alive(int(mark.read_text())))


def test_one_goes_when_its_parent_is_killed(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    code = "import os, pathlib, time; from utils.guarded_child import go_with_parent; go_with_parent();"
    code += f"pathlib.Path({str(mark)!r}).write_text(str(os.getpid())); time.sleep(300)"
    parent = subprocess.Popen(
        python(f"import sys; from utils.guarded_child import ask; ask([sys.executable, '-c', {code!r}], 300)"),
        cwd=PROJECT_ROOT,
    )
    until(lambda: mark.exists() and mark.read_text() != "")
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    until(lambda: not alive(int(mark.read_text())))


def test_all_that_is_said_is_heard_and_how_it_ended() -> None:
    answer = child.listen(python("import sys; print('a'); print('b'); sys.exit('why')"), 60)
    assert answer == child.Answer(b"a\nb\n", "why\n", 1)
    late = child.listen(python("import time; print('a', flush=True); time.sleep(300)"), 3)
    assert late.late and late.said == b"" and late.code is None
    many = child.listen(python("print('a' * 2000)"), 60, most_bytes=1000)
    assert not many.late and many.said == b"" and many.code is None


def test_one_that_goes_with_its_parent_also_ends_well_by_itself() -> None:
    code = (
        "from utils.guarded_child import go_with_parent; go_with_parent(); import time; time.sleep(0.1); print('yes')"
    )
    assert child.listen(python(code), 60) == child.Answer(b"yes\n", "", 0)


def test_one_that_may_not_write_cannot(tmp_path: Path) -> None:
    code = "from utils.guarded_child import limit; limit(1 << 30, writes=False)\n"
    code += f"try: open({str(tmp_path / 'file')!r}, 'wb', 0).write(b'x')\nexcept OSError: print('refused')"
    assert child.ask(python(code), 60) == "refused"


def test_memory_is_limited() -> None:
    limited = "from utils.guarded_child import limit; limit(1 << 30)\n"
    assert child.ask(python(limited + "print('in', flush=True); print(len(bytearray(2 << 30)))"), 60) == "in"
    code = limited + "try: bytearray(2 << 30)\nexcept MemoryError: print('refused')"
    assert child.ask(python(code), 60) == "refused"


def test_it_is_light() -> None:
    code = "import sys, utils.guarded_child; print(*sorted(sys.modules))"
    said = child.ask(python(code), 60) or ""
    assert not set(said.split()) & {"numpy", "cv2", "av", "sqlalchemy", "gradio", "fastapi", "pydantic"}


def test_one_that_is_followed_is_told_a_line_and_heard_line_by_line() -> None:
    code = "from utils.guarded_child import heard; told = heard(); print(told, flush=True); print('rest', end='')"
    assert list(child.follow(python(code), "a secret", 60, lambda: None)) == ["a secret", ""], "the rest is no line"
    assert list(child.follow(python("pass"), "nobody hears it", 60, lambda: None)) == []


def test_one_that_is_followed_ends_when_that_is_checked_and_wanted() -> None:
    pids = list[int]()

    def check() -> None:
        if pids:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        for line in child.follow(
            python("import os, time; print(os.getpid(), flush=True); time.sleep(600)"), "", 60, check
        ):
            pids.append(int(line))
    until(lambda: not alive(pids[0]))
