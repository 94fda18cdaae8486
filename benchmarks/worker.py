"""python -m benchmarks.worker: measures whether the memory of a worker grows with the jobs that it has done."""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from pipeline.jobs.job import State
from tests.journeys import filmed
from tests.workers import house
from utils.walker import Shot

FIRST = 2
"""The number of jobs after which everything is loaded and compiled."""


def main() -> None:
    """Run jobs of one clip, each with its own seed, so that only the analysis comes from the cache."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = filmed(Path(folder), Shot(size=(640, 360), frames=60))
        with house(Path(folder, "home")) as home:
            sizes = []
            for number in range(options.jobs):
                job = home.submit(clip, generate__seed=number)
                assert home.ended(job).state is State.DONE
                sizes.append(resident_mb(home.living()[0].pid))
    slope = np.polyfit(np.arange(FIRST, len(sizes)), sizes[FIRST:], 1)[0]
    print("resident after each job, MB: " + " ".join(f"{size:.0f}" for size in sizes))
    print(f"after job {FIRST}: {sizes[FIRST - 1]:.0f} MB; after job {len(sizes)}: {sizes[-1]:.0f} MB", end="")
    print(f" ({sizes[-1] / sizes[FIRST - 1]:.3f} x); slope {slope:+.2f} MB a job")


def resident_mb(pid: int) -> float:
    """The resident memory of a running process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


if __name__ == "__main__":
    main()
