"""Memory of this process: how much it needed at most, and what is free of it goes back to the system."""

import ctypes
import gc
import resource
from contextlib import suppress
from pathlib import Path

_M_ARENA_MAX = -8


def share_pool() -> None:
    """Before threads begin: they share one pool of free memory instead of having one each.

    A run starts dozens of threads. With a pool for each, what is free in one is of no use to the others, and a little
    that stays holds all of it: half as much again at the peak, and more with every job.
    """
    _ask("mallopt", _M_ARENA_MAX, 1)


def give_back() -> None:
    """After a large piece of work: the allocator keeps what it once had, and every job would leave a little behind."""
    gc.collect()
    _ask("malloc_trim", 0)


def _ask(what: str, *values: int) -> None:
    """Of the allocator."""
    with suppress(OSError, AttributeError):  # another C library than glibc has no such call
        getattr(ctypes.CDLL("libc.so.6"), what)(*values)


def peak_mb() -> float:
    """Resident at most so far, of this program alone: `getrusage` begins with what its parent held at its start."""
    try:
        rows = Path("/proc/self/status").read_text().splitlines()
        kilobytes = next(int(row.split()[1]) for row in rows if row.startswith("VmHWM"))
    except (OSError, StopIteration):  # another system than Linux
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / 1024
