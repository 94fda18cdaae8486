"""Memory that is free inside this process goes back to the system."""

import ctypes
import gc
from contextlib import suppress


def give_back() -> None:
    """After a large piece of work: the allocator keeps what it once had, and every job would leave a little behind."""
    gc.collect()
    with suppress(OSError, AttributeError):  # another C library than glibc has no such call
        ctypes.CDLL("libc.so.6").malloc_trim(0)
