"""What is installed: a core without models, the models' packages on top, all pinned, beside whatever torch is there."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from utils.project import PROJECT_ROOT

TORCH_2_8 = {
    "torch": (
        "2.8.0",
        ["filelock", "typing-extensions>=4.10.0", "sympy>=1.13.3", "networkx", "jinja2", "fsspec", "triton==3.4.0"],
    ),
    "torchvision": ("0.23.0", ["numpy", "torch==2.8.0", "pillow!=8.3.*,>=5.3.0"]),
    "triton": ("3.4.0", ["setuptools>=40.8.0"]),
    "nvidia-cudnn-cu12": ("9.10.2.21", []),
}
"""What their wheels say of themselves, without the rest of NVIDIA's libraries."""
BRINGS_ITS_OWN = {"torch", "torchvision"}
"""Each pins the libraries of the card that it was built for."""


def asked(file: str) -> Iterator[Requirement]:
    """The requirements of a file and of those that it includes."""
    for line in (PROJECT_ROOT / file).read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-r "):
            yield from asked(text.removeprefix("-r "))
        elif text:
            yield Requirement(text)


def brought(wanted: Iterable[Requirement]) -> set[str]:
    """The names of all packages that these requirements bring along, as the installed packages tell it."""
    left, seen = [(one, "") for one in wanted], set[tuple[str, frozenset[str]]]()
    while left:
        one, extra = left.pop()
        key = canonicalize_name(one.name), frozenset(one.extras)
        if key in seen or (one.marker and not one.marker.evaluate({"extra": extra})):
            continue
        seen.add(key)
        if key[0] not in BRINGS_ITS_OWN:
            left += [(Requirement(each), extra) for each in requires(one.name) or () for extra in ("", *one.extras)]
    return {name for name, _ in seen}


def pins(file: str) -> dict[str, str]:
    """The versions that a constraints file pins."""
    return {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in asked(file)}


def test_the_core_brings_no_model_package() -> None:
    core = brought(asked("requirements-core.txt"))
    ours, all_of_them = ({one.name for one in asked(file)} for file in ("requirements-core.txt", "requirements.txt"))
    added = all_of_them - ours
    assert {"torch", "diffusers", "transformers", "controlnet-aux"} <= added
    assert core & added == {"sentencepiece"}, "mediapipe brings it"


def test_all_that_is_installed_is_pinned_but_what_belongs_to_torch() -> None:
    pinned, whole = pins("constraints.txt"), brought(asked("requirements-dev.txt"))
    assert whole - set(pinned) == BRINGS_ITS_OWN == set(pins("constraints-torch.txt"))
    other = {name: version(name) for name in whole - BRINGS_ITS_OWN if version(name) != pinned[name]}
    assert not other, "installed in another version than the pinned one"


def test_the_wheels_of_opencv_are_of_one_version() -> None:
    """They write into one folder."""
    wheels = [one for file in ("requirements.txt", "constraints.txt") for one in asked(file) if "opencv" in one.name]
    assert len({one.name for one in wheels}) == 3 and len({str(one.specifier) for one in wheels}) == 1


def beside(folder: Path, packages: Mapping[str, tuple[str, list[str]]]) -> dict[str, str]:
    """An environment in which packages of these versions and requirements come before the installed ones."""
    for name, (number, wants) in packages.items():
        info = folder / f"{name.replace('-', '_')}-{number}.dist-info"
        info.mkdir(parents=True)
        lines = [f"Name: {name}", f"Version: {number}", *(f"Requires-Dist: {each}" for each in wants)]
        (info / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines, ""]))
    return {**os.environ, "PYTHONPATH": str(folder), "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1"}


def resolved(environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """What pip would do for a pod's packages with what is installed, and nothing else to take them from."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--dry-run", "--report", "-"]
    command = [*pip, "-r", "requirements.txt", "-c", "constraints.txt"]
    return subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_pod_s_own_torch_stays(tmp_path: Path) -> None:
    """pip's own resolver has nothing to add or to change: no package asks for a newer torch."""
    done = resolved(beside(tmp_path, TORCH_2_8))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["install"] == []


@pytest.mark.slow
def test_a_torch_that_is_too_old_for_the_engines_is_not_taken(tmp_path: Path) -> None:
    done = resolved(beside(tmp_path, {"torch": ("2.7.1", [])}))
    assert done.returncode == 1 and "torch>=2.8" in done.stderr


def kept(environment: Mapping[str, str]) -> list[str]:
    command = [sys.executable, "-S", str(PROJECT_ROOT / "scripts" / "kept_torch.py")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()


def test_a_torch_that_is_kept_is_pinned_with_what_came_along(tmp_path: Path) -> None:
    others: dict[str, tuple[str, list[str]]] = {"numpy": ("1.26.4", []), "half-removed": ("", [])}
    (tmp_path / "lost-1.0.dist-info").mkdir()
    assert kept(beside(tmp_path, {**TORCH_2_8, **others})) == [
        "nvidia-cudnn-cu12==9.10.2.21",
        "torch==2.8.0",
        "torchvision==0.23.0",
        "triton==3.4.0",
    ]


@pytest.mark.parametrize("number", ["2.7.1", "1.13.0"])
def test_an_old_torch_is_not_kept(tmp_path: Path, number: str) -> None:
    assert kept(beside(tmp_path, {**TORCH_2_8, "torch": (number, [])})) == []


def test_where_there_is_no_torch_nothing_is_kept(tmp_path: Path) -> None:
    assert kept(beside(tmp_path, {"numpy": ("1.26.4", []), "torchvision": ("0.23.0", [])})) == []


def test_what_is_kept_is_what_the_requirements_allow() -> None:
    (torch,) = (one for one in asked("requirements.txt") if one.name == "torch")
    code = "import scripts.kept_torch as kept; print(*kept.OLDEST, sep='.')"
    oldest = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert str(torch.specifier) == f">={oldest.stdout.strip()}"
