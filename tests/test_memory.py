"""What was used and is free again goes back to the system; what was used at most is known."""

import subprocess
import sys
from pathlib import Path

from utils.process_resources import release_free_memory

MANY, PIECE = 2000, 100_000


def resident_kb() -> int:
    rows = Path("/proc/self/status").read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith("VmRSS"))


def test_memory_between_pieces_that_are_still_used_is_given_back() -> None:
    release_free_memory()
    before = resident_kb()
    pieces = [bytes([1]) * PIECE for _ in range(MANY)]
    kept = pieces[::50]  # so that the heap cannot shrink from its end
    del pieces
    release_free_memory()
    left = resident_kb() - before
    assert left < 0.2 * MANY * PIECE / 1024, (
        f"{left} kB of {MANY * PIECE // 1024} are still held for {len(kept)} pieces"
    )


def test_a_peak_is_this_programs_own_and_not_that_of_whoever_started_it() -> None:
    held = bytearray(300_000_000)
    held[::4096] = b"1" * len(held[::4096])
    code = "from utils.process_resources import peak_mb; a = peak_mb(); b = b'1' * 50_000_000; del b"
    told = subprocess.run([sys.executable, "-c", f"{code}; print(a, peak_mb())"], capture_output=True, text=True)
    before, after = map(float, told.stdout.split())
    assert before < 150
    assert 45 < after - before < 60


def test_threads_share_one_pool() -> None:
    code = """
import ctypes, sys, threading
from utils.process_resources import share_malloc_arena
if len(sys.argv) > 1:
    share_malloc_arena()
together = threading.Barrier(8)
def work():
    together.wait()
    held = [bytes(1000) for _ in range(1000)]
    together.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
[each.start() for each in threads]
[each.join() for each in threads]
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""

    def pools(*shared: str) -> int:
        told = subprocess.run([sys.executable, "-c", code, *shared], capture_output=True, text=True, check=True)
        return told.stdout.count("<heap nr=")

    assert pools("shared") == 1 < pools()


def test_blocks_that_grow_are_not_copied() -> None:
    code = """
import ctypes, sys
from contextlib import nullcontext
from utils.process_resources import growing_in_place, peak_mb, share_malloc_arena
share_malloc_arena()
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.realloc.restype = ctypes.c_void_p
used = ctypes.c_void_p(libc.malloc(30_000_000))  # blocks of that size are no longer mapped apart once one was freed
libc.free(used)
before = peak_mb()
with growing_in_place() if len(sys.argv) > 1 else nullcontext():
    grown = [None, None, None]
    for size in range(1_000_000, 25_000_000, 1_000_000):
        grown = [libc.realloc(ctypes.c_void_p(each), size) for each in grown]
        for each in grown:
            ctypes.memset(ctypes.c_void_p(each), 1, size)
print(peak_mb() - before)
"""

    def peak(*apart: str) -> float:
        command = [sys.executable, "-c", code, *apart]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert 60 < peak("apart") < 80 and peak() > 95
