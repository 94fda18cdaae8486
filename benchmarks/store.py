"""What the cache costs and what it spares, as ratios of two ways of doing the same.

    python -m benchmarks.store [--mb 256] [--folder DIR]

The two of a pair take turns and their medians are compared, so that a noisy neighbour disturbs both alike.
"""

import argparse
import hashlib
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from utils import digest
from utils.digest import digest_file
from utils.key import Key
from utils.store import Store
from utils.store.local_tier import LocalTier

TURNS = 7
FRAMES = 24


def main() -> None:
    """Measure and print every pair."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=256)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        store, size = Store(Path(folder) / "cache", spare_bytes=0), options.mb << 20
        pairs = [*of_digests(Path(folder), size), *of_hits(store), *of_reads(store, size), *of_counts(Path(folder))]
    print(f"{'this':34} {'against':34} {'s':>9} {'s':>9} {'ratio':>9}")
    for this, against, seconds, others in pairs:
        print(f"{this:34} {against:34} {seconds:9.4f} {others:9.4f} {others / seconds:8.1f}x")


Pair = tuple[str, str, float, float]


def pair(this: str, against: str, one: Callable[[], object], other: Callable[[], object]) -> Pair:
    """The median seconds of two ways, measured in turns."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(TURNS):
        for work, spent in zip((one, other), seconds, strict=True):
            started = time.perf_counter()
            work()
            spent.append(time.perf_counter() - started)
    return this, against, statistics.median(seconds[0]), statistics.median(seconds[1])


def of_digests(folder: Path, size: int) -> list[Pair]:
    """BLAKE3 compared with SHA-256 of one file, and a remembered digest with a computed one."""
    path = folder / "clip"
    path.write_bytes(np.random.default_rng(0).bytes(size))
    digest_file(path)

    def sha256() -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    blake3 = pair("BLAKE3 of a file", "SHA-256 of it", lambda: digest_file(path, afresh=True), sha256)
    time.sleep(digest.SETTLED_NS / 1e9)
    digest_file(path)
    memo = pair(
        "digest remembered", "digest computed", lambda: digest_file(path), lambda: digest_file(path, afresh=True)
    )
    path.unlink()
    return [blake3, memo]


def of_hits(store: Store) -> list[Pair]:
    """A hit compared with computing again, for a cheap stage: a blur of 24 small frames."""
    frames = np.random.default_rng(0).random((FRAMES, 270, 480), np.float32)

    def compute() -> "np.ndarray[Any, Any]":
        return np.stack([gaussian_filter(frame, 3) for frame in frames])

    def hit() -> None:
        with store.get_or_make(Key("blur", 1), lambda folder: np.save(folder / "a.npy", compute())) as entry:
            entry.load_array("a.npy").sum()

    hit()
    return [pair("hit, every byte checked", "computing it again", hit, lambda: compute().sum())]


def of_reads(store: Store, size: int) -> list[Pair]:
    """A checked read compared with a plain one, and publishing with plainly writing the same bytes."""
    data, key = np.random.default_rng(1).bytes(size), Key("large", 1)
    plain = store.folder.parent / "plain"

    def publish() -> None:
        store.get_or_make(key, lambda folder: (folder / "blob").write_bytes(data)).close()
        store.clear()

    def write() -> None:
        plain.write_bytes(data)
        plain.unlink()

    written = pair("publish, digested and synced", "plain write", publish, write)
    store.get_or_make(key, lambda folder: (folder / "blob").write_bytes(data)).close()
    plain.write_bytes(data)

    def checked() -> bytes:
        digest._memo.clear()
        with store.get_or_make(key, lambda folder: None) as entry:
            return entry.read_bytes("blob")

    def checked_before() -> bytes:
        with store.get_or_make(key, lambda folder: None) as entry:
            return entry.read_bytes("blob")

    first = pair("first read in a process, checked", "plain read", checked, plain.read_bytes)
    time.sleep(digest.SETTLED_NS / 1e9)
    checked_before()
    return [written, first, pair("later read in a process", "plain read", checked_before, plain.read_bytes)]


def of_counts(folder: Path) -> list[Pair]:
    """Listing 10 000 entries for eviction, compared with the first time; it is fast without an index."""
    tier = LocalTier(folder / "many")
    tier.prepare()
    for number in range(10_000):
        entry = tier.entries / f"{number:064x}"
        entry.mkdir()
        (entry / "manifest.json").write_bytes(bytes(700))
        (entry / "blob").touch()
    first = pair("10 000 entries listed again", "for the first time", tier.held, lambda: LocalTier(tier.folder).held())
    shutil.rmtree(tier.folder)
    return [first]


if __name__ == "__main__":
    main()
