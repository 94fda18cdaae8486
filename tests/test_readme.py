"""The README: its example runs as it stands there, and the files that it names are there."""

import re
import subprocess
import sys
from pathlib import Path

from tests.journeys import filmed
from utils.media.probe import Limits, scan
from utils.walker import Shot

PROJECT = Path(__file__).resolve().parents[1]
README = (PROJECT / "README.md").read_text(encoding="utf-8")


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
