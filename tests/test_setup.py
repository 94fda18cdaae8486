"""The set-up script: what it installs with, shown by a `python` that only writes down what it is asked."""

import shutil
import subprocess
from pathlib import Path

import pytest

from utils.project import PROJECT_ROOT

PYTHON = """#!/bin/sh
echo "$*" >> calls
case "$*" in
    *"-q --progress-bar off uv") exit {uv_comes} ;;
    "-m uv pip install"*) mkdir -p .venv/.uv-cache; exit {uv_installs} ;;
esac
"""


def set_up(
    folder: Path, *, uv_comes: bool, uv_installs: bool, requirements: str = "requirements-core.txt"
) -> tuple[str, list[str]]:
    """What the script says, and what it installs with."""
    (folder / "scripts").mkdir(parents=True)
    shutil.copy(PROJECT_ROOT / "scripts" / "setup.sh", folder / "scripts")
    for name in (requirements, "constraints.txt", "constraints-torch.txt"):
        shutil.copy(PROJECT_ROOT / name, folder)
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON.format(uv_comes=int(not uv_comes), uv_installs=int(not uv_installs)))
    python.chmod(0o755)
    done = subprocess.run(
        ["bash", "scripts/setup.sh", requirements], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout, [line for line in (folder / "calls").read_text().splitlines() if " install " in line]


def test_uv_installs_what_pip_would(tmp_path: Path) -> None:
    said, calls = set_up(tmp_path, uv_comes=True, uv_installs=True)
    assert [line.split()[1] for line in calls] == ["pip", "uv"]
    assert calls[1].endswith("-r requirements-core.txt -c constraints.txt -c constraints-torch.txt")
    assert "pip does" not in said and not (tmp_path / ".venv" / ".uv-cache").exists()
    subprocess.run(["bash", "scripts/setup.sh", "requirements-core.txt"], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "calls").read_text().count(" install ") == 2, "nothing is installed twice"


def test_what_is_pinned_by_hashes_is_installed_for_the_tests_on_its_own(tmp_path: Path) -> None:
    _, calls = set_up(tmp_path, uv_comes=True, uv_installs=True, requirements="requirements-dev.txt")
    assert calls[1].endswith("-r requirements-dev.txt -c constraints.txt -c constraints-torch.txt")
    assert calls[-1].endswith("--no-deps -r requirements-style.txt")


@pytest.mark.parametrize("uv_comes", [True, False])
def test_pip_installs_where_uv_cannot(tmp_path: Path, uv_comes: bool) -> None:
    said, calls = set_up(tmp_path, uv_comes=uv_comes, uv_installs=False)
    assert calls[-1].startswith("-m pip install")
    assert calls[-1].endswith("-r requirements-core.txt -c constraints.txt -c constraints-torch.txt")
    assert "uv could not install it; pip does" in said and not (tmp_path / ".venv" / ".uv-cache").exists()
