"""The checks of memory and processor cores, container limits included."""

import os
import re
from pathlib import Path

from pipeline.doctor.finding import Finding
from pipeline.doctor.surroundings import Surroundings

GIB = 1 << 30
LEAST_MEMORY_BYTES = 2 * GIB
"""Below this a run may fail."""
AMPLE_MEMORY_BYTES = 6 * GIB
"""Below this 4K clips and models may not fit."""


def memory(where: Surroundings) -> Finding:
    """Check the available memory. Frames stream, so a few GiB do for a clip of any length; a model needs more."""
    available = _available_bytes(where)
    if available is None:
        return Finding("Memory", "note", "This system does not tell how much memory is available.")
    says = f"{available / GIB:.1f} GiB of memory available"
    remedy = "Close other programs, or take a larger machine."
    if available < LEAST_MEMORY_BYTES:
        return Finding("Memory", "problem", f"{says}: a run needs about {LEAST_MEMORY_BYTES / GIB:g} GiB.", remedy)
    if available < AMPLE_MEMORY_BYTES:
        return Finding("Memory", "note", f"{says}: enough up to full HD; 4K and models need more.", remedy)
    return Finding("Memory", "ok", f"{says}.")


def cores(where: Surroundings) -> Finding:
    """Check the usable cores, which in a container are fewer than those of the machine."""
    count = _core_count(where)
    if count < 2:
        return Finding("Cores", "note", f"{count:g} processor core: it works, slowly.", "Take two cores or more.")
    return Finding("Cores", "ok", f"{count:g} processor cores.")


def _available_bytes(where: Surroundings) -> int | None:
    """The system's available memory, or the container's limit where that is less."""
    match = re.search(r"^MemAvailable:\s+(\d+) kB", _text(where.proc / "meminfo"), re.MULTILINE)
    limits = [_text(where.cgroup / name).strip() for name in ("memory.max", "memory/memory.limit_in_bytes")]
    limits_bytes = [int(limit) for limit in limits if limit.isdigit()]
    return min([*limits_bytes, int(match[1]) * 1024]) if match else min(limits_bytes, default=None)


def _core_count(where: Surroundings) -> float:
    affinity = getattr(os, "sched_getaffinity", None)
    usable = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota, _, period = _text(where.cgroup / "cpu.max").strip().partition(" ")
    return min(usable, round(int(quota) / int(period), 1)) if quota.isdigit() and period.isdigit() else usable


def _text(path: Path) -> str:
    """The text of a kernel file; empty where this kernel has none."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
