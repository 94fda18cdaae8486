"""The house keeps its shape: imports run one way, files and functions stay readable, heavy libraries load late."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines import MODELS
from utils.project import PROJECT_ROOT

ROOMS = ("utils", "pipeline", "ui", "app")
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
SOURCES = sorted(
    path for room in ("utils", "pipeline", "ui", "benchmarks") for path in (PROJECT_ROOT / room).rglob("*.py")
)
SOURCES = [PROJECT_ROOT / "app.py", *SOURCES]


def imported(tree: ast.AST) -> set[str]:
    """The first part of every module that is imported, also inside functions."""
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PROJECT_ROOT)))
def test_a_file_is_where_it_belongs_and_of_readable_length(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    room = path.relative_to(PROJECT_ROOT).parts[0].removesuffix(".py")
    allowed = ROOMS[: ROOMS.index(room) + 1] if room in ROOMS else ROOMS
    assert imported(tree) & set(ROOMS) <= set(allowed)
    assert room == "benchmarks" or "tests" not in imported(tree)
    assert len(text.splitlines()) <= LONGEST_FILE
    assert ast.get_docstring(tree), "a file says in its first line what it is"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{node.name} has {length} lines"


STORY = ("see", "plan", "make", "compose", "report", "preview")
"""The rooms of the journey in its order: each may import those before it, what all share, and nothing else."""
SHARED = ("engines", "run", "settings", "stage", "stage_texts", "types")
BELOW = {"engines": ("engines", "models"), "models": ("models",)}
"""The weights of models lie below the engines, which alone use them."""
AROUND = ("library", "jobs", "commands", "doctor")
"""What uses the journey."""


@pytest.mark.parametrize("room", [*STORY, "engines", "models", "settings"])
def test_a_room_of_the_story_knows_only_the_rooms_before_it(room: str) -> None:
    before = STORY[: STORY.index(room) + 1] if room in STORY else BELOW.get(room, (room,))
    for path in sorted((PROJECT_ROOT / "pipeline" / room).rglob("*.py")):
        for module in modules(ast.parse(path.read_text(encoding="utf-8"))):
            if module.startswith("pipeline."):
                part = module.split(".")[1]
                known = part in before or part in SHARED
                assert known, f"{path.relative_to(PROJECT_ROOT)} imports {module}"


def test_the_room_of_models_loads_no_library_of_models() -> None:
    for path in sorted((PROJECT_ROOT / "pipeline" / "models").rglob("*.py")):
        heavy = imported(ast.parse(path.read_text(encoding="utf-8"))) & {"torch", "diffusers", "transformers"}
        assert not heavy, f"{path.relative_to(PROJECT_ROOT)} imports {heavy}"


def test_no_two_rooms_of_utils_need_each_other() -> None:
    """A folder or single file of utils is a room; arrows between rooms go one way."""
    arrows: set[tuple[str, str]] = set()
    for path in sorted((PROJECT_ROOT / "utils").rglob("*.py")):
        room = path.relative_to(PROJECT_ROOT / "utils").parts[0].removesuffix(".py")
        for module in modules(ast.parse(path.read_text(encoding="utf-8"))):
            if module.startswith("utils.") and module.split(".")[1] != room:
                arrows.add((room, module.split(".")[1]))
    assert not {tuple(sorted(each)) for each in arrows if each[::-1] in arrows}


def test_nothing_in_the_pipeline_but_the_jobs_knows_that_there_are_jobs() -> None:
    for path in sorted((PROJECT_ROOT / "pipeline").rglob("*.py")):
        room = path.relative_to(PROJECT_ROOT / "pipeline").parts[0]
        if room not in ("jobs", "commands", "library"):
            assert not {each for each in modules(ast.parse(path.read_text())) if each.startswith("pipeline.jobs")}


def decisions() -> list[tuple[str, str]]:
    """The rows of the table in CONTRIBUTING.md: file and name."""
    rows = re.findall(r"^\| .* \| `([\w/.]+)` \| `(\w+)` \|$", (PROJECT_ROOT / "CONTRIBUTING.md").read_text(), re.M)
    return list(map(tuple, rows))


def test_things_are_decided_where_the_table_says() -> None:
    assert len(decisions()) >= 20
    for file, name in decisions():
        tree = ast.parse((PROJECT_ROOT / file).read_text(encoding="utf-8"))
        defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
        targets = [node.targets if isinstance(node, ast.Assign) else [node.target]
                   for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]  # fmt: skip
        defined |= {each.id for group in targets for each in group if isinstance(each, ast.Name)}
        assert name in defined, f"{file} does not define {name}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    """At their top; what is imported inside a function comes when it is needed."""
    known = {".".join(path.relative_to(PROJECT_ROOT).with_suffix("").parts): path for path in SOURCES}
    arrows = {
        name: {each for each in modules(ast.parse(path.read_text()), top=True) if each in known}
        for name, path in known.items()
    }
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way[way.index(name) :], name))
        if name not in done:
            for other in sorted(arrows[name]):
                visit(other, (*way, name))
            done.add(name)

    for name in sorted(arrows):
        visit(name, ())


def modules(tree: ast.Module, *, top: bool = False) -> set[str]:
    """Every module that is imported, whole; with `top`, only where the file itself is loaded, and not for types."""
    nodes = tree.body if top else list(ast.walk(tree))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return set(names)


def test_the_command_line_answers_before_anything_heavy_is_loaded() -> None:
    code = "import sys, pipeline.__main__; print(*sorted(sys.modules))"
    child = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    loaded = set(child.stdout.split())
    heavy = {"numpy", "cv2", "av", "mediapipe", "numba", "pydantic", "yaml", "scipy", "sqlalchemy", "dbos", "obstore"}
    assert not loaded & (heavy | MODELS)


def test_every_command_has_help() -> None:
    for command in (
        "generate",
        "preview",
        "steady",
        "jobs",
        "worker",
        "walker",
        "probe",
        "settings",
        "doctor",
        "cache",
        "models",
    ):
        child = subprocess.run(
            [sys.executable, "-m", "pipeline", command, "--help"], cwd=PROJECT_ROOT, capture_output=True, text=True
        )
        assert child.returncode == 0, child.stderr
        assert "Usage" in child.stdout


def test_an_error_is_two_sentences_and_no_traceback(tmp_path: Path) -> None:
    child = subprocess.run(
        [sys.executable, "-m", "pipeline", "probe", str(tmp_path / "[/absent].mp4")],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
    )
    assert child.returncode == 1
    assert "There is no file" in child.stderr and "try again" in child.stderr
    assert "Traceback" not in child.stderr


def test_without_its_packages_it_says_what_to_do() -> None:
    """A fresh clone and the system's Python: the first thing that a stranger types."""
    code = "import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p]; import pipeline.__main__"
    child = subprocess.run([sys.executable, "-S", "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert child.returncode == 1
    assert "is missing. Run `make run`" in child.stderr and "Traceback" not in child.stderr
