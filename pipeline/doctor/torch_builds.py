"""Builds of torch: the installed one, read without importing it, and which one a driver runs."""

import ast
import re
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from pipeline.doctor.surroundings import Surroundings

OLDEST_DRIVER = {11: 450, 12: 525, 13: 580}
"""The first driver that runs programs built for each CUDA major version (NVIDIA's compatibility table)."""


@dataclass(frozen=True)
class Build:
    """An installed torch or torchvision: its version (2.14.1+cu130), and torch's CUDA (13.0), empty without one."""

    version: str
    cuda: str

    @property
    def oldest_driver(self) -> int:
        """The first driver that runs it; 0 where nobody has said so yet."""
        return OLDEST_DRIVER.get(int(self.cuda.partition(".")[0] or 0), 0)

    @property
    def platform(self) -> str:
        """The platform of the build as its version says it: cu130, cpu, or nothing (a commit's digest says nothing)."""
        match = re.search(r"\+(cpu|cu\d+|rocm[\d.]+)$", self.version)
        return match[1] if match else ""


@dataclass(frozen=True)
class Offer:
    """A torch and its torchvision to install: the CUDA of the build, the first driver that runs it, its index."""

    torch: str
    torchvision: str
    cuda: str
    driver: int
    index: str = ""

    def command(self, where: Surroundings) -> str:
        """The command that installs both without leaving the ranges of the core."""
        index = f" --extra-index-url {self.index}" if self.index else ""
        return where.reinstall(f"torch=={self.torch}", f"torchvision=={self.torchvision}") + index


OFFERS = (
    Offer("2.14.1", "0.29.1", "13.0", 580),
    Offer("2.10.0", "0.25.0", "12.8", 570),
    Offer("2.8.0+cu126", "0.23.0+cu126", "12.6", 525, "https://download.pytorch.org/whl/cu126"),
)
"""Newest first: the tested one of constraints-torch.txt, the last on PyPI for CUDA 12, and the oldest that the engines
take. CUDA 12.6 came with driver 560; those from 525 on run it too (minor version compatibility)."""


def advice(driver_major: int, where: Surroundings) -> str:
    """The command for the newest torch that a driver runs, or what to do about the driver."""
    found = next((each for each in OFFERS if each.driver <= driver_major), None)
    if found is None:
        return f"Update the driver to {OFFERS[0].driver} or newer, then: {OFFERS[0].command(where)}"
    return f"torch {found.torch}, built for CUDA {found.cuda}, fits this driver: {found.command(where)}"


def installed_build(package: str, where: Surroundings) -> Build | None:
    """The installed torch or torchvision, from its version.py; None where there is none."""
    found = PathFinder.find_spec(package, where.search_path)
    if found is None or found.origin is None:
        return None
    values = _texts(Path(found.origin).with_name("version.py"))
    return Build(values.get("__version__", "of unknown version"), values.get("cuda", ""))


def _texts(source: Path) -> dict[str, str]:
    """The names to which a module assigns a plain text; none where it cannot be read."""
    try:
        tree = ast.parse(source.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return {}
    found: dict[str, str] = {}
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
            found[target.id] = value.value
    return found
