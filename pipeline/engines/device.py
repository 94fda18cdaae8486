"""The device that engines compute on (graphics card or processor), with its name and memory."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from typing import Literal

ANSWER_S = 5.0
QUERY = ("--query-gpu=name,memory.total", "--format=csv,noheader,nounits")


@dataclass(frozen=True, slots=True)
class Device:
    """A processor or a graphics card."""

    kind: Literal["cpu", "cuda"]
    name: str
    memory_mb: float

    def __str__(self) -> str:
        return f"{self.name}, {self.memory_mb / 1024:.0f} GB"


@cache
def this_device() -> Device:
    """The first NVIDIA card that nvidia-smi reports, else the processor. Cached per process; needs no torch."""
    return _graphics_card() or processor()


@cache
def processor() -> Device:
    """The processors of this machine as a device."""
    count = processors()
    return Device("cpu", f"{count} processor{'s' if count > 1 else ''}", _memory_mb())


def processors() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _graphics_card() -> Device | None:
    program = shutil.which("nvidia-smi")
    if program is None or os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return None
    try:
        answer = subprocess.run([program, *QUERY], capture_output=True, text=True, timeout=ANSWER_S, check=True)
        name, _, memory_mb = answer.stdout.splitlines()[0].rpartition(",")
        return Device("cuda", name.strip(), float(memory_mb))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None  # `python -m pipeline doctor` reports a driver that does not answer


def _memory_mb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20
