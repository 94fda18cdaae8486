"""The house keeps its shape: imports run one way, files and functions stay readable, heavy libraries load late."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1]
ROOMS = ("utils", "pipeline", "ui", "app")
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
SOURCES = sorted(path for room in ("utils", "pipeline", "ui", "benchmarks") for path in (HOUSE / room).rglob("*.py"))


def imported(tree: ast.AST) -> set[str]:
    """The first part of every module that is imported, also inside functions."""
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_a_file_is_where_it_belongs_and_of_readable_length(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    room = path.relative_to(HOUSE).parts[0]
    allowed = ROOMS[: ROOMS.index(room) + 1] if room in ROOMS else ROOMS
    assert imported(tree) & set(ROOMS) <= set(allowed)
    assert room == "benchmarks" or "tests" not in imported(tree)
    assert len(text.splitlines()) <= LONGEST_FILE
    assert ast.get_docstring(tree), "a file says in its first line what it is"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{node.name} has {length} lines"


def test_the_command_line_answers_before_anything_heavy_is_loaded() -> None:
    code = "import sys, pipeline.__main__; print(*sorted(sys.modules))"
    child = subprocess.run([sys.executable, "-c", code], cwd=HOUSE, capture_output=True, text=True, check=True)
    loaded = set(child.stdout.split())
    heavy = {"numpy", "cv2", "av", "mediapipe", "numba", "torch", "pydantic", "yaml", "scipy", "sqlalchemy", "dbos"}
    assert not loaded & heavy


def test_every_command_has_help() -> None:
    for command in ("generate", "look", "steady", "jobs", "worker", "walker", "probe", "settings", "doctor", "cache"):
        child = subprocess.run(
            [sys.executable, "-m", "pipeline", command, "--help"], cwd=HOUSE, capture_output=True, text=True
        )
        assert child.returncode == 0, child.stderr
        assert "Usage" in child.stdout


def test_an_error_is_two_sentences_and_no_traceback(tmp_path: Path) -> None:
    child = subprocess.run(
        [sys.executable, "-m", "pipeline", "probe", str(tmp_path / "[/absent].mp4")],
        cwd=HOUSE,
        capture_output=True,
        text=True,
    )
    assert child.returncode == 1
    assert "There is no file" in child.stderr and "try again" in child.stderr
    assert "Traceback" not in child.stderr


def test_without_its_packages_it_says_what_to_do() -> None:
    """A fresh clone and the system's Python: the first thing that a stranger types."""
    code = "import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p]; import pipeline.__main__"
    child = subprocess.run([sys.executable, "-S", "-c", code], cwd=HOUSE, capture_output=True, text=True)
    assert child.returncode == 1
    assert "is missing. Run `make run`" in child.stderr and "Traceback" not in child.stderr
