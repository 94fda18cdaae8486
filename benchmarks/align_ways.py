"""What coarser and finer ways to align the same pair cost, and how far off each is: time, memory, and error.

python -m benchmarks.align_ways [--seconds 8] [--size 2] [CASE]
Each runs in a process of its own, which decodes both clips first. Its memory is the most that the process ever held;
its frames a second are those of the foreground without decoding. `dtw` of other aligners is the path that every way
here is found by (Viterbi), so that it has no row of its own.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from tests.aligned import Pair
from tests.aligned_cases import MATRIX
from utils.align.alignment import Alignment, align
from utils.align.draft import first_draft, sparse_draft
from utils.align.matching import Matching
from utils.align.proxies import Proxies

PRECISE = Matching()
Way = Callable[[Proxies, Proxies], Alignment]


def dense(matching: Matching) -> Way:
    """All frames are compared."""
    return lambda background, foreground: align(background, foreground, None, matching)


WAYS: dict[str, Way] = {
    "sparse: keyframes": lambda background, foreground: first_draft(background, foreground, PRECISE),
    "every 4th frame": lambda background, foreground: sparse_draft(background, foreground, PRECISE, None, _nothing),
    "dense, placed once": dense(replace(PRECISE, places="scale")),
    "dense, adaptive": dense(replace(PRECISE, places="auto")),
    "dense, precise": dense(PRECISE),
    "small pictures": dense(replace(PRECISE, width_px=48)),
    "large pictures": dense(replace(PRECISE, width_px=96)),
}
"""Adaptive: a placement is refined only where a glance at matched frames shows that it is off."""


@dataclass(frozen=True)
class Run:
    """What a way took and how far off it was."""

    seconds: float
    processor_s: float
    sure: float
    error: float


def main() -> None:
    """Run all ways on one case."""
    reader = argparse.ArgumentParser()
    reader.add_argument("case", nargs="?", default="offset")
    reader.add_argument("--seconds", type=float, default=8.0)
    reader.add_argument("--size", type=int, default=2)
    said = reader.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pair = MATRIX[said.case].enlarged(said.size, said.seconds).made(Path(folder))
        print(f"{'way':22}{'frames/s':>10}{'of one core':>13}{'memory':>10}{'sure':>8}{'rms error':>11}")
        for name, way in WAYS.items():
            run, memory_mb = _apart(pair, way, Path(folder) / "run")
            frames = len(pair.truth)
            speed = f"{frames / run.seconds:10.0f}{frames / run.processor_s:13.0f}"
            print(f"{name:22}{speed}{memory_mb:7.0f} MB{run.sure:8.1%}{run.error:11.3f}", flush=True)


def _apart(pair: Pair, way: Way, place: Path) -> tuple[Run, float]:
    """A way in a process of its own, and the memory of that in MB."""
    child = os.fork()
    if not child:
        status = 1
        try:
            place.write_text(json.dumps(asdict(_run(pair, way))))
            status = 0
        finally:
            os._exit(status)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit("A way failed; what it says stands above.")
    return Run(**json.loads(place.read_text())), usage.ru_maxrss / 1024


def _run(pair: Pair, way: Way) -> Run:
    clips = Proxies.of(pair.background), Proxies.of(pair.foreground)
    started = time.perf_counter(), time.process_time()
    found = way(*clips)
    took = time.perf_counter() - started[0], time.process_time() - started[1]
    sure = np.array([label == "sure" for label in found.labels])
    return Run(*took, float(sure.mean()), float(np.sqrt(np.mean(pair.away(found.moments)[sure] ** 2))))


def _nothing() -> None:
    """Nobody cancels."""


if __name__ == "__main__":
    main()
