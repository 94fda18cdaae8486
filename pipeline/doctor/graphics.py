"""The checks of the GPU: its driver, its free memory, and whether torch computes on it."""

import sys
from dataclasses import dataclass
from typing import Any

from pipeline.doctor.finding import Finding
from pipeline.doctor.surroundings import PIP, Surroundings

SCARCE_MIB = 8 * 1024
"""Free GPU memory below which only the smallest models fit."""

OLDEST_DRIVER = {11: 450, 12: 525, 13: 580}
"""The first driver that runs programs built for each CUDA major version (NVIDIA's compatibility table)."""

_QUERY = ("--query-gpu=name,driver_version,memory.free,memory.total", "--format=csv,noheader,nounits")
_CPU_IS_ENOUGH = "The embedded engine (restyle) works on the CPU without it"


@dataclass(frozen=True)
class Gpu:
    """A graphics card as its driver names it; memory in MiB, None where the driver does not say."""

    name: str
    driver: str
    free_mib: int | None
    total_mib: int | None

    @property
    def says(self) -> str:
        """The card, its driver and its free memory in a few words."""
        if self.free_mib is None or self.total_mib is None:
            return f"{self.name}, driver {self.driver}"
        return f"{self.name}, driver {self.driver}, {self.free_mib / 1024:.1f} of {self.total_mib / 1024:.1f} GiB free"


def gpu(where: Surroundings) -> Finding:
    """Check the cards, their driver, and how much of their memory is free."""
    if where.program("nvidia-smi") is None:
        return Finding(
            "GPU", "note", f"No NVIDIA GPU is visible here. {_CPU_IS_ENOUGH}; engines with a model need one."
        )
    cards, reason = read_gpus(where)
    if not cards:
        remedy = "Restart the pod or machine; if that does not help, install NVIDIA's driver again."
        return Finding("GPU", "problem", f"The NVIDIA driver does not answer: {reason}.", remedy)
    listed = f"{'; '.join(card.says for card in cards)}."
    if all(card.free_mib is not None and card.free_mib < SCARCE_MIB for card in cards):
        remedy = "`nvidia-smi` lists the programs that hold the memory; close those that you do not need."
        return Finding("GPU", "note", f"{listed} That is little: only the smallest models fit.", remedy)
    return Finding("GPU", "ok", listed)


def read_gpus(where: Surroundings) -> tuple[list[Gpu], str]:
    """The cards that the driver reports, or none and the reason."""
    program = where.program("nvidia-smi")
    if program is None:
        return [], "there is no nvidia-smi"
    answer = where.ask([program, *_QUERY])
    rows = [[cell.strip() for cell in line.split(",")] for line in answer.out.splitlines()]
    cards = [Gpu(row[0], row[1], _number(row[2]), _number(row[3])) for row in rows if len(row) == 4]
    return (cards, "") if answer.code == 0 and cards else ([], answer.reason)


def torch(where: Surroundings) -> Finding:
    """Check whether torch computes on the GPU; the embedded engine needs no torch at all."""
    answer = where.ask_python("torch")
    build = answer.result
    if not build:
        says = f"torch is installed, but does not import: {answer.reason}."
        return Finding("torch", "problem", says, where.reinstall("torch", "torchvision"))
    cards, _ = read_gpus(where)
    if not build["installed"]:
        says = f"torch is not installed. {_CPU_IS_ENOUGH}; engines with a model need it."
        return Finding("torch", "note", says, f"For those: {_reinstall(cards[0], where)}" if cards else "")
    if build["cuda"] and not build["reason"]:
        says = f"torch {build['version']} (CUDA {build['cuda']}) computes on the {build['device']}."
        return Finding("torch", "ok", says)
    return _unusable(build, cards[0], where) if cards else _without_gpu(build)


def torchvision(where: Surroundings) -> Finding:
    """Check that torchvision is of the same build as torch; otherwise its operators do not load."""
    answer = where.ask_python("torchvision")
    build = answer.result
    if not build:
        remedy = where.reinstall("torch", "torchvision")
        return Finding("torchvision", "problem", f"torchvision does not fit this torch: {answer.reason}.", remedy)
    if not build["installed"]:
        return Finding("torchvision", "note", f"torchvision is not installed. {_CPU_IS_ENOUGH}.")
    return Finding("torchvision", "ok", f"torchvision {build['version']} loads its operators.")


def _without_gpu(build: dict[str, Any]) -> Finding:
    return Finding("torch", "note", f"torch {build['version']} works, on the CPU alone: there is no GPU for it.")


def _unusable(build: dict[str, Any], card: Gpu, where: Surroundings) -> Finding:
    """The finding where torch does not compute on a card: the wrong build, an old driver, or torch's own error."""
    version, cuda, reason = build["version"], build["cuda"], build["reason"]
    if not cuda:
        says = f"torch {version} is a build for the CPU alone and cannot see the {card.name}."
        return Finding("torch", "problem", says, _reinstall(card, where))
    needed = OLDEST_DRIVER.get(int(cuda.partition(".")[0]))
    if needed and _driver_major(card) < needed:
        says = f"torch {version} is built for CUDA {cuda}, which driver {card.driver} is too old for."
        return Finding(
            "torch", "problem", says, f"Update the driver to {needed} or newer; or: {_reinstall(card, where)}"
        )
    remedy = f"See that CUDA_VISIBLE_DEVICES does not hide the card; then: {_reinstall(card, where)}"
    return Finding("torch", "problem", f"torch {version} (CUDA {cuda}) cannot use the {card.name}: {reason}.", remedy)


def _reinstall(card: Gpu, where: Surroundings) -> str:
    """The command or advice that installs a build of torch that this card's driver runs."""
    majors = [major for major, driver in OLDEST_DRIVER.items() if driver <= _driver_major(card)]
    newest = max(majors, default=min(OLDEST_DRIVER))
    if newest == max(OLDEST_DRIVER) and sys.platform == "linux":
        return f"{where.reinstall('torch', 'torchvision')} --index-url https://pypi.org/simple"
    return f"choose CUDA {newest} at https://pytorch.org/get-started/locally and run the command it shows with `{PIP}`."


def _driver_major(card: Gpu) -> int:
    return _number(card.driver.partition(".")[0]) or 0


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
