"""The README and the pages beside it: examples run, and commands, settings, models and files named there exist."""

import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer

from pipeline.__main__ import app
from pipeline.engines import engines
from pipeline.models.registry import Registry
from pipeline.settings import Settings, read_assignments
from tests.journeys import filmed
from utils.media.probe import Limits, scan
from utils.walker import Shot

PROJECT = Path(__file__).resolve().parents[1]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = ("README.md", "docs/engines.md", "docs/shared-cache.md", "docs/keyframe.md", "docs/pods.md")
PAGES = {name: (PROJECT / name).read_text(encoding="utf-8") for name in DOCUMENTS}


def test_the_example_in_python_runs(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.S)
    (tmp_path / "out").mkdir()
    filmed(tmp_path, Shot(size=(320, 180), frames=12)).rename(tmp_path / "out" / "walker.mp4")
    environment = {"PYTHONPATH": str(PROJECT), "RESHOOT_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"}
    child = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert child.returncode == 0, child.stderr
    assert "'ratio'" in child.stdout
    assert len(scan(tmp_path / "restyled.mp4", Limits())) == 12


def test_the_rooms_on_the_map_are_there() -> None:
    the_map = README.partition("## The map of the house")[2].partition("\nImports")[0]
    folder, missing = PROJECT, []
    for line in the_map.splitlines():
        indent, names = len(line) - len(line.lstrip()), re.match(r"(?:[\w.]+/?(?:\.py)? ?)+(?=  )", line.strip())
        if names is None:
            continue
        base = PROJECT if indent == 4 else folder
        found = names[0].split()
        missing += [name for name in found if not (base / name).exists()]
        folder = PROJECT / found[0] if indent == 4 else folder
    assert not missing and "processor.py" in the_map


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_one(page: str) -> None:
    commands = re.findall(r"(?:^    |`)python -m (pipeline|benchmarks)[ .]([^`\n#]+)", PAGES[page], re.M)
    assert len(commands) > 3
    for room, line in commands:
        if room == "benchmarks":
            assert find_spec(f"benchmarks.{line.split()[0]}"), line
        else:
            understood(shlex.split(line))


def understood(words: list[str]) -> None:
    """Let the command line read words as it would before it runs anything."""
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands") and not (command.invoke_without_command and "".join(words[:1])[:1] in ("", "-")):
        name, *words = words
        assert name in command.commands, name
        command = command.commands[name]
    if words:
        command.make_context("", ["generate.seed=1" if word == "..." else word for word in words])


@pytest.mark.parametrize("page", ["README.md", "docs/engines.md"])
def test_every_setting_is_one_and_takes_its_value(page: str) -> None:
    groups = "|".join(Settings.model_fields)
    named = re.findall(rf"`(?:--set \"?)?((?:{groups})\.\w+)(?:=([^`\"]*))?\"?`", PAGES[page])
    assert len(named) > 1
    for name, value in named:
        Settings.field(name)
        if value:
            Settings.load(overrides=read_assignments([f"{name}={value}"]))


def test_the_page_of_the_engines_names_every_checkpoint(tmp_path: Path) -> None:
    registry, page = Registry.load(tmp_path), PAGES["docs/engines.md"]
    named = set(
        re.findall(r"`((?:wan-vace|sd|sdxl|flux2|qwen-image|bernini-r|depth-anything|ip-adapter)(?:-[\w.-]+)?)`", page)
    )
    assert named <= {model.name for model in registry}
    assert named >= {model.name for engine in engines() for model in registry.choices(engine.name)}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", PAGES[page]) if "://" not in link]
    missing = [link for link in links if not ((PROJECT / page).parent / link).exists()]
    assert not missing and (links or page != "README.md")
