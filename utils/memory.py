"""Memory of this process: how much it needed at most, and what is free of it goes back to the system."""

import ctypes
import gc
import resource
from contextlib import suppress
from pathlib import Path


def give_back() -> None:
    """After a large piece of work: the allocator keeps what it once had, and every job would leave a little behind."""
    gc.collect()
    with suppress(OSError, AttributeError):  # another C library than glibc has no such call
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def peak_mb() -> float:
    """Resident at most so far, of this program alone: `getrusage` begins with what its parent held at its start."""
    try:
        rows = Path("/proc/self/status").read_text().splitlines()
        kilobytes = next(int(row.split()[1]) for row in rows if row.startswith("VmHWM"))
    except (OSError, StopIteration):  # another system than Linux
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / 1024
