"""The check of the GPU: its driver and its free memory."""

from dataclasses import dataclass

from pipeline.doctor.finding import Finding
from pipeline.doctor.surroundings import Surroundings

SCARCE_MIB = 8 * 1024
"""Free GPU memory below which only the smallest models fit."""

_QUERY = ("--query-gpu=name,driver_version,memory.free,memory.total", "--format=csv,noheader,nounits")
CPU_IS_ENOUGH = "The embedded engine (restyle) works on the CPU without it"


@dataclass(frozen=True)
class Gpu:
    """A graphics card as its driver names it; memory in MiB, None where the driver does not say."""

    name: str
    driver: str
    free_mib: int | None
    total_mib: int | None

    @property
    def driver_major(self) -> int:
        """The first number of the driver's version, which says what it runs; 0 where it is unreadable."""
        return _number(self.driver.partition(".")[0]) or 0

    @property
    def says(self) -> str:
        """The card, its driver and its free memory in a few words."""
        if self.free_mib is None or self.total_mib is None:
            return f"{self.name}, driver {self.driver}"
        return f"{self.name}, driver {self.driver}, {self.free_mib / 1024:.1f} of {self.total_mib / 1024:.1f} GiB free"


def gpu(where: Surroundings) -> Finding:
    """Check the cards, their driver, and how much of their memory is free."""
    if where.program("nvidia-smi") is None:
        return Finding("GPU", "note", f"No NVIDIA GPU is visible here. {CPU_IS_ENOUGH}; engines with a model need one.")
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


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
