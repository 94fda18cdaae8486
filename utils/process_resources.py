"""Resources of this process: peak memory, memory returned to the system, and the limit of open files."""

import ctypes
import gc
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_M_ARENA_MAX, _M_MMAP_THRESHOLD = -8, -3
"""glibc's parameters for the number of malloc arenas, and for the size from which a block is mapped for itself."""
_LARGE_BYTES, _USUAL_BYTES = 1 << 19, 32 << 20
"""What counts as large where blocks grow, and glibc's own limit once blocks of that size were freed."""
MAX_OPEN_FILES = 65_536
LOWEST_PRIORITY, FIRST_TO_GO = 19, 1000


def share_malloc_arena() -> None:
    """Make all threads share one malloc arena, which must happen before they start.

    A run starts dozens of threads. With an arena for each, memory that is free in one is of no use to the others, and a
    small allocation keeps a whole arena: half as much memory again at the peak, and more with every job.
    """
    _call_malloc("mallopt", _M_ARENA_MAX, 1)


def release_free_memory() -> None:
    """Return free memory to the system after a large piece of work; the allocator would keep some of it per job."""
    gc.collect()
    _call_malloc("malloc_trim", 0)


@contextmanager
def growing_in_place() -> Iterator[None]:
    """Map large blocks apart while this runs: one that grows, such as an index, is not copied, and leaves no gap."""
    _call_malloc("mallopt", _M_MMAP_THRESHOLD, _LARGE_BYTES)
    try:
        yield
    finally:
        _call_malloc("mallopt", _M_MMAP_THRESHOLD, _USUAL_BYTES)


def _call_malloc(function: str, *values: int) -> None:
    """Call a function of glibc's allocator."""
    with suppress(OSError, AttributeError):  # another C library than glibc has no such call
        getattr(ctypes.CDLL("libc.so.6"), function)(*values)


def give_way_to_all() -> None:
    """Let this process, in a session of its own, work only while no other one wants to, and be the first to go when
    memory runs out.
    """
    os.nice(LOWEST_PRIORITY)
    for name, value in (("autogroup", LOWEST_PRIORITY), ("oom_score_adj", FIRST_TO_GO)):
        with suppress(OSError):  # a kernel without groups by session, or another system than Linux
            Path("/proc/self", name).write_text(str(value))


def peak_mb() -> float:
    """Peak resident memory of this program alone; `getrusage` would start with its parent's size at the fork."""
    try:
        rows = Path("/proc/self/status").read_text().splitlines()
        kilobytes = next(int(row.split()[1]) for row in rows if row.startswith("VmHWM"))
    except (OSError, StopIteration):  # another system than Linux
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / 1024


def forget_peak() -> None:
    """Let the peak of resident memory begin anew, where the system can: from what is taken now."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def raise_open_file_limit() -> None:
    """Raise the soft limit of open files as far as the hard limit allows, to MAX_OPEN_FILES at most.

    The cache holds a file open for every window of a run until the run ends. Shells usually start with a limit of
    1,024, which is half an hour of film.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(MAX_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < target:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
